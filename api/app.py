"""Puts the application together. ``uvicorn api.app:create_app --factory`` runs it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp

from api import (
    access,
    bookings,
    calendar,
    desk,
    dev_mail,
    drafts,
    event_pages,
    events,
    holds,
    links,
    live,
    notifications,
    operations,
    organiser,
    people,
    pricing,
    static,
    venues,
    verification,
    waitlist,
)
from api.auth import Tokens
from api.bodies import BODY_SIZE_MAX
from api.edge import Edge
from api.networks import Networks
from api.openapi import document_config
from api.parameters import read_strictly
from api.problems import on_exception, on_frontrow_error, on_http_exception
from api.reference import ReferencePage, describe_problem, reference_router
from engine.base.config import Settings, load_settings
from engine.base.errors import FrontrowError
from engine.base.signing import token_secret
from engine.limits.guessing import Guesses
from engine.limits.proofs import Proofs
from engine.limits.rates import RateLimit, RateLimits
from engine.runtime import open_runtime

log = structlog.get_logger(__name__)

#: All handlers that are served.
HANDLERS: Final[list[HTTPRouteHandler]] = read_strictly(
    [
        *access.HANDLERS,
        *people.HANDLERS,
        *verification.HANDLERS,
        *events.HANDLERS,
        *calendar.HANDLERS,
        *holds.HANDLERS,
        *bookings.HANDLERS,
        *waitlist.HANDLERS,
        *links.HANDLERS,
        *live.HANDLERS,
        *venues.HANDLERS,
        *organiser.HANDLERS,
        *drafts.HANDLERS,
        *desk.HANDLERS,
        *pricing.HANDLERS,
        *notifications.HANDLERS,
        *dev_mail.HANDLERS,
        *operations.HANDLERS,
        *static.HANDLERS,
        *event_pages.HANDLERS,
        describe_problem,
    ]
)


def build(settings: Settings) -> Litestar:
    """The Litestar application, not yet running."""
    secret = token_secret(settings)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_runtime(settings, role="api") as runtime:
            app.state["runtime"] = runtime
            app.state["limits"] = limits = RateLimits(runtime.stores.redis)
            wrong_keys = RateLimit("organiser-key", settings.wrong_keys_per_minute)
            app.state["key_guesses"] = Guesses(limits, wrong_keys)
            app.state["proofs"] = Proofs(runtime.stores.redis, secret)
            versions = runtime.people.accounts.token_versions
            app.state["tokens"].versions = versions.known
            await _prepare_catalog(runtime)
            watch = asyncio.create_task(versions.watch(), name="token-versions")
            # These objects live as long as the process: the garbage collector need not walk them again.
            gc.collect()
            gc.freeze()
            try:
                yield
            finally:
                watch.cancel()

    return Litestar(
        route_handlers=HANDLERS,
        lifespan=[lifespan],
        state=State(
            {
                "settings": settings,
                "tokens": Tokens(secret, ttl_s=settings.token_ttl_s),
                "networks": Networks(settings),
            }
        ),
        exception_handlers={
            FrontrowError: on_frontrow_error,
            HTTPException: on_http_exception,
            Exception: on_exception,
        },
        openapi_config=document_config(
            HANDLERS, render_plugins=[ReferencePage()], openapi_router=reference_router()
        ),
        request_max_body_size=BODY_SIZE_MAX,
        logging_config=None,
    )


async def _prepare_catalog(runtime: Any) -> None:
    """Make the indexes, fold texts that an older version stored, and load the layouts of events on sale: from then on, selling needs no MongoDB."""
    try:
        await runtime.stores.mongo.ensure_indexes()
        await runtime.catalog.refold()
        for event_id in (await runtime.live.reading.open_events())[:50]:
            await runtime.catalog.facts(event_id)
    except FrontrowError as error:
        log.warning("started without the catalogue", reason=error.detail)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document that the application serves, without running one."""
    app = Litestar(HANDLERS, openapi_config=document_config(HANDLERS), logging_config=None)
    return app.openapi_schema.to_schema()


def create_app() -> ASGIApp:
    """The application that uvicorn runs: settings from the environment, the edge around it."""
    app = build(load_settings())
    return Edge(app, app.state, _operations(app))


def _operations(app: Litestar) -> Iterator[tuple[str, str]]:
    """Every (method, route) except OPTIONS, which every route has and only pages of other origins use."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method in route.route_handler_map:
                if method != "OPTIONS":
                    yield str(method), route.path_format
