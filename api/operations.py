"""For operators: health and metrics.

They answer only this machine and the networks in ``FRONTROW_METRICS_NETWORKS``, and nobody through a proxy,
because they show how much is sold, and to whom nothing is sold at present.
"""

import asyncio
from typing import Annotated, Any

from litestar import MediaType, Response, get
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from msgspec import Meta, Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.description import TEXT, Reply, described
from engine.base.addresses import may_look_inside
from engine.base.errors import FrontrowError, Unavailable
from engine.base.shutdown import is_asked

#: Litestar adds the charset itself.
_METRICS_TYPE = CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8")
#: A client that asks for readiness often waits at most a second itself.
_PING_TIMEOUT_S = 0.8
StoreHealth = Annotated[str, Meta(description="`ok`, or why not.", examples=["ok"])]


def only_operators(connection: ASGIConnection[Any, Any, Any, Any], _: Any) -> None:
    """Guard of the operator's routes. For everybody else they do not exist."""
    if not may_look_inside(
        connection.client.host if connection.client else "",
        connection.headers.get("host", ""),
        connection.headers.keys(),
        connection.app.state["settings"].metrics_networks,
    ):
        raise NotFoundException


class Ready(Struct, frozen=True):
    """The state of the stores."""

    postgres: StoreHealth
    redis: StoreHealth
    mongo: StoreHealth


@get(
    "/health/live",
    guards=[only_operators],
    media_type=MediaType.TEXT,
    tags=["Operations"],
    summary="The process runs",
    opt=described(gives={200: Reply("It runs.", others={TEXT: str})}),
)
async def live() -> str:
    return "ok\n"


@get(
    "/health/ready",
    guards=[only_operators],
    tags=["Operations"],
    summary="The stores that selling needs answer",
    description="The catalogue does not count: without it known events go on selling.",
    opt=described(
        gives={
            200: Reply("Ready to sell.", Ready),
            503: Reply("PostgreSQL or Redis does not answer.", Ready, ("Retry-After",)),
        }
    ),
)
async def ready(state: State) -> Response[Ready]:
    if is_asked():
        raise Unavailable("This process is shutting down; ask another one.")
    runtime = state["runtime"]
    pings = (runtime.stores.view.ping, runtime.stores.redis.ping, runtime.stores.mongo.ping)
    found = Ready(*await asyncio.gather(*map(_ask, pings)))
    if found.postgres == "ok" and found.redis == "ok":
        return Response(found)
    return Response(found, status_code=503, headers={"Retry-After": "2"})


async def _ask(ping: Any) -> str:
    try:
        async with asyncio.timeout(_PING_TIMEOUT_S):
            await ping()
    except FrontrowError as error:
        return error.detail
    except TimeoutError:
        return "It does not answer."
    return "ok"


@get(
    "/metrics",
    guards=[only_operators],
    tags=["Operations"],
    summary="Prometheus metrics",
    description=(
        "Every process has its own: the API here, the live gateway and the worker on ports of "
        "their own."
    ),
    opt=described(gives={200: Reply("The exposition format, version 1.0.0.", others={TEXT: str})}),
)
async def show_metrics() -> Response[bytes]:
    # In a thread: thousands of lines take longer than buyers should wait.
    text = await asyncio.to_thread(generate_latest)
    return Response(text, media_type=_METRICS_TYPE)


HANDLERS = [live, ready, show_metrics]
