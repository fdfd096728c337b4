"""Telling one person's open connections."""

from contextlib import suppress

from engine.base.errors import Unavailable
from engine.live.keys import person_channel
from engine.live.messages import SIGNED_OUT, PersonalMessage, payload
from engine.stores.redis import RedisStore


class Telling:
    """Publishes on persons' channels. Who is not connected has missed nothing: it can be read over HTTP."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def tell(self, person_id: str, message: PersonalMessage) -> None:
        """Tell a person's open connections. With Redis away nobody hears it."""
        await self._publish(person_id, payload(message))

    async def sign_out(self, person_id: str) -> None:
        """Close a person's open connections soon: the tokens they began with are no longer good.

        With Redis away they stay until they end by themselves.
        """
        await self._publish(person_id, SIGNED_OUT)

    async def _publish(self, person_id: str, text: bytes) -> None:
        with suppress(Unavailable):
            await self._redis.call("PUBLISH", person_channel(person_id), text)
