"""Load and speed: benchmarks, simulated users. Everything here talks to the product from outside."""
