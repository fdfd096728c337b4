"""Work beside sending: lost hand-overs, live notices, the metrics."""

from typing import Final

import structlog

from engine.base import metrics
from engine.live.live import Live
from engine.live.messages import event_notice
from engine.notifications.announcing import OLD_TIMEZONE
from engine.notifications.model import Status
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)


#: The most kept mails; older ones are deleted.
KEPT_MAX: Final = 2000


_FORGOTTEN_AT_ONCE: Final = 1000


class Watch:
    """Work beside sending: lost hand-overs, live notices, the metrics."""

    def __init__(self, postgres: Postgres, live: Live, retention_days: int) -> None:
        self._pg = postgres
        self._live = live
        self._retention_days = retention_days

    async def run_once(self) -> int:
        """Give up unfinished hand-overs, end the waiting of mails for a proof, and set the gauges.
        Returns 0.
        """
        for row in await self._pg.fetch("notifications.give_up_hoping"):
            metrics.MAILS.labels(row["kind"], Status.UNKNOWN.value).inc()
            log.error("mail handed over without an answer", kind=row["kind"])
        await self._pg.fetch("notifications.let_go_of_proven")
        standing = await self._pg.fetchrow("notifications.standing")
        assert standing is not None
        metrics.MAILS_QUEUED.set(standing["queued"])
        metrics.MAILS_AGE.set(standing["age_s"])
        for status in (Status.DEAD, Status.UNKNOWN):
            metrics.MAILS_FAILED.labels(status.value).set(standing[status.value])
        return 0

    async def tell(self) -> int:
        """Notify open connections of mails without a live message of their own. Returns how many."""
        rows = await self._pg.fetch("notifications.untold", 200)
        for row in rows:
            if row["wanted"]:
                facts = {k: v for k, v in row["facts"].items() if k != OLD_TIMEZONE}
                notice = event_notice(row["kind"], row["event_id"], facts)
                await self._live.telling.tell(row["person_id"], notice)
        return len(rows)

    async def forget(self) -> int:
        """Delete a slice of mails that nobody needs any more. Returns how many were deleted."""
        await self._pg.fetch("notifications.forget_kept", KEPT_MAX)
        await self._pg.fetch("notifications.forget_counts")
        gone: int = await self._pg.fetchval(
            "notifications.forget", self._retention_days, _FORGOTTEN_AT_ONCE
        )
        metrics.MAILS_FORGOTTEN.inc(gone)
        return gone
