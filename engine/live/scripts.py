"""The scripts on an event's whole state: one wrapper each, which returns the reply as a value.

Every wrapper takes ``run``, which runs a script by name on an event: with a rebuild when the state is
missing, or without (``engine.live.running``). Each raises what ``run`` raises. The scripts of holds are in
``engine.live.hold_scripts``, those of the waitlist's rounds in ``engine.waitlist.scripts``.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct

from engine.live.codec import id_list
from engine.stores.pipeline import Argument


class Run(Protocol):
    """Runs a script on an event, and returns its reply."""

    async def __call__(self, script: str, event_id: str, /, *args: Argument) -> list[Any]: ...


class Settlement(Struct, frozen=True, kw_only=True):
    """PostgreSQL's facts about a booking's places; the notation of ``settle.lua``."""

    hold_id: str = ""
    #: The hold's new state: 'kept' gives it back to the buyer, '' leaves it unchanged.
    outcome: Literal["booked", "expired", "kept", ""] = ""
    #: "no:digit:version,…".
    seats: str = ""
    #: "no:sold:version,…".
    areas: str = ""
    #: "id:sold:version".
    buyer: str | None = None


class Checked(Struct, frozen=True):
    """A whole state, and its epoch and seq."""

    epoch: int
    seq: int


class Loaded(Struct, frozen=True):
    """How many live holds a rebuild has kept, and how many it has ended."""

    holds_kept: int
    holds_lost: int


class Shown(Struct, frozen=True):
    """The data of a map, as Redis keeps it."""

    epoch: int
    seq: int
    status: str
    #: Minor units by category number, and their public facts: both encoded.
    prices: bytes
    pricing: bytes
    #: One digit per seat: SeatState.
    digits: bytes
    #: Places on sale by area number; negative only in a damaged state.
    areas: dict[int, int]


class LargestShare(Struct, frozen=True):
    """Unpaid places of the network that has most, and all places of the house."""

    places: int
    house: int


class Recounted(Struct, frozen=True):
    """The number of corrections, and the offers that are open in Redis."""

    corrected: int
    offer_ids: list[str]


class Rank(Struct, frozen=True):
    """How many entries are ahead of an entry (None: it is not in the waitlist), and how many wait in all."""

    ahead: int | None
    waiting: int


def read_checked(reply: Sequence[Any]) -> Checked | str:
    """The reply of ``check.lua``: the state's epoch and seq, or what is wrong with it."""
    match reply:
        case [b"whole", epoch, seq]:
            return Checked(int(epoch), int(seq))
        case [b"damaged", what]:
            return str(what.decode(errors="replace"))
    return "missing"


def read_loaded(reply: Sequence[Any]) -> Loaded | None:
    """The reply of ``load.lua``; None: another process has loaded a larger epoch since."""
    if reply[0] == b"newer":
        return None
    _, kept, lost = reply
    return Loaded(kept, lost)


async def snapshot(run: Run, event_id: str, seen_from: str = "") -> Shown:
    """Everything a map shows, as of one instant. ``seen_from``: the viewer's network; '': our own reading.

    Raises ValueError when the state is damaged.
    """
    reply = await run("snapshot", event_id, seen_from)
    _, epoch, seq, status, prices, digits, *areas, pricing = reply
    return Shown(
        epoch=int(epoch),
        seq=int(seq),
        status=status.decode(),
        prices=prices,
        pricing=pricing,
        digits=digits,
        areas={int(no): int(free) for no, free in zip(areas[::2], areas[1::2], strict=True)},
    )


async def settle(
    run: Run, event_id: str, settlement: Settlement, *, force: bool, news: bytes
) -> int:
    """Give Redis PostgreSQL's truth about some places; returns how many changed.

    ``force``: also correct a digit whose version is known. ``news``: JSON for the buyer, or empty.
    """
    _, changed = await run(
        "settle",
        event_id,
        settlement.hold_id,
        settlement.outcome,
        settlement.seats,
        settlement.areas,
        settlement.buyer or "",
        "1" if force else "",
        news,
    )
    return int(changed)


async def configure(
    run: Run,
    event_id: str,
    version: int,
    messages: tuple[bytes, bytes],
    meta: Sequence[tuple[Argument, Argument]],
) -> None:
    """Set status, limits and prices to PostgreSQL's of ``version``, and notify maps of the changes.

    ``messages``: the event's and the prices', as JSON. ``meta``: field and value.
    """
    fields = (value for pair in meta for value in pair)
    await run("configure", event_id, version, *messages, *fields)


async def networks(run: Run, event_id: str) -> LargestShare:
    """The largest share of the house that one network holds."""
    _, places, house = await run("networks", event_id)
    return LargestShare(int(places), int(house))


async def recount(run: Run, event_id: str) -> Recounted:
    """Recount the claims of live holds, and correct differing counts."""
    _, corrected, offered = await run("recount", event_id)
    return Recounted(int(corrected), id_list(offered))


async def adopt(run: Run, event_id: str, pending: Sequence[Argument]) -> list[str]:
    """Load holds of pending bookings that Redis has lost; returns their ids."""
    _, adopted = await run("adopt", event_id, *pending)
    return id_list(adopted)


async def load_offers(run: Run, event_id: str, offers: Sequence[Argument]) -> int:
    """Load offers into Redis as PostgreSQL has them; returns how many were new or changed."""
    _, changed = await run("lay_offers", event_id, *offers)
    return int(changed)


async def end_offer(run: Run, event_id: str, offer_id: str, status: str) -> None:
    """End an offer that was not accepted. ``status`` '': it was never made, and nobody is notified."""
    await run("end_offer", event_id, offer_id, status)


async def enter_line(run: Run, event_id: str, places: Sequence[tuple[int, str]]) -> None:
    """Put entries (score, entry_id) into the waitlist."""
    await run("line", event_id, "in", *(value for pair in places for value in pair))


async def leave_line(run: Run, event_id: str, entry_ids: Sequence[str | bytes]) -> None:
    """Take entries out of the waitlist."""
    await run("line", event_id, "out", *entry_ids)


async def expect_line(run: Run, event_id: str, within_ms: int) -> None:
    """Keep returned seats for the waitlist during this time, in which an expected entry joins or fails."""
    await run("line", event_id, "soon", within_ms)


async def rank(run: Run, event_id: str, entry_id: str = "") -> Rank:
    """The rank of an entry in the waitlist."""
    _, ahead, waiting = await run("rank", event_id, entry_id)
    return Rank(None if ahead < 0 else ahead, waiting)
