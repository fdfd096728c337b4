"""What strangers may do, and how often: rates, guesses, proofs of work, kept answers."""
