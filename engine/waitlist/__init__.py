"""The waitlist: who waits, for what, in which order, and who is offered what comes back."""
