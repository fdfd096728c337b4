"""The limit that a hold over HTTP is compared with: Litestar with the same route and body, and no work."""

from uuid import UUID

from litestar import Litestar, post

from api.holds import HoldRequest
from api.serving import serve
from engine.base.config import load_settings


@post("/v1/events/{event_id:uuid}/holds")
async def noop(event_id: UUID, data: HoldRequest) -> None:
    """Decode, and answer without content."""
    del event_id, data


def create_app() -> Litestar:
    return Litestar(route_handlers=[noop], openapi_config=None, logging_config=None)


if __name__ == "__main__":
    # The same server as the API's, so that only the handlers are compared.
    serve(load_settings(), "loadtest.noop:create_app")
