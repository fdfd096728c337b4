"""Which clients may send a body to which route, and which answers are kept: derived from the routes.

The framework's own router finds the route of a request, so a decision made here is always about the route
that then runs.
"""

from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, NamedTuple

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope
from litestar.utils.path import normalize_path
from msgspec import Struct

from api.bodies import BODY_SIZE_MAX, OPEN_BODY_SIZE_MAX
from api.description import operation_of
from api.short_cuts import ShortCut, short_cut_to

#: Characters of the longest path whose door is cached.
_PATH_REMEMBERED_MAX: Final = 200


class Needs(Enum):
    """The credential that a route needs before it reads a body."""

    NOBODY = auto()
    BUYER = auto()
    ORGANISER = auto()
    EITHER = auto()


class Door(Struct, frozen=True):
    """``size_max``: bytes of a body. ``keeps``: replays its answer for the same Idempotency-Key.
    ``short_cut``: the way past the framework, where there is one.
    """

    needs: Needs
    size_max: int
    keeps: bool
    short_cut: ShortCut | None


class Way(NamedTuple):
    """The target of a request: its door, the route, and the parameters in its path."""

    door: Door | None
    template: str
    parameters: dict[str, Any]


class Doors:
    def __init__(self, app: Litestar) -> None:
        self._routed = app.asgi_router.handle_routing
        self._doors: dict[Any, Door] = {
            id(handler): _door(method, handler) for method, handler in _handlers(app)
        }
        self._remembered = lru_cache(1024)(self._way)

    def find(self, scope: HTTPScope) -> Way | None:
        """The way of a request; None where there is no route."""
        path = scope["path"]
        way = self._remembered if len(path) <= _PATH_REMEMBERED_MAX else self._way
        try:
            return way(path, scope["method"])
        except HTTPException:
            return None

    def _way(self, path: str, method: Any) -> Way:
        _, handler, _, parameters, template = self._routed(path=normalize_path(path), method=method)
        return Way(self._doors.get(id(handler)), template, parameters)


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                yield str(method), handler


def _door(method: str, handler: HTTPRouteHandler) -> Door:
    schemes = {name for entry in handler.security or [] for name in entry}
    is_open_too = {} in (handler.security or [])
    operation = operation_of(handler)
    size_max = handler.resolve_request_max_body_size() or BODY_SIZE_MAX
    if {"OrganiserKey", "BearerToken"} <= schemes:
        needs = Needs.EITHER
    elif "OrganiserKey" in schemes:
        needs = Needs.ORGANISER
    elif "BearerToken" in schemes and not is_open_too:
        needs = Needs.BUYER
    else:
        needs, size_max = Needs.NOBODY, OPEN_BODY_SIZE_MAX
    # A route that requires a key keeps its answers itself, with the money.
    keeps = operation is not None and operation.replays and not operation.needs_key
    keeps = keeps and method == "POST" and needs is not Needs.NOBODY
    return Door(needs, size_max, keeps, short_cut_to(handler) if needs is Needs.BUYER else None)
