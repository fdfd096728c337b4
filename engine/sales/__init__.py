"""Bookings: reserve, pay, confirm, cancel, refund (PostgreSQL). ``engine.sales.sales`` builds the package's objects."""
