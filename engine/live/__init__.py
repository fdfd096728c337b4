"""The present moment of an event in Redis: states, feeds, watchers, and its rebuilding."""
