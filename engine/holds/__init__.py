"""Seats kept for a buyer for some minutes (Redis)."""
