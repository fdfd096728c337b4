"""The events of one process: publishing, changes, pausing, cancelling, and the steps after a cancellation."""

from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.base.step import Step
from engine.catalog.catalog import Catalog
from engine.events.blocking import Blocks
from engine.events.closing import Closing
from engine.events.previews import Previews
from engine.events.publishing import Publishing
from engine.live.live import Live
from engine.sales.sales import Sales
from engine.stores.stores import Stores
from engine.waitlist.waitlist import Waitlist


@dataclass(frozen=True, kw_only=True, eq=False)
class Events:
    publishing: Publishing
    blocks: Blocks
    previews: Previews
    closing: Closing

    @classmethod
    def build(
        cls,
        stores: Stores,
        live: Live,
        catalog: Catalog,
        sales: Sales,
        waitlist: Waitlist,
        settings: Settings,
    ) -> Self:
        return cls(
            publishing=Publishing(stores.house, live, catalog, settings),
            previews=Previews(settings),
            blocks=Blocks(stores.house, live, catalog),
            closing=Closing(stores.worker, sales.cancelling, waitlist.admin),
        )

    def steps(self) -> list[Step]:
        return self.closing.steps()
