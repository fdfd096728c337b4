"""The live seat map: every watcher of an event sees each change within a tick.

::

    protocol   frames to bytes and back, snapshot + deltas = map; no I/O
    feed       one Redis subscription per process; reports when it may have missed something
    replica    the copy of one watched event: feed items in, frames out; no I/O
    fanout     the same bytes to every watcher, bounded per watcher
    hub        events, their copies and keepers: one frame per tick, a difference when in doubt
    people     personal messages, to all connections of that person
    server     WebSocket connections: handshake, tickets, limits, slow clients, close codes, drain

A process of its own, so that a burst to ten thousand maps never delays a booking.
"""
