"""Live: tickets that identify a watcher to the live gateway."""

from typing import Annotated

from litestar import Response, post
from msgspec import Meta, Struct

from api.auth import buyer_id
from api.conventions import AnyRequest, runtime_of
from api.description import LIMITED, Reply, described
from api.rate_limits import admit, take
from engine.limits.rates import RateLimit
from engine.live.live_tickets import TICKET_TTL_S

#: Tickets per person and minute. A page needs one per connection, and reconnects less often than this.
_LIMIT = RateLimit("live-tickets", 60)


class LiveTicket(Struct, frozen=True):
    """For one live connection: ``?ticket=`` in its address, or sent on it."""

    ticket: Annotated[str, Meta(description="Good once.")]
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[TICKET_TTL_S])]


@post(
    "/v1/live/tickets",
    tags=["Access"],
    security=[{"BearerToken": []}],
    summary="A ticket for a live connection",
    description="With a ticket the connection also carries messages about your holds and bookings.",
    opt=described(
        gives={201: Reply("Valid once, within half a minute.", LiveTicket, LIMITED)},
        refuses=("too-many-requests", "redis-unavailable"),
    ),
)
async def live_ticket(request: AnyRequest) -> Response[LiveTicket]:
    buyer = buyer_id(request)
    headers = admit(
        "Too many tickets; keep your connections open: one per map is enough.",
        await take(_LIMIT, request, buyer),
    )
    version = request.app.state["tokens"].version(request.headers.get("authorization"))
    ticket = await runtime_of(request).live.tickets.issue(buyer, version)
    headers["Cache-Control"] = "no-store"
    return Response(LiveTicket(ticket, TICKET_TTL_S), headers=headers)


HANDLERS = [live_ticket]
