"""Telling one person's open connections."""

import structlog

from engine.base.errors import Unavailable
from engine.live.keys import person_channel, signed_out
from engine.live.live_tickets import TICKET_TTL_S
from engine.live.messages import SIGNED_OUT, PersonalMessage, payload
from engine.stores.pipeline import CommandFailed
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: Every process refuses the old tokens after some seconds; the last ticket that was got with one is over then.
_SIGNED_OUT_S = 2 * TICKET_TTL_S


class Telling:
    """Publishes on persons' channels. Who is not connected has missed nothing: it can be read over HTTP."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def tell(self, person_id: str, message: PersonalMessage) -> None:
        """Tell a person's open connections. With Redis away nobody hears it."""
        await self._publish(person_id, payload(message))

    async def sign_out(self, person_id: str, version: int) -> None:
        """Close a person's open connections soon: tokens before ``version`` are no longer good, nor are
        the tickets that were got with them.

        With Redis away they stay until they end by themselves.
        """
        await self._try("SET", signed_out(person_id), version, "EX", _SIGNED_OUT_S)
        await self._publish(person_id, SIGNED_OUT)

    async def _publish(self, person_id: str, text: bytes) -> None:
        await self._try("PUBLISH", person_channel(person_id), text)

    async def _try(self, *command: str | bytes | int) -> None:
        """What was done is done, whether or not anybody hears of it."""
        try:
            await self._redis.call(*command)
        except Unavailable:
            return
        except CommandFailed:
            log.exception("connections not notified", command=command[0])
