"""The catalogue: events, venues, layouts (MongoDB)."""
