"""Known watchers: personal messages reach all connections of a person.

One Redis subscription per connected person, ``person:<id>``, whatever events that person watches here.
Messages published there are forwarded unchanged. None is ever skipped: a connection too slow to take it is
closed, and a client that reconnects reads everything again.
"""

import asyncio

import structlog

from engine.live.keys import person_channel
from engine.live.messages import SIGNED_OUT, AuthenticatedMessage
from seatmap import metrics
from seatmap.fanout import Watcher, wire
from seatmap.feed import BadPayloadError, Feed, Note, parse_payload
from seatmap.protocol import CLOSE_NOT_AUTHORISED, CLOSE_TOO_SLOW, MessageFrame, message

log = structlog.get_logger(__name__)

#: From here on this person gets messages; earlier ones may have been missed.
_AUTHENTICATED = message(0, AuthenticatedMessage())
#: By then a person who changed the password has the new token, and reconnects with it.
_SIGN_OUT_S = 2.0


class _Room:
    """One person's connections. Listens to the person's channel."""

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self._subscribed = False

    def enter(self, watcher: Watcher) -> None:
        self.watchers.add(watcher)
        if self._subscribed:
            _tell(watcher, _AUTHENTICATED)

    def subscribed(self) -> None:
        self._subscribed = True
        self._tell_all(_AUTHENTICATED)

    def lost(self) -> None:
        self._subscribed = False

    def received(self, payload: bytes) -> None:
        if payload == SIGNED_OUT:
            loop = asyncio.get_running_loop()
            loop.call_later(_SIGN_OUT_S, _sign_out, tuple(self.watchers))
            return
        try:
            note = parse_payload(payload)
        except BadPayloadError as error:
            log.warning("personal message not understood", error=str(error))
            return
        if isinstance(note, Note):
            self._tell_all(MessageFrame(0, note.raw))

    def _tell_all(self, frame: MessageFrame) -> None:
        for watcher in tuple(self.watchers):
            _tell(watcher, frame)


class PersonalMessages:
    """All people with a connection to this process that has shown a ticket."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._rooms: dict[str, _Room] = {}

    async def join(self, person: str, watcher: Watcher) -> None:
        """From its ``authenticated`` message on, ``watcher`` gets the messages of ``person``."""
        if watcher.person is None:
            metrics.AUTHENTICATED.inc()
        watcher.person = person
        room = self._rooms.get(person)
        is_first = room is None
        if room is None:
            room = self._rooms[person] = _Room()
        room.enter(watcher)
        if is_first:
            await self._feed.subscribe(person_channel(person), room)

    async def leave(self, watcher: Watcher) -> None:
        """Has no effect for a watcher without a person."""
        person, watcher.person = watcher.person, None
        if person is None:
            return
        metrics.AUTHENTICATED.dec()
        room = self._rooms[person]
        room.watchers.discard(watcher)
        if not room.watchers:
            del self._rooms[person]
            await self._feed.unsubscribe(person_channel(person), room)


def _sign_out(watchers: tuple[Watcher, ...]) -> None:
    for watcher in watchers:
        if watcher.open:
            watcher.close(CLOSE_NOT_AUTHORISED, "signed out")


def _tell(watcher: Watcher, frame: MessageFrame) -> None:
    if not watcher.open:
        return
    if watcher.behind_since is not None:
        metrics.PERSONAL.labels("cut").inc()
        watcher.close(CLOSE_TOO_SLOW, "too slow")
        return
    metrics.PERSONAL.labels("delivered").inc()
    watcher.push(wire([frame], watcher.encoding))
