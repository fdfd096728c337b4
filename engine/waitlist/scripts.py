"""The scripts of the waitlist's rounds: one wrapper each, which returns the reply as a value.

Each takes ``run`` as those of ``engine.live.scripts`` do, and raises what ``run`` raises.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from engine.base.model import SeatState
from engine.live import scripts
from engine.live.codec import decode_prices, encode_areas, number_list, seats_showing
from engine.live.scripts import Run
from engine.live.waiting_line import line_score
from engine.stores.pipeline import Argument
from engine.waitlist.matching import Match, Pool

#: A join is committed or has failed within this time, in ms.
_JOIN_MS_MAX: Final = 10_000


class Watched(Struct, frozen=True):
    """Whether there may be seats for the waitlist."""

    waiting: bool
    #: Changes when there may be seats.
    mark: str


class EventView(Struct, frozen=True):
    """One reading of an event: see ``pool.lua``. ``areas``: area_no → (free places, of these kept)."""

    mark: str
    status: str
    #: Encoded, in the form that ``claim.lua`` compares.
    prices: bytes
    waiting: int
    digits: bytes
    offered: frozenset[int]
    areas: dict[int, tuple[int, int]]

    def on_sale(self) -> Pool:
        """The places that anybody can buy."""
        return Pool(
            seats=frozenset(seats_showing(self.digits, SeatState.FREE)),
            areas={no: left - kept for no, (left, kept) in self.areas.items() if left > kept},
            prices=decode_prices(self.prices),
        )

    def kept(self) -> frozenset[int]:
        """Returned seats that nobody has been offered yet."""
        return frozenset(seats_showing(self.digits, SeatState.OFFERED)) - self.offered

    def for_line(self) -> Pool:
        """The places for the waitlist: kept ones, and those on sale."""
        return Pool(
            seats=self.on_sale().seats | self.kept(),
            areas={no: left for no, (left, _) in self.areas.items() if left},
            prices=decode_prices(self.prices),
        )


class Claimed(Struct, frozen=True):
    """All offers of the round have their places."""


class AtLimit(Struct, frozen=True):
    """Some people are at their limit."""


class NoLongerThere(Struct, frozen=True):
    """A place was taken meanwhile, or other prices are in force."""


class WaitlistClosed(Struct, frozen=True):
    """The event is not on sale."""


ClaimReply: TypeAlias = Claimed | AtLimit | NoLongerThere | WaitlistClosed


async def take_places(run: Run, event_id: str, places: Sequence[tuple[str, int, int]]) -> None:
    """Put entries (entry_id, weight, join_no) into Redis's waitlist; a round is due.

    From here on no returned seat bypasses them.
    """
    await scripts.enter_line(run, event_id, [(line_score(w, no), e) for e, w, no in places])


async def expect_join(run: Run, event_id: str) -> None:
    """Keep returned seats for the waitlist, because somebody is about to join."""
    await scripts.expect_line(run, event_id, _JOIN_MS_MAX)


async def watch(run: Run, event_id: str) -> Watched:
    """Whether a round may be due."""
    _, waiting, mark, _ = await run("watch_line", event_id)
    return Watched(waiting != b"0", mark.decode())


async def look(run: Run, event_id: str, look_id: str = "") -> EventView:
    """Read an event. ``look_id``: only the last reader may put unwanted seats on sale; '': never this one."""
    _, mark, status, prices, waiting, digits, offered, areas = await run("pool", event_id, look_id)
    return EventView(
        mark=mark.decode(),
        status=status.decode(),
        prices=prices,
        waiting=waiting,
        digits=digits,
        offered=frozenset(number_list(offered)),
        areas={
            int(no): (int(left), int(kept))
            for no, left, kept in (part.split(b":") for part in areas.split(b",") if part)
        },
    )


async def claim(
    run: Run, event_id: str, prices: bytes, stands_ms: int, offers: Sequence[tuple[str, Match]]
) -> ClaimReply:
    """Claim the places of all of a round's offers (offer_id, match), or of none.

    ``prices``: those by which they were matched. Claims that PostgreSQL does not confirm are settled
    after ``stands_ms``.
    """
    arguments: list[Argument] = []
    for offer_id, found in offers:
        arguments += [
            offer_id,
            found.entry.person_id,
            ",".join(map(str, found.seats)),
            encode_areas(found.areas),
            len(found.seats) + sum(found.areas.values()),
            found.entry.entry_id,
        ]
    word, *_ = await run("claim", event_id, prices, stands_ms, *arguments)
    match word:
        case b"claimed":
            return Claimed()
        case b"limit":
            return AtLimit()
        case b"closed":
            return WaitlistClosed()
    return NoLongerThere()


async def sell(run: Run, event_id: str, seats: str, areas: str, look_id: str) -> bool:
    """Put kept places on sale that fit no wish in the waitlist: seats "17,18", areas "no:places,…".

    False: another round has read since, and decides.
    """
    word, *_ = await run("sell", event_id, "1", seats, areas, look_id)
    return bool(word == b"sold")


async def sell_all(run: Run, event_id: str, look_id: str) -> None:
    """Put all kept places on sale, because the waitlist is empty, unless another round has read since."""
    await run("sell", event_id, "0", "", "", look_id)
