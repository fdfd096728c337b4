"""The pricing package of one process: the organiser's control, and the worker's step that reprices."""

from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.base.step import Step
from engine.catalog.catalog import Catalog
from engine.live.live import Live
from engine.pricing.admin import PricingAdmin
from engine.pricing.measuring import Measuring
from engine.pricing.repricer import Repricer
from engine.stores.stores import Stores


@dataclass(frozen=True, kw_only=True, eq=False)
class Pricing:
    admin: PricingAdmin
    repricer: Repricer

    @classmethod
    def build(cls, stores: Stores, live: Live, catalog: Catalog, settings: Settings) -> Self:
        measuring = Measuring(stores.house, stores.redis, catalog, live.watcher_counts)
        return cls(
            admin=PricingAdmin(stores.house, live, catalog, measuring),
            repricer=Repricer(
                stores.worker, live, measuring, interval_s=settings.reprice_interval_s
            ),
        )

    def steps(self) -> list[Step]:
        return self.repricer.steps()
