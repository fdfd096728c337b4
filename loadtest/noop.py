"""The limit that a hold over HTTP is measured against: Litestar with the same route and body, and nothing in it."""

from uuid import UUID

from litestar import Litestar, post

from api.holds import HoldRequest


@post("/v1/events/{event_id:uuid}/holds")
async def noop(event_id: UUID, data: HoldRequest) -> None:
    """Decode, and answer with nothing."""
    del event_id, data


def create_app() -> Litestar:
    return Litestar(route_handlers=[noop], openapi_config=None, logging_config=None)
