"""Tickets that tell the live gateway who is watching, without a token in an address.

Whoever has a token asks the API for a ticket and shows it to the gateway, which redeems it: once,
within ``TICKET_TTL_S``. An address is logged by every proxy on the way; by then its ticket is used.
"""

import re
import secrets

from engine.live.keys import live_ticket
from engine.stores.redis import RedisStore

TICKET_TTL_S = 30
_TICKET = re.compile(r"[A-Za-z0-9_-]{32}")
_TICKET_BYTES = 24


class LiveTickets:
    """Both raise Unavailable while Redis is away."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def issue(self, buyer_id: str) -> str:
        """A ticket for ``buyer_id``."""
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        await self._redis.call("SET", live_ticket(ticket), buyer_id, "EX", TICKET_TTL_S)
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        """Whose ticket it is; from then on nobody's. None: unknown, used, or its time is over."""
        if not _TICKET.fullmatch(ticket):
            return None
        buyer_id: bytes | None = await self._redis.call("GETDEL", live_ticket(ticket))
        return None if buyer_id is None else buyer_id.decode()
