"""The waitlist: people waiting for seats, their wishes and order, and offers of returned seats."""
