"""The present moment of every event: what works on its state in Redis, made for one process."""

from dataclasses import dataclass

from engine.catalog.catalog import Catalog
from engine.live.checking import Checking
from engine.live.open_offers import OpenOffers
from engine.live.reading import Reading
from engine.live.rebuilding import Rebuilding
from engine.live.reconciling import Reconciling
from engine.live.running import Running
from engine.live.settling import Settling
from engine.live.telling import Telling
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Live:
    """What the rooms above use of this one; each is described in the module of its class."""

    checking: Checking
    rebuilding: Rebuilding
    running: Running
    reading: Reading
    settling: Settling
    telling: Telling
    offers: OpenOffers
    reconciling: Reconciling


def live_of(postgres: Postgres, redis: RedisStore, catalog: Catalog) -> Live:
    """``Live`` on these stores."""
    checking = Checking(redis)
    rebuilding = Rebuilding(postgres, redis, checking)
    running = Running(redis, checking, rebuilding)
    settling = Settling(postgres, catalog, running)
    offers = OpenOffers(postgres, redis, running)
    return Live(
        checking=checking,
        rebuilding=rebuilding,
        running=running,
        reading=Reading(postgres, catalog, running, rebuilding),
        settling=settling,
        telling=Telling(redis),
        offers=offers,
        reconciling=Reconciling(
            postgres=postgres,
            redis=redis,
            running=running,
            rebuilding=rebuilding,
            settling=settling,
            offers=offers,
        ),
    )
