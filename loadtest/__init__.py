"""Load and speed: benchmarks and simulated users. Everything here uses the product from outside."""
