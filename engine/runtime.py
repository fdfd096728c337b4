"""Opens the stores, wires the rooms, closes everything: the one place where they meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import redis.asyncio as aioredis

from engine import metrics
from engine.bookings import Bookings
from engine.catalog import Catalog
from engine.config import ConfigError, Settings
from engine.embedded import StoreUrls, running_urls
from engine.generation import Generation
from engine.holds import Holds
from engine.inventory import Inventory
from engine.ledger import Ledger
from engine.links import Links
from engine.live_tickets import LiveTickets
from engine.logs import configure_logging
from engine.notifications.service import Notifications
from engine.passwords import Passwords
from engine.payments import Payments, SandboxGateway
from engine.people import People
from engine.presence import Presence
from engine.pricing.measuring import Measuring
from engine.pricing.office import Office
from engine.pricing.repricer import Repricer
from engine.publishing import Publishing
from engine.stores.mongo import Mongo
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore
from engine.tracing import tracing
from engine.verification import Verification
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.desk import Desk
from engine.waitlist.line import Waitlist
from engine.waitlist.offers import Offers
from engine.waitlist.rounds import Rounds
from engine.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One process's rooms, wired. ``redis`` is the plain client, for what needs its own connection."""

    settings: Settings
    postgres: Postgres
    redis_store: RedisStore
    mongo: Mongo
    catalog: Catalog
    inventory: Inventory
    generation: Generation
    holds: Holds
    sandbox: SandboxGateway
    payments: Payments
    ledger: Ledger
    bookings: Bookings
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
    worker: Worker

    @property
    def redis(self) -> "aioredis.Redis":
        return self.redis_store.client


def store_urls(settings: Settings) -> StoreUrls:
    """Where the stores are: as set, else the embedded servers that run for this data folder.

    Raises ConfigError when neither is there.
    """
    given = (settings.postgres_url, settings.redis_url, settings.mongo_url)
    running = None if all(given) else running_urls(settings)
    if running is None and not all(given):
        missing = next(
            name
            for name, url in zip(("POSTGRES_URL", "REDIS_URL", "MONGO_URL"), given, strict=True)
            if not url
        )
        raise ConfigError(
            f"FRONTROW_{missing} is not set and no embedded servers run for {settings.data_dir}: "
            "start them with `frontrow up`, or set the three FRONTROW_*_URL."
        )
    return StoreUrls(
        postgres_url=settings.postgres_url or running.postgres_url,  # type: ignore[union-attr]  # checked above
        redis_url=settings.redis_url or running.redis_url,  # type: ignore[union-attr]  # the same
        mongo_url=settings.mongo_url or running.mongo_url,  # type: ignore[union-attr]  # the same
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
    postgres, redis_store, mongo = _stores(settings, urls, role)
    await postgres.open()
    runtime = wire(settings, postgres, redis_store, mongo)
    lag = asyncio.create_task(metrics.measure_loop_lag(), name="loop-lag")
    try:
        yield runtime
    finally:
        lag.cancel()
        await runtime.ledger.drain()
        await runtime.waitlist.drain()
        await runtime.notifications.close()
        await runtime.payments.close()
        await mongo.close()
        await redis_store.close()
        await postgres.close()


#: Those that have a buyer waiting at the other end; everybody else may take longer.
_BUYERS_SIDE = ("api", "live")


def _stores(settings: Settings, urls: StoreUrls, role: str) -> tuple[Postgres, RedisStore, Mongo]:
    patience_s = max(settings.store_timeout_s, settings.long_timeout_s)
    call_s = settings.store_timeout_s if role in _BUYERS_SIDE else patience_s
    postgres = Postgres(
        urls.postgres_url,
        size=settings.postgres_pool_size,
        call_timeout_s=call_s,
        lock_timeout_s=min(settings.lock_timeout_s, call_s),
        long_timeout_s=patience_s,
        application_name=f"frontrow-{role}",
    )
    redis_store = RedisStore(urls.redis_url, call_timeout_s=settings.store_timeout_s)
    mongo = Mongo(
        urls.mongo_url,
        settings.mongo_database,
        call_timeout_s=call_s,
        long_timeout_s=patience_s,
    )
    return postgres, redis_store, mongo


def wire(settings: Settings, postgres: Postgres, redis_store: RedisStore, mongo: Mongo) -> Runtime:
    catalog = Catalog(mongo, settings)
    generation = Generation(postgres, redis_store)
    postgres.guard = generation.refuse_older
    inventory = Inventory(postgres, redis_store, catalog)
    holds = Holds(inventory, redis_store, catalog, settings)
    sandbox = SandboxGateway(postgres, settings)
    payments = Payments(
        {"sandbox": sandbox},
        timeout_s=settings.gateway_timeout_s,
        closed=() if settings.sandbox_sells else ("sandbox",),
    )
    ledger = Ledger(postgres)
    bookings = Bookings(
        postgres=postgres,
        ledger=ledger,
        inventory=inventory,
        holds=holds,
        payments=payments,
        catalog=catalog,
        settings=settings,
    )
    people = People(postgres, Passwords(length_min=settings.password_length_min), settings)
    verification = Verification(postgres, settings)
    indexes = LineIndexes()
    waitlist = Waitlist(
        postgres=postgres, inventory=inventory, catalog=catalog, indexes=indexes, settings=settings
    )
    offers = Offers(postgres=postgres, inventory=inventory, catalog=catalog, holds=holds)
    desk = Desk(
        postgres=postgres,
        catalog=catalog,
        indexes=indexes,
        waitlist=waitlist,
        offers=offers,
        settings=settings,
    )
    rounds = Rounds(
        postgres=postgres, redis=redis_store, inventory=inventory, catalog=catalog, indexes=indexes
    )
    presence = Presence(redis_store)
    measuring = Measuring(postgres, redis_store, catalog, presence)
    repricer = Repricer(postgres, inventory, measuring, interval_s=settings.reprice_interval_s)
    links = Links(postgres, catalog, settings)
    notifications = Notifications(
        postgres=postgres,
        inventory=inventory,
        catalog=catalog,
        bookings=bookings,
        waitlist=waitlist,
        offers=offers,
        verification=verification,
        links=links,
        settings=settings,
    )
    worker = Worker(
        postgres=postgres,
        redis=redis_store,
        inventory=inventory,
        holds=holds,
        bookings=bookings,
        offers=offers,
        rounds=rounds,
        desk=desk,
        repricer=repricer,
        notifications=notifications,
        catalog=catalog,
        generation=generation,
        settings=settings,
    )
    return Runtime(
        settings=settings,
        postgres=postgres,
        redis_store=redis_store,
        mongo=mongo,
        catalog=catalog,
        inventory=inventory,
        generation=generation,
        holds=holds,
        sandbox=sandbox,
        payments=payments,
        ledger=ledger,
        bookings=bookings,
        publishing=Publishing(postgres, inventory, catalog, settings),
        pricing=Office(postgres, inventory, catalog, measuring),
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
        worker=worker,
    )
