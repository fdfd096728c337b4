"""Opens the stores, wires the rooms, closes everything: the one place where they meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

import redis.asyncio as aioredis

from engine.base import metrics
from engine.base.config import ConfigError, Settings
from engine.base.logs import configure_logging
from engine.base.store_urls import StoreUrls, running_urls
from engine.base.tracing import tracing
from engine.catalog.catalog import Catalog
from engine.events.publishing import Publishing
from engine.holds.holds import Holds
from engine.live.live import Live, live_of
from engine.live.live_tickets import LiveTickets
from engine.live.watcher_counts import Presence
from engine.notifications.service import Notifications
from engine.people.accounts import People
from engine.people.links import Links
from engine.people.passwords import Passwords
from engine.people.verification import Verification
from engine.pricing.measuring import Measuring
from engine.pricing.office import Office
from engine.pricing.repricer import Repricer
from engine.sales import sales
from engine.sales.sales import Sales
from engine.stores.generation import Generation
from engine.stores.mongo import Mongo
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.desk import Desk
from engine.waitlist.line import Waitlist
from engine.waitlist.offers import Offers
from engine.waitlist.rounds import Rounds

Login = TypeVar("Login", str, Postgres)


@dataclass(frozen=True, kw_only=True)
class Pools(Generic[Login]):
    """PostgreSQL by what is done there (``engine.stores.roles``)."""

    sell: Login
    house: Login
    worker: Login
    #: For what looks at the whole.
    view: Login


@dataclass(frozen=True, kw_only=True, eq=False)
class Runtime:
    """One process's rooms, wired. ``redis`` is the plain client, for what needs its own connection."""

    settings: Settings
    #: ``Pools.view``: the widest login that the process has.
    postgres: Postgres
    #: ``Pools.worker``: for what nobody asks for.
    worker_postgres: Postgres
    redis_store: RedisStore
    mongo: Mongo
    catalog: Catalog
    live: Live
    generation: Generation
    holds: Holds
    sales: Sales
    publishing: Publishing
    pricing: Office
    repricer: Repricer
    people: People
    verification: Verification
    live_tickets: LiveTickets
    presence: Presence
    waitlist: Waitlist
    offers: Offers
    desk: Desk
    rounds: Rounds
    links: Links
    notifications: Notifications

    @property
    def redis(self) -> "aioredis.Redis":
        return self.redis_store.client


def store_urls(settings: Settings) -> StoreUrls:
    """Where the stores are: as set, else the embedded servers that run for this data folder.

    Raises ConfigError when neither is there.
    """
    if urls := running_urls(settings):
        return urls
    given = (settings.postgres_url, settings.redis_url, settings.mongo_url)
    missing = next(
        name
        for name, url in zip(("POSTGRES_URL", "REDIS_URL", "MONGO_URL"), given, strict=True)
        if not url
    )
    raise ConfigError(
        f"FRONTROW_{missing} is not set and no embedded servers run for {settings.data_dir}: "
        "start them with `frontrow up`, or set the three FRONTROW_*_URL."
    )


@asynccontextmanager
async def open_runtime(settings: Settings, *, role: str) -> AsyncIterator[Runtime]:
    """The rooms of one process. The stores need not be reachable: what needs one says so when asked."""
    configure_logging(settings, role)
    async with tracing(settings, role), _opened(settings, role) as runtime:
        yield runtime


@asynccontextmanager
async def _opened(settings: Settings, role: str) -> AsyncIterator[Runtime]:
    urls = store_urls(settings)
    patience_s = max(settings.store_timeout_s, settings.long_timeout_s)
    call_s = settings.store_timeout_s if role in _BUYERS_SIDE else patience_s
    redis_store = RedisStore(urls.redis_url, call_timeout_s=settings.store_timeout_s)
    mongo = Mongo(
        urls.mongo_url,
        settings.mongo_database,
        call_timeout_s=call_s,
        long_timeout_s=patience_s,
    )
    async with _pools(settings, urls, role) as pools:
        runtime = wire(settings, pools, redis_store, mongo)
        lag = asyncio.create_task(metrics.measure_loop_lag(), name="loop-lag")
        try:
            yield runtime
        finally:
            lag.cancel()
            await runtime.sales.close()
            await runtime.waitlist.drain()
            await runtime.notifications.close()
            await mongo.close()
            await redis_store.close()


