"""What can be sold: events, venues, layouts (MongoDB)."""
