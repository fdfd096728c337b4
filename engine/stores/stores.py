"""The three stores of one process: opened together, closed together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass

from engine.base.config import Settings
from engine.base.store_urls import StoreUrls
from engine.stores.generation import Generation
from engine.stores.mongo import Mongo
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

#: Processes with waiting buyers; every other process may wait longer for a store.
_BUYERS_SIDE = ("api", "live")


@dataclass(frozen=True, kw_only=True, eq=False)
class Stores:
    """PostgreSQL by role (``engine.stores.roles``), Redis and MongoDB."""

    sell: Postgres
    house: Postgres
    worker: Postgres
    #: The process's login with most rights, for work on the whole database.
    view: Postgres
    redis: RedisStore
    mongo: Mongo
    generation: Generation


@dataclass(frozen=True, kw_only=True)
class _Logins:
    """A URL for each pool of ``Stores``; the same URL is the same pool."""

    sell: str
    house: str
    worker: str
    view: str


@asynccontextmanager
async def open_stores(settings: Settings, urls: StoreUrls, role: str) -> AsyncIterator[Stores]:
    """The stores of a process of this role. None need be reachable: each connects when first used."""
    async with AsyncExitStack() as ending:
        redis = RedisStore(urls.redis_url, call_timeout_s=settings.store_timeout_s)
        pools = await _pools(settings, _logins(urls, role), role, ending)
        mongo = Mongo(
            urls.mongo_url,
            settings.mongo_database,
            call_timeout_s=_call_s(settings, role),
            long_timeout_s=_patience_s(settings),
        )
        # Last in, first out: Redis closes after MongoDB, and before PostgreSQL.
        ending.push_async_callback(redis.close)
        ending.push_async_callback(mongo.close)
        generation = Generation(pools["worker"], redis)
        for login in ("sell", "house", "worker"):
            pools[login].guard = generation.refuse_older
        yield Stores(**pools, redis=redis, mongo=mongo, generation=generation)


async def _pools(
    settings: Settings, logins: _Logins, role: str, ending: AsyncExitStack
) -> dict[str, Postgres]:
    call_s = _call_s(settings, role)
    by_url = {
        url: Postgres(
            url,
            size=settings.postgres_pool_size,
            call_timeout_s=call_s,
            lock_timeout_s=min(settings.lock_timeout_s, call_s),
            long_timeout_s=_patience_s(settings),
            application_name=f"frontrow-{role}",
        )
        for url in set(asdict(logins).values())
    }
    for pool in by_url.values():
        await pool.open()
        ending.push_async_callback(pool.close)
    return {name: by_url[url] for name, url in asdict(logins).items()}


def _patience_s(settings: Settings) -> float:
    return max(settings.store_timeout_s, settings.long_timeout_s)


def _call_s(settings: Settings, role: str) -> float:
    return settings.store_timeout_s if role in _BUYERS_SIDE else _patience_s(settings)


def _logins(urls: StoreUrls, role: str) -> _Logins:
    sell, house, worker = urls.postgres_url, urls.postgres_house_url, urls.postgres_worker_url
    match role:
        case "api" | "live":
            # No worker runs in this process.
            return _Logins(sell=sell, house=house, worker=house, view=sell)
        case "worker":
            return _Logins(sell=worker, house=worker, worker=worker, view=worker)
        case "cli" | "demo":
            return _Logins(sell=sell, house=house, worker=worker, view=house)
    # Tests and load tests read everything.
    return _Logins(sell=sell, house=house, worker=worker, view=urls.postgres_owner_url)
