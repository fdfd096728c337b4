"""The present moment of an event in Redis: its state, what is told of it, and its rebuilding."""
