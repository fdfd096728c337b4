"""The clients with which load tests and tests use a site.

- ``http_client``: prepared requests on plain connections, for load that must cost less than the server.
- ``framing``: the framing of WebSockets on plain sockets, for thousands of watchers in one process.
- ``live_map``: one watcher's map, and the faults of its frames. Pure, so every client can use it.
- ``blocking``: a live connection for a Locust user.

Tests that need one well-behaved connection take the library ``websockets`` and a ``StrictMap``.
"""
