"""Limits guesses of a secret: wrong tries are counted by network, and after some the network is refused.

A network that has sent the right secret is never refused, so that nobody behind the same address can
keep its owner out. A new network that has guessed too often is refused for a while even with the right
secret, so that further guessing is pointless.
"""

from typing import Final

import structlog

from engine.base import metrics
from engine.base.caching import Bounded
from engine.base.errors import TooManyRequests
from engine.limits.rates import RateLimit, RateLimits, Standing

log = structlog.get_logger(__name__)
_WELCOME_MAX: Final = 10_000


class Guesses:
    """Counts wrong tries of one secret by the network that they come from."""

    def __init__(self, limits: RateLimits, limit: RateLimit) -> None:
        self._limits = limits
        self._limit = limit
        self._welcome: Bounded[str, None] = Bounded(_WELCOME_MAX)
        self._count = metrics.WRONG_KEYS.labels(limit.name)

    async def right(self, network: str | None) -> None:
        """Record a right secret. ``network`` is None when it has no limits. Raises TooManyRequests."""
        if network is None or network in self._welcome:
            return
        standing = await self._limits.look(self._limit, network)
        if standing.remaining == 0:
            raise _too_many(standing)
        self._welcome[network] = None

    async def wrong(self, network: str | None) -> None:
        """Count a wrong secret. Raises TooManyRequests when it exceeds the limit."""
        self._count.inc()
        if network is None:
            log.warning("wrong key", of=self._limit.name, network="unlimited")
            return
        standing = await self._limits.take(self._limit, network)
        if standing.exceeded:
            raise _too_many(standing)
        # Tries above the limit are only counted: a guesser must not be able to fill the log.
        log.warning("wrong key", of=self._limit.name, network=network)


def _too_many(standing: Standing) -> TooManyRequests:
    return TooManyRequests(
        "Too many wrong keys came from your network; wait, then send the right one.",
        retry_after_s=standing.reset_s,
    )
