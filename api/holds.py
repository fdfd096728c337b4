"""Holds: keep seats for some minutes, read, extend, give back."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.auth import buyer_id
from api.conventions import AnyRequest, Json, read_body, runtime_of
from api.description import HOLD_ENDED, HOLD_GONE, STORES, Reply, described
from api.networks import network
from api.short_cuts import SHORT_CUT
from engine.base.errors import InvalidInput
from engine.base.mail_addresses import checked_buyer
from engine.base.model import Buyer, Hold, Uuid
from engine.best_seats.choice import BestSeatsWish

_SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}]


class HoldRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Seats by seat_no, places of areas by area_no, or ``best`` alone: the engine chooses the seats.

    With a ``hold_id`` made by the client, retries are safe.
    """

    seats: Annotated[
        list[Annotated[int, Meta(ge=0, le=2**31 - 1)]],
        Meta(max_length=100, description="Seats by `seat_no`.", examples=[[17, 18]]),
    ] = []
    areas: Annotated[
        dict[int, Annotated[int, Meta(ge=1, le=100)]],
        Meta(description="How many places, by `area_no`.", examples=[{"0": 2}]),
    ] = {}
    best: Annotated[
        BestSeatsWish | None,
        Meta(description="The best free seats, by the rule in docs/best-seats.md."),
    ] = None
    hold_id: Annotated[
        Uuid | None,
        Meta(description="Made by you, new for each attempt: a retry gives the same hold."),
    ] = None


class ExtendRequest(Struct, frozen=True):
    """The buyer, which shows that a checkout has begun. Can be left out after a payment attempt."""

    buyer: Buyer | None = None


_EXTEND_REQUEST = msgspec.json.Decoder(ExtendRequest)
_HOLD_REQUEST = msgspec.json.Decoder(HoldRequest)


@post(
    "/v1/events/{event_id:uuid}/holds",
    tags=["Holds"],
    security=_SECURITY,
    summary="Hold seats",
    description=(
        "All places or none. The price is frozen until the hold ends. With `best` the engine "
        "chooses the seats, and `relaxed` says in what respects they are less than ideal."
    ),
    response_class=Json,
    opt={
        **SHORT_CUT,
        **described(
            takes=HoldRequest,
            gives={201: Reply("The hold.", Hold)},
            refuses=(
                "empty-hold",
                "duplicate-seat",
                "no-such-seat",
                "no-such-area",
                "invalid-quantity",
                "too-many-seats",
                "no-seats",
                "no-such-category",
                "no-such-section",
                "event-not-found",
                "seat-unavailable",
                "limit-reached",
                "event-not-on-sale",
                "hold-id-taken",
                "seat-resting",
                "network-limit",
                "network-paused",
                "too-contended",
                *STORES,
            ),
            replays=True,
        ),
    },
)
async def place_hold(request: AnyRequest, event_id: FromPath[UUID]) -> Hold:
    data = await read_body(request, _HOLD_REQUEST)
    hold_id = data.hold_id.lower() if data.hold_id else None
    holds = runtime_of(request).holds
    if data.best is None:
        return await holds.place(
            str(event_id),
            buyer_id(request),
            seats=data.seats,
            areas=data.areas,
            hold_id=hold_id,
            network=network(request),
        )
    if data.seats or data.areas:
        raise InvalidInput("best stands alone: send it without seats and areas.")
    return await holds.place_best(
        str(event_id), buyer_id(request), data.best, hold_id=hold_id, network=network(request)
    )


class HoldList(Struct, frozen=True):
    """A page of holds."""

    items: list[Hold]
    next_cursor: Annotated[None, Meta(description="Always null: one page has them all.")] = None


@get(
    "/v1/holds",
    tags=["Holds"],
    security=_SECURITY,
    summary="Your live holds of one event",
    description=(
        "Those that are held or being paid for, the one with the nearest deadline first, whichever "
        "window or device made them. Their number is bounded by the event's limit per buyer."
    ),
    opt=described(gives={200: Reply("The holds.", HoldList)}, refuses=("event-not-found", *STORES)),
)
async def list_holds(
    request: AnyRequest,
    event_id: Annotated[UUID, QueryParameter(description="The event.")],
) -> HoldList:
    return HoldList(await runtime_of(request).holds.of_buyer(str(event_id), buyer_id(request)))


@get(
    "/v1/holds/{hold_id:uuid}",
    tags=["Holds"],
    security=_SECURITY,
    summary="Read a hold",
    opt=described(gives={200: Reply("The hold.", Hold)}, refuses=(*HOLD_GONE, *STORES)),
)
async def read_hold(request: AnyRequest, hold_id: FromPath[UUID]) -> Hold:
    return await runtime_of(request).holds.read(str(hold_id), buyer_id(request))


@delete(
    "/v1/holds/{hold_id:uuid}",
    tags=["Holds"],
    security=_SECURITY,
    summary="Give a hold back",
    opt=described(
        gives={204: Reply("The seats are free again.")},
        refuses=(*HOLD_GONE, "hold-in-payment", *HOLD_ENDED, *STORES),
    ),
)
async def release_hold(request: AnyRequest, hold_id: FromPath[UUID]) -> None:
    await runtime_of(request).holds.release(str(hold_id), buyer_id(request))


@post(
    "/v1/holds/{hold_id:uuid}/extend",
    tags=["Holds"],
    security=_SECURITY,
    status_code=200,
    summary="Extend a hold",
    description=(
        "A fresh time to live from now, within the event's longest hold. Possible once, and only "
        "after a checkout has begun: send the `buyer`, or try to pay first."
    ),
    opt=described(
        gives={200: Reply("The hold with its new deadline.", Hold)},
        refuses=(*HOLD_GONE, "hold-in-payment", "checkout-not-begun", *HOLD_ENDED, *STORES),
        replays=True,
    ),
)
async def extend_hold(request: AnyRequest, hold_id: FromPath[UUID]) -> Hold:
    data = await read_body(request, _EXTEND_REQUEST, empty=b"{}")
    if data.buyer is not None:
        checked_buyer(data.buyer)
    return await runtime_of(request).holds.extend(
        str(hold_id), buyer_id(request), begun=data.buyer is not None
    )


HANDLERS = [place_hold, list_holds, read_hold, release_hold, extend_hold]
