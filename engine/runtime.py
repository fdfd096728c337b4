"""Opens the stores, builds the packages' objects, closes everything: the one place where they meet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from engine.audit.auditing import Auditing
from engine.base import metrics
from engine.base.config import ConfigError, Settings
from engine.base.logs import configure_logging
from engine.base.step import Step
from engine.base.store_urls import StoreUrls, running_urls
from engine.base.tracing import tracing
from engine.catalog.catalog import Catalog
from engine.events.events import Events
from engine.holds.expiring import Expiring
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.notifications.service import Notifications
from engine.people.people import People
from engine.pricing.pricing import Pricing
from engine.sales.sales import Sales
from engine.stores.stores import Stores, open_stores
from engine.waitlist.waitlist import Waitlist


@dataclass(frozen=True, kw_only=True, eq=False)
class Runtime:
    """The objects of one process, connected."""

    settings: Settings
    stores: Stores
    catalog: Catalog
    live: Live
    holds: Holds
    expiring: Expiring
    sales: Sales
    people: People
    pricing: Pricing
    waitlist: Waitlist
    notifications: Notifications
    events: Events
    audit: Auditing

    def steps(self) -> list[Step]:
        """A worker's steps, package by package."""
        rooms = (
            *(self.expiring, self.sales, self.waitlist, self.pricing, self.live.upkeep),
            *(self.audit, self.people, self.notifications, self.events, self.catalog),
        )
        return [step for room in rooms for step in room.steps()]


def store_urls(settings: Settings) -> StoreUrls:
    """The URLs of the stores: those set, else those of the embedded servers that run for this data folder.

    Raises ConfigError when there are neither.
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
    """The objects of one process. The stores need not be reachable: a call that needs one raises then."""
    configure_logging(settings, role)
    async with (
        tracing(settings, role),
        open_stores(settings, store_urls(settings), role) as stores,
    ):
        runtime = build(settings, stores)
        lag = asyncio.create_task(metrics.measure_loop_lag(), name="loop-lag")
        try:
            yield runtime
        finally:
            lag.cancel()
            await runtime.sales.close()
            await runtime.waitlist.entries.drain()
            await runtime.notifications.close()


def build(settings: Settings, stores: Stores) -> Runtime:
    """Build the packages' objects on these stores, from the lowest floor to the highest."""
    catalog = Catalog(stores.mongo, settings)
    live = Live.build(stores, catalog, settings)
    holds = Holds(live, stores.redis, catalog, settings)
    people = People.build(stores, catalog, settings, live.telling.sign_out)
    sales = Sales.build(stores, live, catalog, holds, settings)
    waitlist = Waitlist.build(stores, live, catalog, holds, settings)
    return Runtime(
        settings=settings,
        stores=stores,
        catalog=catalog,
        live=live,
        holds=holds,
        expiring=Expiring(
            holds,
            live,
            settle_paying=sales.late_settling.settle_hold,
            settle_offered=waitlist.offers.settle,
            tick_s=settings.worker_tick_s,
        ),
        sales=sales,
        people=people,
        pricing=Pricing.build(stores, live, catalog, settings),
        waitlist=waitlist,
        notifications=Notifications(
            stores=stores,
            live=live,
            catalog=catalog,
            people=people,
            sales=sales,
            waitlist=waitlist,
            settings=settings,
        ),
        events=Events.build(stores, live, catalog, sales, waitlist, settings),
        audit=Auditing(stores.worker, stores.redis, live, settings),
    )
