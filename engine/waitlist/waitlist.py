"""The waitlist package of one process: entries, offers, the organiser's control, a worker's rounds."""

from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.base.step import Step, each
from engine.catalog.catalog import Catalog
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.stores.stores import Stores
from engine.waitlist.admin import WaitlistAdmin
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.entries import Entries
from engine.waitlist.offers import Offers
from engine.waitlist.rounds import Rounds


@dataclass(frozen=True, kw_only=True, eq=False)
class Waitlist:
    entries: Entries
    offers: Offers
    admin: WaitlistAdmin
    rounds: Rounds
    #: How often a worker looks for work.
    tick_s: float

    @classmethod
    def build(
        cls, stores: Stores, live: Live, catalog: Catalog, holds: Holds, settings: Settings
    ) -> Self:
        indexes = LineIndexes()
        entries = Entries(
            postgres=stores.sell, live=live, catalog=catalog, indexes=indexes, settings=settings
        )
        offers = Offers(
            postgres=stores.sell,
            worker_postgres=stores.worker,
            live=live,
            catalog=catalog,
            holds=holds,
        )
        admin = WaitlistAdmin(
            postgres=stores.house,
            catalog=catalog,
            indexes=indexes,
            entries=entries,
            offers=offers,
            settings=settings,
        )
        rounds = Rounds(
            postgres=stores.worker,
            redis=stores.redis,
            live=live,
            catalog=catalog,
            indexes=indexes,
        )
        return cls(
            entries=entries,
            offers=offers,
            admin=admin,
            rounds=rounds,
            tick_s=settings.worker_tick_s,
        )

    def steps(self) -> list[Step]:
        return [
            Step("serve-waitlists", self.tick_s, self.serve, self.rounds.hear),
            Step("lapse-offers", self.tick_s, self.offers.lapse),
            Step("warn-offers", 1.0, self.offers.warn),
        ]

    async def serve(self) -> int:
        """Offer returned seats to the people in the waitlists. Returns how many offers were made."""
        return sum(await each(await self.rounds.due(), self.rounds.serve))
