"""Listens to the channels of events and persons, and fails on anything that is no live message.

Scripts write some messages themselves, and no type checker sees those.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.live.keys import feed_channel, person_channel
from engine.live.messages import (
    SIGNED_OUT,
    BookingMessage,
    EventMessage,
    HoldMessage,
    NoticeMessage,
    OfferMessage,
    PricesMessage,
    decode_payload,
)
from seatmap.feed import BadPayloadError, ChangeSet, parse_payload

#: Messages of a test to a person whose name is no id are not checked.
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: A test sends this to a person, to know that nothing else is under way.
SENTINEL = "sentinel"
_SENTINEL = b'm|{"type":"%s"}' % SENTINEL.encode()
_END = b"said:end"
_RETRY_S = 0.2
_TOLD_MAX = 20


def complaint(channel: bytes, payload: bytes) -> str | None:
    """The fault of a published message; None: it is valid."""
    if not _ID.search(channel):
        return None
    is_personal = channel.startswith(b"person:")
    if is_personal and payload in (SIGNED_OUT, _SENTINEL):
        return None
    try:
        if not is_personal and payload.startswith(b"c|"):
            item = parse_payload(payload)
            return None if isinstance(item, ChangeSet) else "not a change"
        message = decode_payload(payload)
    except (msgspec.DecodeError, BadPayloadError) as error:
        return str(error)
    personal = (HoldMessage, OfferMessage, BookingMessage, NoticeMessage)
    if isinstance(message, personal if is_personal else (EventMessage, PricesMessage)):
        return None
    return "not for this channel"


@contextlib.asynccontextmanager
async def only_live_messages(redis_url: str) -> AsyncIterator[None]:
    """Within this block, all that is published must be messages of ``engine.live.messages``.

    Raises AssertionError at the end. Channels have no database: those of all worlds of a server are checked.
    """
    wrong: list[str] = []
    async with Redis.from_url(redis_url) as client:
        ready = asyncio.Event()
        listening = asyncio.create_task(_listen(client, wrong, ready))
        await ready.wait()
        try:
            yield
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(5):
                    await client.publish(_END, b"")
                    await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    assert not wrong, "published, but no live message:\n" + "\n".join(wrong[:_TOLD_MAX])


async def _listen(client: Redis, wrong: list[str], ready: asyncio.Event) -> None:
    while True:
        try:
            async with client.pubsub() as pubsub:
                await pubsub.subscribe(_END)
                await pubsub.psubscribe(feed_channel("*"), person_channel("*"))
                async for message in pubsub.listen():
                    if message["type"] == "psubscribe":
                        ready.set()
                    elif message["channel"] == _END and message["type"] == "message":
                        return
                    elif message["type"] == "pmessage":
                        what = complaint(message["channel"], message["data"])
                        if what is not None:
                            wrong.append(f"{what}: {message['channel']!r} {message['data']!r}")
        except (RedisError, OSError):
            await asyncio.sleep(_RETRY_S)
