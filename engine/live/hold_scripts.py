"""The scripts of holds: one wrapper each, and what it answers as a value.

Each takes ``run`` as those of ``engine.live.scripts`` do, and raises what ``run`` raises.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

from msgspec import Struct

from engine.base.model import Relaxation
from engine.live.codec import decode_areas, decode_prices, id_list, number_list
from engine.live.scripts import Run
from engine.stores.pipeline import Argument


class Chosen(Struct, frozen=True):
    """How seats were chosen for a buyer: kept with the hold, to know a retry."""

    wish: str
    relaxed: Sequence[Relaxation]
    #: The encoded prices by which they were chosen; empty where any will do.
    prices: bytes


class NetworkLimits(Struct, frozen=True):
    """What a network that is limited may hold."""

    network: str
    #: Unpaid places that it may have at least.
    places: int
    #: And as a share of the house, 0 to 1.
    share: float


class HoldArguments(Struct, frozen=True, kw_only=True):
    """What ``hold.lua`` is asked for."""

    hold_id: str
    buyer_id: str
    #: "17,18" and "0:2,1:1".
    seats: str
    areas: str
    quantity: int
    #: The id was made for this request, so it can be nobody else's.
    fresh: bool
    #: Where seats were chosen for the buyer.
    chosen: Chosen | None = None
    #: None: from a network without limits.
    limits: NetworkLimits | None = None

    def arguments(self) -> list[Argument]:
        """As ``hold.lua`` takes them."""
        fresh = "1" if self.fresh else ""
        arguments: list[Argument] = [
            self.hold_id,
            self.buyer_id,
            self.seats,
            self.areas,
            self.quantity,
            fresh,
        ]
        if self.chosen is not None:
            arguments += (self.chosen.wish, ",".join(self.chosen.relaxed), self.chosen.prices)
        if self.limits is not None:
            if self.chosen is None:
                arguments += ("", "", "")
            arguments += (self.limits.network, self.limits.places, self.limits.share)
        return arguments


class Held(Struct, frozen=True):
    """The hold is there, made by this request or by an earlier try of it."""

    state: str
    #: Minor units by category number.
    prices: list[int]
    #: Unix time.
    expires_ms: int
    #: Of an earlier try whose seats were chosen for the buyer: which they are. Else None.
    seats: list[int] | None = None
    relaxed: Sequence[Relaxation] = ()


class Taken(Struct, frozen=True):
    """Somebody else has these seats, and these areas have too few places."""

    seats: list[int]
    areas: list[int]


class OverLimit(Struct, frozen=True):
    """One buyer may have no more than ``limit`` places, and has ``owned``."""

    limit: int
    owned: int


class Crowded(Struct, frozen=True):
    """The network holds ``held`` unpaid places, and may hold ``cap`` just now."""

    cap: int
    held: int


class Paused(Struct, frozen=True):
    """The network waits this long before it holds more."""

    wait_ms: int


class Resting(Struct, frozen=True):
    """Whoever asks has just let go of these seats, which are others' for so long."""

    seats: list[int]
    wait_ms: int


class Closed(Struct, frozen=True):
    """The event does not sell."""

    status: str


class NoSuch(Struct, frozen=True):
    """The event has no such seats or areas."""

    numbers: str


class Repriced(Struct, frozen=True):
    """Other prices are in force than those by which the seats were chosen."""


class Foreign(Struct, frozen=True):
    """The hold, or its id, is another buyer's or another request's."""


class Ended(Struct, frozen=True):
    """The hold is not in a state in which this can be done to it."""

    state: str


class Slow(Struct, frozen=True):
    """Too many payments of a 'person' or a 'network' were declined, or are under way."""

    whose: str
    retry_ms: int


class Unbegun(Struct, frozen=True):
    """More time is for a checkout that has begun."""


class Unknown(Struct, frozen=True):
    """Redis knows no such hold."""


#: Why there is no hold.
NotHeld: TypeAlias = (
    Taken | OverLimit | Crowded | Paused | Resting | Closed | NoSuch | Repriced | Foreign
)
#: Why something cannot be done to a hold.
Refused: TypeAlias = Ended | Slow | Unbegun | Foreign | Unknown


class KeptHold(Struct, frozen=True):
    """A hold or an offer, alive or ended, as Redis keeps it."""

    owner: str
    state: str
    seats: list[int]
    areas: dict[int, int]
    #: Minor units by category number.
    prices: list[int]
    #: Unix time.
    expires_ms: int
    relaxed: Sequence[Relaxation]
    wish: str


class Paying(Struct, frozen=True):
    """A hold that is alive, its buyer's own, and kept for payment."""

    seats: list[int]
    areas: dict[int, int]
    #: Minor units by category number.
    prices: list[int]
    #: Unix time.
    expires_ms: int
    #: In which state it was before: 'held', or 'paying' for another checkout.
    state_before: str
    #: Cards that were declined for it so far.
    declines: int


class Acceptance(Struct, frozen=True, kw_only=True):
    """An offer that PostgreSQL has noted as accepted."""

    offer_id: str
    person_id: str
    #: Until when the hold lives that it becomes; Unix time.
    expires_ms: int
    #: Whose the hold is from now on, if it is not being paid for yet; None: the person's.
    holder_id: str | None = None
    #: Only if it is not a hold yet.
    only_first: bool = False


class Lapsed(Struct, frozen=True):
    """What has come of the deadlines of one event's holds and offers."""

    #: How late each hold was freed.
    late_ms: list[int]
    #: Holds that are due and still in payment; offers that are due.
    paying: list[str]
    offered: list[str]
    #: Until the next deadline; 0: one is due; None: there is none.
    next_ms: int | None


