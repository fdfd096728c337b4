"""The demo: three venues and six events, and their sales so far."""
