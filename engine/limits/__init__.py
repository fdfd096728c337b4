"""Limits for clients: rates, guesses, proofs of work, kept answers."""