#: Those that have a buyer waiting at the other end; everybody else may take longer.
_BUYERS_SIDE = ("api", "live")


@asynccontextmanager
async def _pools(
    settings: Settings, urls: StoreUrls, role: str
) -> "AsyncIterator[Pools[Postgres]]":
    """One pool for each login that this process has; they connect when first used."""
    logins = _logins(urls, role)
    patience_s = max(settings.store_timeout_s, settings.long_timeout_s)
    call_s = settings.store_timeout_s if role in _BUYERS_SIDE else patience_s
    pools = {
        url: Postgres(
            url,
            size=settings.postgres_pool_size,
            call_timeout_s=call_s,
            lock_timeout_s=min(settings.lock_timeout_s, call_s),
            long_timeout_s=patience_s,
            application_name=f"frontrow-{role}",
        )
        for url in set(asdict(logins).values())
    }
    async with AsyncExitStack() as ending:
        for pool in pools.values():
            await pool.open()
            ending.push_async_callback(pool.close)
        yield Pools(**{name: pools[url] for name, url in asdict(logins).items()})


def _logins(urls: StoreUrls, role: str) -> Pools[str]:
    sell, house, worker = urls.postgres_url, urls.postgres_house_url, urls.postgres_worker_url
    match role:
        case "api" | "live":
            # No worker runs here.
            return Pools(sell=sell, house=house, worker=house, view=sell)
        case "worker":
            return Pools(sell=worker, house=worker, worker=worker, view=worker)
        case "cli" | "demo":
            return Pools(sell=sell, house=house, worker=worker, view=house)
    # Tests and load tests look at everything.
    return Pools(sell=sell, house=house, worker=worker, view=urls.postgres_owner_url)


def wire(
    settings: Settings, pools: Pools[Postgres], redis_store: RedisStore, mongo: Mongo
) -> Runtime:
    sell, house = pools.sell, pools.house
    catalog = Catalog(mongo, settings)
    generation = Generation(pools.worker, redis_store)
    for pool in {pools.sell, pools.house, pools.worker}:
        pool.guard = generation.refuse_older
    live = live_of(sell, redis_store, catalog)
    holds = Holds(live, redis_store, catalog, settings)
    selling = sales.build(
        postgres=sell,
        worker_postgres=pools.worker,
        live=live,
        holds=holds,
        catalog=catalog,
        settings=settings,
    )
    passwords = Passwords(length_min=settings.password_length_min)
    people = People(house, passwords, settings, live.telling.sign_out)
    verification = Verification(house, settings)
    indexes = LineIndexes()
    waitlist = Waitlist(
        postgres=sell, live=live, catalog=catalog, indexes=indexes, settings=settings
    )
    offers = Offers(
        postgres=sell,
        worker_postgres=pools.worker,
        live=live,
        catalog=catalog,
        holds=holds,
    )
    desk = Desk(
        postgres=house,
        catalog=catalog,
        indexes=indexes,
        waitlist=waitlist,
        offers=offers,
        settings=settings,
    )
    rounds = Rounds(
        postgres=pools.worker,
        redis=redis_store,
        live=live,
        catalog=catalog,
        indexes=indexes,
    )
    presence = Presence(redis_store)
    measuring = Measuring(house, redis_store, catalog, presence)
    repricer = Repricer(pools.worker, live, measuring, interval_s=settings.reprice_interval_s)
    links = Links(house, catalog, settings)
    notifications = Notifications(
        postgres=house,
        worker_postgres=pools.worker,
        live=live,
        catalog=catalog,
        reading=selling.reading,
        tickets=selling.tickets,
        waitlist=waitlist,
        offers=offers,
        verification=verification,
        links=links,
        settings=settings,
    )
    return Runtime(
        settings=settings,
        postgres=pools.view,
        worker_postgres=pools.worker,
        redis_store=redis_store,
        mongo=mongo,
        catalog=catalog,
        live=live,
        generation=generation,
        holds=holds,
        sales=selling,
        publishing=Publishing(house, live, catalog, settings),
        pricing=Office(house, live, catalog, measuring),
        repricer=repricer,
        people=people,
        verification=verification,
        live_tickets=LiveTickets(redis_store),
        presence=presence,
        waitlist=waitlist,
        offers=offers,
        desk=desk,
        rounds=rounds,
        links=links,
        notifications=notifications,
    )
