"""Puts the application together. ``uvicorn api.app:create_app --factory`` runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from litestar import Litestar, MediaType, Response, get, post
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api import bookings, events, holds, organiser
from api.auth import Tokens
from api.edge import Edge
from api.problems import on_exception, on_frontrow_error, on_http_exception
from api.reference import ReferencePage
from engine.config import Settings, data_path, load_settings
from engine.embedded import kept_secret
from engine.errors import FrontrowError
from engine.runtime import open_runtime

log = structlog.get_logger(__name__)

WEB_ROOT = Path(__file__).resolve().parents[1] / "seatmap" / "web"
_BODY_SIZE_MAX = 256 * 1024
#: Litestar adds the charset itself.
_METRICS_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
_CSP = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "style-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class AccessToken(Struct, frozen=True):
    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105  # the scheme's name, not a password


class Ready(Struct, frozen=True):
    """Each store, and ``ok`` or why not."""

    postgres: str
    redis: str
    mongo: str


@post("/v1/auth/guest", tags=["Access"], summary="A token without an account")
async def guest(state: State) -> AccessToken:
    tokens: Tokens = state["tokens"]
    return AccessToken(tokens.issue(), tokens.ttl_s)


@get("/health/live", media_type=MediaType.TEXT, tags=["Operations"], summary="The process runs")
async def live() -> str:
    return "ok\n"


@get("/health/ready", tags=["Operations"], summary="The stores that selling needs answer")
async def ready(state: State) -> Response[Ready]:
    runtime = state["runtime"]
    found = Ready(
        postgres=await _ask(runtime.postgres.ping),
        redis=await _ask(runtime.redis_store.ping),
        mongo=await _ask(runtime.mongo.ping),
    )
    # Without the catalogue known events go on selling, so it does not decide.
    ok = found.postgres == "ok" and found.redis == "ok"
    return Response(found, status_code=200 if ok else 503)


async def _ask(ping: Any) -> str:
    try:
        await ping()
    except FrontrowError as error:
        return error.detail
    return "ok"


@get("/metrics", tags=["Operations"], summary="Prometheus metrics")
async def show_metrics() -> Response[bytes]:
    return Response(generate_latest(), media_type=_METRICS_TYPE)


@get(["/", "/events/{event_id:uuid}"], include_in_schema=False)
async def page(event_id: Any = None) -> Response[bytes]:
    name = "index.html" if event_id is None else "event.html"
    return Response(
        (WEB_ROOT / name).read_bytes(),
        media_type=MediaType.HTML,
        headers={"Content-Security-Policy": _CSP, "Cache-Control": "no-cache"},
    )


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Frontrow",
        version="1",
        description="Seats, held and sold in real time. Money is in minor units; times are RFC 3339.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        path="/schema",
        render_plugins=[ReferencePage()],
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "BearerToken": SecurityScheme(
                    type="http", scheme="bearer", description="From POST /v1/auth/guest."
                ),
                "OrganiserKey": SecurityScheme(
                    type="http", scheme="bearer", description="FRONTROW_ORGANISER_KEY."
                ),
            }
        ),
        tags=[
            Tag("Access", "Who you are."),
            Tag("Events", "What is on, where, and what is free."),
            Tag("Holds", "Seats kept for a moment."),
            Tag("Bookings", "Seats paid for, and their tickets."),
            Tag("Organisers", "Venues and events."),
            Tag("Operations", "For those who run it."),
        ],
    )


def build(settings: Settings) -> Litestar:
    """The Litestar application, not yet running."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_runtime(settings, role="api") as runtime:
            app.state["runtime"] = runtime
            await _prepare_catalog(runtime)
            yield

    secret = settings.token_secret or kept_secret(data_path(settings), "token_secret")
    return Litestar(
        route_handlers=[
            guest,
            *events.HANDLERS,
            *holds.HANDLERS,
            *bookings.HANDLERS,
            *organiser.HANDLERS,
            live,
            ready,
            show_metrics,
            page,
            create_static_files_router(
                path="/web",
                directories=[WEB_ROOT],
                include_in_schema=False,
                cache_control=None,
            ),
        ],
        lifespan=[lifespan],
        state=State({"settings": settings, "tokens": Tokens(secret, ttl_s=settings.token_ttl_s)}),
        exception_handlers={
            FrontrowError: on_frontrow_error,
            HTTPException: on_http_exception,
            Exception: on_exception,
        },
        openapi_config=_openapi(),
        cors_config=CORSConfig(
            allow_origins=list(settings.allowed_origins),
            expose_headers=["ETag", "Location", "Retry-After", "Idempotency-Replayed"],
        ),
        request_max_body_size=_BODY_SIZE_MAX,
        logging_config=None,
    )


async def _prepare_catalog(runtime: Any) -> None:
    """Indexes, and the layouts of what is on sale, so that selling outlives MongoDB from the start."""
    try:
        await runtime.mongo.ensure_indexes()
        for event_id in (await runtime.inventory.open_events())[:50]:
            await runtime.catalog.facts(event_id)
    except FrontrowError as error:
        log.warning("started without the catalogue", reason=error.detail)


def create_app() -> ASGIApp:
    """What uvicorn runs: settings from the environment, the edge around the application."""
    app = build(load_settings())
    return Edge(app, app.state)
