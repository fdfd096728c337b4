"""Tickets that identify a person to the live gateway, without a token in an address.

A client with a token asks the API for a ticket and shows it to the gateway, which redeems it: once,
within ``TICKET_TTL_S``. An address is logged by every proxy on the way; by then its ticket is used.
"""

import re
import secrets

from engine.live.keys import live_ticket, signed_out
from engine.stores.redis import RedisStore

TICKET_TTL_S = 30
_TICKET = re.compile(r"[A-Za-z0-9_-]{32}")
_TICKET_BYTES = 24


class LiveTickets:
    """Both raise Unavailable while Redis is away."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def issue(self, buyer_id: str, version: int = 0) -> str:
        """A ticket for ``buyer_id``, who has a token of that ``version``."""
        ticket = secrets.token_urlsafe(_TICKET_BYTES)
        whose = f"{version}:{buyer_id}"
        await self._redis.call("SET", live_ticket(ticket), whose, "EX", TICKET_TTL_S)
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        """The ticket's person. The ticket is used up.

        None: unknown, used, expired, or issued for a token that has ended since.
        """
        if not _TICKET.fullmatch(ticket):
            return None
        whose: bytes | None = await self._redis.call("GETDEL", live_ticket(ticket))
        if whose is None:
            return None
        version, _, buyer_id = whose.decode().partition(":")
        least: bytes | None = await self._redis.call("GET", signed_out(buyer_id))
        return None if int(version) < int(least or 0) else buyer_id
