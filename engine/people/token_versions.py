"""Access tokens that are refused before they expire: those older than a change to their account.

Each process keeps in memory the people whose tokens have changed within the life of a token, and asks
PostgreSQL for changes every other second; a request needs no query. While PostgreSQL is away the last
known state is used: nobody can change a password then either, and the token of a changed account can
still only hold seats.
"""

import asyncio
import time

import structlog

from engine.base.errors import Unavailable
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

_POLL_S = 2.0
#: A change is dated when it is written and visible when it is committed; no transaction takes this long.
_OVERLAP_S = 120.0


class TokenVersions:
    """``life_s``: the longest life of an access token."""

    def __init__(self, postgres: Postgres, *, life_s: float) -> None:
        self._pg = postgres
        #: The least valid version by person; for people without an entry every version is valid.
        self.known: dict[str, int] = {}
        # A day more, so that a token renewed from an earlier one is not accepted too early.
        self._life_s = life_s + 86_400
        self._read_at: float | None = None

    def note(self, person_id: str, version: int) -> None:
        """Refuse the person's earlier tokens in this process from now on."""
        self.known[person_id] = max(version, self.known.get(person_id, 0))

    async def read(self) -> None:
        """Read the changes since the last time. Raises Unavailable."""
        now = time.monotonic()
        elapsed_s = None if self._read_at is None else now - self._read_at + _OVERLAP_S
        rows = await self._pg.fetch("people.token_changes", elapsed_s or self._life_s)
        for row in rows:
            self.note(row["person_id"], row["token_version"])
        self._read_at = now

    async def watch(self) -> None:
        """Read again and again, until cancelled."""
        is_behind = False
        while True:
            try:
                await self.read()
                is_behind = False
            except Unavailable as error:
                if not is_behind:
                    log.warning("token versions not read: PostgreSQL is away", reason=error.detail)
                is_behind = True
            except Exception:
                log.exception("token versions not read")
            await asyncio.sleep(_POLL_S)
