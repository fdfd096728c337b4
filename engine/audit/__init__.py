"""Invariants, checked while the product runs."""
