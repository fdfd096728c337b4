"""Notifying one person's open connections."""

import structlog

from engine.base.errors import Unavailable
from engine.live.keys import person_channel, signed_out
from engine.live.live_tickets import TICKET_TTL_S
from engine.live.messages import SIGNED_OUT, PersonalMessage, payload
from engine.stores.pipeline import CommandFailed
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: Every process refuses the old tokens after some seconds; by then the last ticket issued for one has expired.
_SIGNED_OUT_S = 2 * TICKET_TTL_S


class Telling:
    """Publishes on persons' channels. A person who is not connected can read the same over HTTP."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def tell(self, person_id: str, message: PersonalMessage) -> None:
        """Notify a person's open connections. While Redis is away, nobody is notified."""
        await self._publish(person_id, payload(message))

    async def sign_out(self, person_id: str, version: int) -> None:
        """Close a person's open connections soon: tokens before ``version`` are no longer valid, nor are the
        tickets issued for them.

        While Redis is away they stay until they end by themselves.
        """
        await self._try("SET", signed_out(person_id), version, "EX", _SIGNED_OUT_S)
        await self._publish(person_id, SIGNED_OUT)

    async def _publish(self, person_id: str, text: bytes) -> None:
        await self._try("PUBLISH", person_channel(person_id), text)

    async def _try(self, *command: str | bytes | int) -> None:
        """Run the command; a failure is only logged, because the change itself is done."""
        try:
            await self._redis.call(*command)
        except Unavailable:
            return
        except CommandFailed:
            log.exception("connections not notified", command=command[0])
