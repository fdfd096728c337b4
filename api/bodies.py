"""Bodies of requests: how large one may be, and how many bytes of all one process holds at once.

The first bytes of a body are not counted: a hold or a booking is no longer, and the number of connections
bounds them. Bytes beyond are counted as they arrive (not as announced: an announcement costs nothing) against
a budget of the process for all bodies; plans of venues have a budget of their own, so that an import leaves
room for buyers. A body that exceeds the budget is refused with 503.
"""

from litestar.types import Receive
from prometheus_client import Counter, Gauge

from engine.base.errors import InvalidInput, Unavailable

#: Bytes of an ordinary request body.
BODY_SIZE_MAX = 256 * 1024
#: Bytes of a seating plan: 200,000 seats in the pretix format are about this large.
PLAN_SIZE_MAX = 64 * 1024 * 1024
#: Bytes of a body that anybody may send: an address and a password, a form, a proof of work.
OPEN_BODY_SIZE_MAX = 16 * 1024
#: Bytes of a body that are not counted.
FREE_SIZE = 8 * 1024

_BYTES = Gauge(
    "frontrow_http_body_bytes", "Bytes of request bodies that wait in memory, beyond the free ones."
)
_REFUSED = Counter(
    "frontrow_http_bodies_refused", "Request bodies refused because too many were in memory."
)


class ClientGone(Exception):
    """The client went away before its request was whole."""


class BodyRoom:
    """A process's budget for bodies: ``ordinary`` bytes, and ``plans`` for bodies over BODY_SIZE_MAX."""

    def __init__(self, ordinary: int = 32 * 1024 * 1024, plans: int = PLAN_SIZE_MAX) -> None:
        self._ordinary, self._plans = ordinary, plans
        self.taken = 0
        #: Requests that wait for their body, or for the rest of it.
        self.waiting = 0

    def grow(self, before: int, size: int) -> None:
        """A body has grown from ``before`` to ``size`` bytes. Raises Unavailable where there is no room."""
        ordinary = _ordinary(size) - _ordinary(before)
        plans = _beyond(size) - _beyond(before)
        if ordinary > self._ordinary or plans > self._plans:
            _REFUSED.inc()
            raise Unavailable(
                "Too many large requests at the moment; try again shortly.", code="overloaded"
            )
        self._take(ordinary, plans)

    def shrink(self, size: int) -> None:
        """A body of ``size`` bytes has been released."""
        self._take(-_ordinary(size), -_beyond(size))

    def _take(self, ordinary: int, plans: int) -> None:
        self._ordinary -= ordinary
        self._plans -= plans
        self.taken += ordinary + plans
        _BYTES.set(self.taken)


def _ordinary(size: int) -> int:
    return max(0, min(size, BODY_SIZE_MAX) - FREE_SIZE)


def _beyond(size: int) -> int:
    return max(0, size - BODY_SIZE_MAX)


#: The budget of this process.
ROOM = BodyRoom()


async def whole_body(receive: Receive, size_max: int) -> bytes | bytearray:
    """A request's body in one piece; the caller releases it with ``done_with``.

    Raises InvalidInput where it is too large, Unavailable where memory is short, ClientGone.
    """
    piece, more = await _next_piece(receive)
    if not more and len(piece) <= min(size_max, FREE_SIZE):
        return piece
    body = bytearray()
    try:
        while True:
            _check_size(len(body) + len(piece), size_max)
            ROOM.grow(len(body), len(body) + len(piece))
            body += piece
            if not more:
                return body
            piece, more = await _next_piece(receive)
    except BaseException:
        done_with(body)
        raise


async def _next_piece(receive: Receive) -> tuple[bytes, bool]:
    ROOM.waiting += 1
    try:
        message = await receive()
    finally:
        ROOM.waiting -= 1
    if message["type"] != "http.request":
        raise ClientGone
    return message["body"], message["more_body"]


def done_with(body: bytes | bytearray) -> None:
    """Release a body that ``whole_body`` gave."""
    if len(body) > FREE_SIZE:
        ROOM.shrink(len(body))


def _check_size(size: int, size_max: int) -> None:
    if size > size_max:
        raise InvalidInput(
            f"The body is too large; at most {size_max} bytes.", code="body-too-large"
        )
