"""Where one process chooses best seats: a copy of each event's seats, read again every moment.

Between two readings this process marks its own choices on the copy, so its own requests hardly ever
want the same seats. Readings and holds go to Redis on one connection, first in, first out: a reading
has seen every hold sent before it, and later choices are marked on it again. Other processes choose
from copies of their own. When one of them was faster, this process reads before every choice for a
while and spreads its choices over the nearest rows.
"""

import asyncio
import random
import time
from collections.abc import Collection, Iterable
from functools import partial
from typing import Final

from engine.base.caching import Bounded, SingleFlight
from engine.best_seats.choice import BestSeatsWish, Choice, choose
from engine.best_seats.index import Board, SeatIndex
from engine.catalog.model import Facts
from engine.live.codec import decode_prices
from engine.live.hold_scripts import Held, NotHeld, Taken, read_live_copy
from engine.live.live import Live

#: A copy up to this old is used for choosing; the hold's script decides whether the seats are still free.
_FRESH_S: Final = 0.025
#: How long this process is careful after losing seats to another one.
_CONTENDED_S: Final = 1.0
_SPREAD: Final = 2
_SPREAD_MAX: Final = 64
_EVENTS_MAX: Final = 256
_LAYOUTS_MAX: Final = 8


class LiveCopy:
    """One event's seats as this process sees them. ``buyer_limit`` and ``status`` come with them."""

    def __init__(self, live: Live, event_id: str, index: SeatIndex) -> None:
        self.index = index
        self.buyer_limit = 0
        self.status = ""
        #: The price list of the copy, as the hold's script compares it.
        self.prices = b""
        self._live = live
        self._event_id = event_id
        #: The last reading, and an unmarked board of it, made when it is first needed.
        self._states = b""
        self._as_read: Board | None = None
        self._board: Board | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._in_flight: set[Choice] = set()
        self._contended_until = float("-inf")

    @property
    def board(self) -> Board:
        """The present board; call ``look`` first."""
        assert self._board is not None
        return self._board

    async def look(self, max_age_s: float = _FRESH_S) -> None:
        """Make sure that the copy is no older than this. Raises as ``Running.run``."""
        since = time.monotonic() - max_age_s
        while self._read_at < since:
            # A finished reading was too old for us; its callback may not have run yet.
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(), name=f"copy:{self._event_id}")
            await asyncio.shield(self._reading)

    async def pick(
        self, wish: BestSeatsWish, attempt: int, avoided: Collection[int] = ()
    ) -> Choice | None:
        """Choose seats; no other request of this process gets them until ``settle``. None: nothing fits.

        ``attempt`` counts from 1; later attempts spread the choices wider. ``avoided``: seats that this buyer
        may not have.
        """
        asked_at = time.monotonic()
        contended = asked_at < self._contended_until
        await self.look(0 if contended else _FRESH_S)
        spread = min(_SPREAD << attempt, _SPREAD_MAX) if contended else 1
        # Not a secret, only a way to choose other seats than the other processes.
        chosen = choose(self._board_without(avoided), wish, random.randrange(spread))  # noqa: S311
        while chosen is None and (self._read_at < asked_at or self._may_come_back(wish)):
            # "Nothing fits" needs a fresh copy, and the outcome of the picks under way.
            await self.look(0)
            chosen = choose(self._board_without(avoided), wish)
            if avoided:
                break
        if chosen is not None:
            self._in_flight.add(chosen)
            self.board.mark(chosen.seats)
        return chosen

    def _board_without(self, avoided: Collection[int]) -> Board:
        """The present board; a copy of it when this buyer must not have some of the seats."""
        if not avoided:
            return self.board
        board = Board(self.index, self._states, self.board.prices)
        for choice in self._in_flight:
            board.mark(choice.seats)
        board.mark(avoided)
        return board

    def _may_come_back(self, wish: BestSeatsWish) -> bool:
        """Whether something fits if picks under way are refused: their buyers may have reached their limit."""
        if not self._in_flight:
            return False
        if self._as_read is None:
            self._as_read = Board(self.index, self._states, self.board.prices)
        return choose(self._as_read, wish) is not None

    def settle(self, choice: Choice, reply: Held | NotHeld | None) -> None:
        """Record the outcome of a pick: the reply of the hold's script, None when there was none."""
        self._in_flight.discard(choice)
        if not isinstance(reply, Held) or reply.seats is not None:
            self.doubt()
            if isinstance(reply, Taken):
                self._contended_until = time.monotonic() + _CONTENDED_S

    def mark(self, seats: Iterable[int]) -> None:
        """Mark seats that this process holds without a pick."""
        if self._board is not None:
            self._board.mark(seats)

    def doubt(self) -> None:
        """Seats changed in a way that the copy does not show: read before the next choice."""
        self._read_at = float("-inf")

    async def _read(self) -> None:
        asked_at = time.monotonic()
        now = await read_live_copy(self._live.running.run, self._event_id)
        self.prices, self._states = now.prices, now.digits
        self.status, self.buyer_limit = now.status, now.buyer_limit
        self._board = Board(self.index, self._states, decode_prices(self.prices))
        self._as_read = None
        for choice in self._in_flight:
            self._board.mark(choice.seats)
        self._read_at = asked_at


class LiveCopies:
    """The copies of one process, by event, and the indexes they share."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._copies: Bounded[str, LiveCopy] = Bounded(_EVENTS_MAX)
        self._indexes: SingleFlight[str, SeatIndex] = SingleFlight(_LAYOUTS_MAX)

    def known(self, event_id: str) -> LiveCopy | None:
        """The event's copy, if best seats were requested lately; else None."""
        return self._copies.get(event_id)

    async def of(self, facts: Facts) -> LiveCopy:
        copy = self._copies.get(facts.event_id)
        if copy is None:
            # Twenty thousand seats take some tenths of a second, too long for the loop.
            make = partial(asyncio.to_thread, SeatIndex, facts.layout)
            index = await self._indexes.get(facts.layout_id, make)
            # Another request may have waited for the same index.
            copy = self._copies.get(facts.event_id)
            if copy is None:
                copy = self._copies[facts.event_id] = LiveCopy(self._live, facts.event_id, index)
        # The least recently used copy is dropped, never the present one: two copies of one event would
        # offer the same seats.
        self._copies.move_to_end(facts.event_id)
        return copy
