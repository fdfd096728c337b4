"""The async core of Frontrow: rules, stores, services, worker, command line.

It knows nothing of HTTP or WebSockets; ``api`` and ``seatmap`` depend on it, never the reverse.
"""
