"""The worker process: work that no request triggers."""
