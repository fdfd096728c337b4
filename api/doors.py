"""Who may send a body to which route, and whose answers are kept: read off the application's routes.

The framework's own router says which route a request is for, so what is decided here is never about
another one than is then run.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope
from litestar.utils.path import normalize_path
from msgspec import Struct

from api.bodies import BODY_SIZE_MAX, OPEN_BODY_SIZE_MAX
from api.openapi_operations import OPERATIONS


class Needs(Enum):
    """Whom a route wants to see before it reads anything."""

    NOBODY = auto()
    BUYER = auto()
    ORGANISER = auto()


class Door(Struct, frozen=True):
    """``size_max``: bytes of a body. ``keeps``: gives the same answer again for the same Idempotency-Key."""

    needs: Needs
    size_max: int
    keeps: bool


class Doors:
    def __init__(self, app: Litestar) -> None:
        self._routed = app.asgi_router.handle_routing
        self._doors: dict[Any, Door] = {
            id(handler): _door(method, handler) for method, handler in _handlers(app)
        }

    def find(self, scope: HTTPScope) -> tuple[Door | None, dict[str, Any]]:
        """The door of a request, with the parameters in its path; None where no route is."""
        try:
            _, handler, _, parameters, _ = self._routed(
                path=normalize_path(scope["path"]), method=scope["method"]
            )
        except HTTPException:
            return None, {}
        return self._doors.get(id(handler)), parameters


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                yield str(method), handler


def _door(method: str, handler: HTTPRouteHandler) -> Door:
    schemes = {name for entry in handler.security or [] for name in entry}
    is_open_too = {} in (handler.security or [])
    operation = OPERATIONS.get(handler.handler_name)
    size_max = handler.resolve_request_max_body_size() or BODY_SIZE_MAX
    if "OrganiserKey" in schemes:
        needs = Needs.ORGANISER
    elif "BearerToken" in schemes and not is_open_too:
        needs = Needs.BUYER
    else:
        needs, size_max = Needs.NOBODY, OPEN_BODY_SIZE_MAX
    # What needs a key keeps it itself, with the money.
    keeps = operation is not None and operation.replays and not operation.needs_key
    return Door(needs, size_max, keeps and method == "POST" and needs is not Needs.NOBODY)
