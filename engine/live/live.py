"""The live state of every event: the objects of one process that work on it in Redis."""

from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.catalog.catalog import Catalog
from engine.live.checking import Checking
from engine.live.live_tickets import LiveTickets
from engine.live.open_offers import OpenOffers
from engine.live.reading import Reading
from engine.live.rebuilding import Rebuilding
from engine.live.reconciling import Reconciling
from engine.live.running import Running
from engine.live.settling import Settling
from engine.live.telling import Telling
from engine.live.upkeep import Upkeep
from engine.live.watcher_counts import WatcherCounts
from engine.stores.stores import Stores


@dataclass(frozen=True, kw_only=True, eq=False)
class Live:
    """The objects that the packages above use; each is described in the module of its class."""

    checking: Checking
    rebuilding: Rebuilding
    running: Running
    reading: Reading
    settling: Settling
    telling: Telling
    offers: OpenOffers
    reconciling: Reconciling
    tickets: LiveTickets
    watcher_counts: WatcherCounts
    upkeep: Upkeep

    @classmethod
    def build(cls, stores: Stores, catalog: Catalog, settings: Settings) -> Self:
        postgres, redis = stores.sell, stores.redis
        checking = Checking(redis)
        rebuilding = Rebuilding(postgres, redis, checking)
        running = Running(redis, checking, rebuilding)
        reading = Reading(postgres, catalog, running, rebuilding)
        settling = Settling(postgres, catalog, running)
        offers = OpenOffers(postgres, redis, running)
        reconciling = Reconciling(
            postgres=postgres,
            redis=redis,
            running=running,
            rebuilding=rebuilding,
            settling=settling,
            offers=offers,
        )
        upkeep = Upkeep(
            redis=redis,
            generation=stores.generation,
            catalog=catalog,
            reading=reading,
            rebuilding=rebuilding,
            reconciling=reconciling,
            reconcile_interval_s=settings.reconcile_interval_s,
        )
        return cls(
            checking=checking,
            rebuilding=rebuilding,
            running=running,
            reading=reading,
            settling=settling,
            telling=Telling(redis),
            offers=offers,
            reconciling=reconciling,
            tickets=LiveTickets(redis),
            watcher_counts=WatcherCounts(redis),
            upkeep=upkeep,
        )
