"""The clients that load tests and tests speak to a site with.

- ``http_client``: prepared requests on plain connections, for what must not cost more than the server does.
- ``framing``: the framing of WebSockets on plain sockets, for thousands of watchers in one process.
- ``live_map``: one watcher's map, and what is wrong with what it is sent. Pure, so every client has it.
- ``blocking``: a live connection for a Locust user.

Tests that need one well-behaved connection take the library ``websockets`` and a ``StrictMap``.
"""
