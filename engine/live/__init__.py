"""An event's live state in Redis: the state, the messages about it, and its rebuilding."""
