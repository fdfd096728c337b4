"""Answers to requests with an Idempotency-Key, kept in Redis to be given again.

A key belongs to a subject, and to an event when the request names one. Each subject has room for
``KEYS_MAX`` keys. A key is claimed before its request has any effect, so that a request without room
for its answer is refused while nothing has happened.
"""

import math
from typing import Final

from engine.base.errors import Remedy, TooManyRequests
from engine.stores.redis import RedisStore

KEYS_MAX: Final = 200
#: The most bytes of one kept answer.
ANSWER_SIZE_MAX: Final = 64 * 1024
#: An answer with an effect is kept for a day; a refusal, which a client can cause without end, for an hour.
KEPT_S: Final = 24 * 3600
REFUSAL_KEPT_S: Final = 3600


class Name:
    """One key of one subject."""

    __slots__ = ("base", "key", "without_event")

    def __init__(self, subject: str, event_id: str | None, key: str) -> None:
        self.base = f"idempotency:{{{subject}}}"
        self.key = f"{event_id or ''}/{key}"
        #: A key used without an event is taken for every event.
        self.without_event = f"/{key}" if event_id else ""


class KeptAnswers:
    """All raise Unavailable while Redis is away or full."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def claim(self, name: Name, mark: bytes, *, in_flight_s: int) -> bytes | None:
        """Claim the key for a request under way, with its unique ``mark`` as the value. None: it is ours.
        Else the value kept under it before. Raises TooManyRequests when the subject has no room.

        ``in_flight_s``: how long the claim lasts without an answer, for example after the process died.
        """
        reply = await self._redis.run(
            "claim_answer",
            name.base,
            name.key,
            name.without_event,
            mark,
            in_flight_s,
            KEYS_MAX,
        )
        if reply[0] == b"claimed":
            return None
        if reply[0] == b"found":
            found: bytes = reply[1]
            return found
        raise TooManyRequests(
            f"You have used {KEYS_MAX} keys whose answers are still kept; nothing was done. Send this "
            "without a key, or later.",
            remedy=Remedy.USE_NO_KEY,
            retry_after_s=max(1, math.ceil(int(reply[1]))),
            code="too-many-keys",
        )

    async def keep(self, name: Name, answer: bytes, *, kept_s: int, mark: bytes) -> None:
        """Keep the claimed key's answer, at most ANSWER_SIZE_MAX bytes. No effect when another request has
        claimed the key since.
        """
        await self._redis.run("keep_answer", name.base, name.key, answer, kept_s, mark)

    async def forget(self, name: Name, *, mark: bytes) -> None:
        """Free the key because the request had no effect, unless another request has claimed it by now."""
        await self._redis.run("keep_answer", name.base, name.key, b"", 0, mark)
