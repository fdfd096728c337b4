"""Bookings: reserve, pay, confirm, cancel, refund (PostgreSQL)."""
