"""The scripts of holds: one wrapper each, which returns the reply as a value.

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
    """How seats were chosen for a buyer: kept with the hold, to recognise a retry."""

    wish: str
    relaxed: Sequence[Relaxation]
    #: The encoded prices by which they were chosen; empty when any prices will do.
    prices: bytes


class NetworkLimits(Struct, frozen=True):
    """The limits of a network."""

    network: str
    #: Unpaid places that it may always have.
    places: int
    #: Unpaid places as a share of the house, 0 to 1.
    share: float


class HoldArguments(Struct, frozen=True, kw_only=True):
    """A request to ``hold.lua``."""

    hold_id: str
    buyer_id: str
    #: "17,18" and "0:2,1:1".
    seats: str
    areas: str
    quantity: int
    #: The id was made for this request, so no other hold can have it.
    fresh: bool
    #: Set when seats were chosen for the buyer.
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
    """The hold exists, made by this request or by an earlier attempt of it."""

    state: str
    #: Minor units by category number.
    prices: list[int]
    #: Unix time.
    expires_ms: int
    #: The seats, if an earlier attempt chose them for the buyer; else None.
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
    """The buyer, or their network, has just given up these seats; only others may take them for ``wait_ms``."""

    seats: list[int]
    wait_ms: int


class Closed(Struct, frozen=True):
    """The event is not on sale."""

    status: str


class NoSuch(Struct, frozen=True):
    """The event has no such seats or areas."""

    numbers: str


class Repriced(Struct, frozen=True):
    """The prices in force are not those by which the seats were chosen."""


class Foreign(Struct, frozen=True):
    """The hold, or its id, belongs to another buyer or another request."""


class Ended(Struct, frozen=True):
    """The hold's state does not allow this."""

    state: str


class Slow(Struct, frozen=True):
    """Too many payments of a 'person' or a 'network' were declined or are under way."""

    whose: str
    retry_ms: int


class Unbegun(Struct, frozen=True):
    """Only a checkout that has begun gets more time."""


class Unknown(Struct, frozen=True):
    """Redis has no such hold."""


#: Why there is no hold.
NotHeld: TypeAlias = (
    Taken | OverLimit | Crowded | Paused | Resting | Closed | NoSuch | Repriced | Foreign
)
#: Why a hold cannot be changed.
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
    """A live hold of its buyer, kept for payment."""

    seats: list[int]
    areas: dict[int, int]
    #: Minor units by category number.
    prices: list[int]
    #: Unix time.
    expires_ms: int
    #: Its state before: 'held', or 'paying' for another checkout.
    state_before: str
    #: Cards that were declined for it so far.
    declines: int


class Acceptance(Struct, frozen=True, kw_only=True):
    """An offer that PostgreSQL has recorded as accepted."""

    offer_id: str
    person_id: str
    #: The deadline of the hold that it becomes; Unix time.
    expires_ms: int
    #: The hold's new owner, if it is not being paid for yet; None: the person.
    holder_id: str | None = None
    #: Accept it only if it is not a hold yet.
    only_first: bool = False


class Lapsed(Struct, frozen=True):
    """The result of expiring one event's holds and offers."""

    #: How late each hold was freed.
    late_ms: list[int]
    #: Due holds that are still in payment; due offers.
    paying: list[str]
    offered: list[str]
    #: Time until the next deadline; 0: one is due; None: there is none.
    next_ms: int | None


class SeatsNow(Struct, frozen=True):
    """The data for choosing seats."""

    status: str
    #: Encoded, as ``hold.lua`` compares them.
    prices: bytes
    buyer_limit: int
    #: One digit per seat.
    digits: bytes


async def hold(run: Run, event_id: str, request: HoldArguments) -> Held | NotHeld:
    """Claim all the wanted seats and places, within the buyer's limit, or nothing."""
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


#: The refusal behind each word of ``hold.lua``.
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
    """Read a hold."""
    return _kept(await run("read_hold", event_id, hold_id))


async def read_all(run: Run, event_id: str, buyer_id: str) -> list[tuple[str, KeptHold]]:
    """The live holds of one buyer, each with its id; the one with the nearest deadline first."""
    _, *holds = await run("holds_of", event_id, buyer_id)
    kept = [(hold_id.decode(), _kept(reply)) for hold_id, *reply in holds]
    return [(hold_id, hold) for hold_id, hold in kept if isinstance(hold, KeptHold)]


async def extend(
    run: Run, event_id: str, hold_id: str, buyer_id: str, *, begun: bool
) -> KeptHold | Refused:
    """Give a hold another full time to live. ``begun``: whether the checkout has begun."""
    return _kept(await run("extend", event_id, hold_id, buyer_id, "1" if begun else ""))


async def accept(run: Run, event_id: str, acceptance: Acceptance) -> KeptHold | Refused:
    """Turn an accepted offer into an ordinary hold, at the prices of the offer."""
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
    """Check that a hold is alive and its buyer's, and keep it for payment. ``network``: '' if unlimited."""
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
    """End the payment of a hold without a booking in PostgreSQL: free it once it is due, or give it back
    to its buyer at once (``give_back``).
    """
    await run("abandon", event_id, hold_id, "1" if give_back else "")


async def expire(run: Run, event_id: str, count: int) -> Lapsed:
    """Free due holds, at most ``count``."""
    _, late_ms, paying, offered, next_ms = await run("expire", event_id, count)
    return Lapsed(
        number_list(late_ms),
        id_list(paying),
        id_list(offered),
        None if next_ms == b"" else int(next_ms),
    )


async def warn(run: Run, event_id: str, warning_ms: int, count: int) -> bool:
    """Warn buyers of holds that end within ``warning_ms``, at most ``count``. True: there may be more."""
    _, _, more = await run("warn", event_id, warning_ms, count)
    return bool(more)


async def read_live_copy(run: Run, event_id: str) -> SeatsNow:
    """The seats to choose from. Frees due holds first."""
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
    # Redis returns the words that ``hold`` was given.
    return cast("list[Relaxation]", id_list(text))