class SeatsNow(Struct, frozen=True):
    """What choosing seats for somebody needs to know."""

    status: str
    #: Encoded, as ``hold.lua`` compares them.
    prices: bytes
    buyer_limit: int
    #: One digit per seat.
    digits: bytes


async def hold(run: Run, event_id: str, request: HoldArguments) -> Held | NotHeld:
    """Claim all the seats and places asked for, within the buyer's limit, or nothing."""
    reply = await run("hold", event_id, *request.arguments())
    if reply[0] != b"held":
        word, *facts = reply
        return _NOT_HELD[word](*facts)
    _, prices, expires, state, *before = reply
    held = (state.decode(), decode_prices(prices), int(expires))
    if not before:
        return Held(*held)
    seats, relaxed = before
    return Held(*held, number_list(seats), _relaxed(relaxed))


#: What is behind each word with which ``hold.lua`` refuses.
_NOT_HELD: Final[dict[bytes, Callable[..., NotHeld]]] = {
    b"taken": lambda seats, areas: Taken(number_list(seats), number_list(areas)),
    b"limit": lambda limit, owned: OverLimit(int(limit), int(owned)),
    b"crowded": lambda cap, held: Crowded(int(cap), int(held)),
    b"paused": lambda wait_ms: Paused(int(wait_ms)),
    b"resting": lambda seats, wait_ms: Resting(number_list(seats), int(wait_ms)),
    b"closed": lambda status: Closed(status.decode()),
    b"no-such": lambda numbers: NoSuch(numbers.decode()),
    b"repriced": Repriced,
    b"foreign": Foreign,
}


async def read(run: Run, event_id: str, hold_id: str) -> KeptHold | Refused:
    """A hold as it is."""
    return _kept(await run("read_hold", event_id, hold_id))


async def extend(
    run: Run, event_id: str, hold_id: str, buyer_id: str, *, begun: bool
) -> KeptHold | Refused:
    """Give a hold another full time to live. ``begun``: the checkout has."""
    return _kept(await run("extend", event_id, hold_id, buyer_id, "1" if begun else ""))


async def accept(run: Run, event_id: str, acceptance: Acceptance) -> KeptHold | Refused:
    """Make an accepted offer an ordinary hold, at the prices at which it was made."""
    arguments: list[Argument] = [
        acceptance.offer_id,
        acceptance.person_id,
        acceptance.expires_ms,
    ]
    if acceptance.holder_id is not None:
        arguments.append(acceptance.holder_id)
        if acceptance.only_first:
            arguments.append("1")
    return _kept(await run("accept", event_id, *arguments))


async def release(run: Run, event_id: str, hold_id: str, buyer_id: str) -> Refused | None:
    """Give a hold back for its buyer. None: it is released, now or before."""
    reply = await run("release", event_id, hold_id, buyer_id)
    return None if reply[0] == b"released" else _refused(reply)


async def begin_payment(
    run: Run, event_id: str, hold_id: str, buyer_id: str, network: str
) -> Paying | Refused:
    """Prove a hold alive and its buyer's, and keep it for payment. ``network``: '' for one without limits."""
    reply = await run("begin_payment", event_id, hold_id, buyer_id, network)
    if reply[0] != b"paying":
        return _refused(reply)
    _, seats, areas, _, prices, expires, before, *declines = reply
    return Paying(
        number_list(seats),
        decode_areas(areas),
        decode_prices(prices),
        int(expires),
        before.decode(),
        int(declines[0]) if declines else 0,
    )


async def abandon(run: Run, event_id: str, hold_id: str, *, give_back: bool) -> None:
    """End the payment of a hold that PostgreSQL has no booking for: freed once it is due, or at once its
    buyer's again (``give_back``).
    """
    await run("abandon", event_id, hold_id, "1" if give_back else "")


async def expire(run: Run, event_id: str, count: int) -> Lapsed:
    """Free what is due, ``count`` at most."""
    _, late_ms, paying, offered, next_ms = await run("expire", event_id, count)
    return Lapsed(
        number_list(late_ms),
        id_list(paying),
        id_list(offered),
        None if next_ms == b"" else int(next_ms),
    )


async def warn(run: Run, event_id: str, warning_ms: int, count: int) -> bool:
    """Tell buyers of holds that end within ``warning_ms``, ``count`` at most. True: there may be more."""
    _, _, more = await run("warn", event_id, warning_ms, count)
    return bool(more)


async def read_live_copy(run: Run, event_id: str) -> SeatsNow:
    """What there is to choose from. Frees what is due first."""
    _, status, prices, buyer_limit, digits = await run("live_copy", event_id)
    return SeatsNow(status.decode(), prices, int(buyer_limit), digits)


def _kept(reply: list[Any]) -> KeptHold | Refused:
    if reply[0] != b"hold":
        return _refused(reply)
    _, owner, state, seats, areas, prices, expires, relaxed, wish = reply
    return KeptHold(
        owner.decode(),
        state.decode(),
        number_list(seats),
        decode_areas(areas),
        decode_prices(prices),
        int(expires),
        _relaxed(relaxed),
        wish.decode(),
    )


def _refused(reply: list[Any]) -> Refused:
    match reply:
        case [b"gone", state]:
            return Ended(state.decode())
        case [b"slow", whose, retry_ms]:
            return Slow(whose.decode(), int(retry_ms))
        case [b"unbegun"]:
            return Unbegun()
        case [b"foreign"]:
            return Foreign()
    return Unknown()


def _relaxed(text: bytes) -> list[Relaxation]:
    # Redis says what ``hold`` was given.
    return cast("list[Relaxation]", id_list(text))
