"""A handler's description for the OpenAPI document: the facts that its signature does not show.

    @get(
        "/v1/holds/{hold_id:uuid}",
        …,
        opt=described(gives={200: Reply("The hold.", Hold)}, refuses=HOLD_GONE),
    )

Responses that follow from the operation's shape (401 where a token is needed, 415 where there is a body, 422
for a used Idempotency-Key) are added by ``api.openapi``. Examples of the bodies are in ``api.examples``.
"""

from typing import Any, Final

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

JSON: Final = "application/json"
BINARY: Final = "application/octet-stream"
TEXT: Final = "text/plain"

# Problem codes that occur together.
STORES: Final = ("unavailable", "redis-unavailable", "catalog-unavailable")
HOLD_GONE: Final = ("hold-not-found", "offer-not-accepted")
HOLD_ENDED: Final = ("hold-expired", "hold-released", "hold-booked")
#: Headers of a route with a rate limit.
LIMITED: Final = ("RateLimit", "RateLimit-Policy")

_OPERATION: Final = "operation"


class Reply(Struct, frozen=True):
    """A response that is no problem: the type of its JSON, if any, and its types in other media types.

    ``headers`` are names in ``api.openapi.HEADERS``.
    """

    description: str
    body: Any = None
    headers: tuple[str, ...] = ()
    others: dict[str, Any] = {}

    @property
    def bodies(self) -> dict[str, Any]:
        """Types by media type."""
        return self.others if self.body is None else {JSON: self.body, **self.others}


class Operation(Struct, frozen=True, kw_only=True):
    """``takes``: the type of the request's JSON. ``refuses``: problem codes. ``replays``: takes an
    Idempotency-Key and replays its answer; ``needs_key``: is refused without one.
    """

    gives: dict[int, Reply]
    refuses: tuple[str, ...] = ()
    takes: Any = None
    #: A request may come without a body.
    takes_nothing_too: bool = False
    replays: bool = False
    needs_key: bool = False


def described(
    *,
    gives: dict[int, Reply],
    refuses: tuple[str, ...] = (),
    takes: Any = None,
    takes_nothing_too: bool = False,
    replays: bool = False,
    needs_key: bool = False,
) -> dict[str, Operation]:
    """A handler's ``opt`` with its ``Operation``."""
    return {
        _OPERATION: Operation(
            gives=gives,
            refuses=refuses,
            takes=takes,
            takes_nothing_too=takes_nothing_too,
            replays=replays,
            needs_key=needs_key,
        )
    }


def operation_of(handler: HTTPRouteHandler) -> Operation | None:
    """The description of a handler, if it has one."""
    operation: Operation | None = handler.opt.get(_OPERATION)
    return operation
