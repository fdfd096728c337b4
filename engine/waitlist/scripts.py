"""The scripts of the waitlist's rounds: one wrapper each, and what it answers as a value.

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
    """Whether there may be something for the line to have."""

    waiting: bool
    #: Changes when there may be.
    mark: str


class EventView(Struct, frozen=True):
    """One look at an event: see ``pool.lua``. ``areas``: area_no → (places left, of these kept)."""

    mark: str
    status: str
    #: Encoded, as ``claim.lua`` compares them.
    prices: bytes
    waiting: int
    digits: bytes
    offered: frozenset[int]
    areas: dict[int, tuple[int, int]]

    def on_sale(self) -> Pool:
        """What anybody can buy."""
        return Pool(
            seats=frozenset(seats_showing(self.digits, SeatState.FREE)),
            areas={no: left - kept for no, (left, kept) in self.areas.items() if left > kept},
            prices=decode_prices(self.prices),
        )

    def kept(self) -> frozenset[int]:
        """Seats that came back and nobody has been offered yet."""
        return frozenset(seats_showing(self.digits, SeatState.OFFERED)) - self.offered

    def for_line(self) -> Pool:
        """What the line can be offered: that, and what is on sale."""
        return Pool(
            seats=self.on_sale().seats | self.kept(),
            areas={no: left for no, (left, _) in self.areas.items() if left},
            prices=decode_prices(self.prices),
        )


class Claimed(Struct, frozen=True):
    """All offers of the round have their places."""


class AtLimit(Struct, frozen=True):
    """Some persons may have no more places."""


class NoLongerThere(Struct, frozen=True):
    """Something was taken meanwhile, or other prices are in force."""


class WaitlistClosed(Struct, frozen=True):
    """The event does not sell."""


ClaimReply: TypeAlias = Claimed | AtLimit | NoLongerThere | WaitlistClosed


async def take_places(run: Run, event_id: str, places: Sequence[tuple[str, int, int]]) -> None:
    """Let entries (entry_id, weight, join_no) take their places in Redis's line; a round is due.

    From here on nothing that comes free passes them by.
    """
    await scripts.enter_line(run, event_id, [(line_score(w, no), e) for e, w, no in places])


async def expect_join(run: Run, event_id: str) -> None:
    """Keep what comes free for the line, in which somebody is about to be."""
    await scripts.expect_line(run, event_id, _JOIN_MS_MAX)


async def watch(run: Run, event_id: str) -> Watched:
    """Whether a round may be due."""
    _, waiting, mark, _ = await run("watch_line", event_id)
    return Watched(waiting != b"0", mark.decode())


async def look(run: Run, event_id: str, look_id: str = "") -> EventView:
    """What there is. ``look_id``: who may put on sale what nobody wants, if nobody looks later; '': nobody."""
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
    """Give all of a round's offers (offer_id, match) their places, or none of them.

    ``prices``: those by which they were matched. Without PostgreSQL's word they are looked at again after
    ``stands_ms``.
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
    """Put on sale what nobody in line would take: seats "17,18", areas "no:places,…".

    False: another round has looked since, and decides.
    """
    word, *_ = await run("sell", event_id, "1", seats, areas, look_id)
    return bool(word == b"sold")


async def sell_all(run: Run, event_id: str, look_id: str) -> None:
    """Put on sale all that is kept, because nobody is in line any more, unless another round has looked."""
    await run("sell", event_id, "0", "", "", look_id)
