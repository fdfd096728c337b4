"""The worker process: what must happen though nobody asks for it."""
