"""Bookings: reserve, pay, confirm, cancel, refund (PostgreSQL). ``engine.sales.sales`` makes the whole."""
