"""What the line may have at one moment, and what matching needs of each layout."""

import asyncio
import re
from collections import OrderedDict
from typing import Any, Final

from msgspec import Struct

from engine.catalog.model import Facts
from engine.live.inventory import Inventory, decode_prices, number_list
from engine.waitlist.matching import LineIndex, Pool

_INDEXES_MAX: Final = 8
_FREE, _KEPT = re.compile(b"0"), re.compile(b"4")


class Seen(Struct, frozen=True):
    """One look at an event: see ``pool.lua``. ``areas``: area_no → (places left, of these kept)."""

    mark: str
    status: str
    prices: bytes
    waiting: int
    digits: bytes
    offered: frozenset[int]
    areas: dict[int, tuple[int, int]]

    def on_sale(self) -> Pool:
        """What anybody can buy."""
        return Pool(
            seats=frozenset(found.start() for found in _FREE.finditer(self.digits)),
            areas={no: left - kept for no, (left, kept) in self.areas.items() if left > kept},
            prices=decode_prices(self.prices),
        )

    def kept(self) -> frozenset[int]:
        """Seats that came back and nobody has been offered yet."""
        return frozenset(found.start() for found in _KEPT.finditer(self.digits)) - self.offered

    def for_line(self) -> Pool:
        """What the line can be offered: that, and what is on sale."""
        return Pool(
            seats=self.on_sale().seats | self.kept(),
            areas={no: left for no, (left, _) in self.areas.items() if left},
            prices=decode_prices(self.prices),
        )


def read_seen(reply: list[Any]) -> Seen:
    _, mark, status, prices, waiting, digits, offered, areas = reply
    return Seen(
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


async def look(inventory: Inventory, event_id: str) -> Seen:
    """What there is. Raises as ``Inventory.run``."""
    return read_seen(await inventory.run("pool", event_id))


class LineIndexes:
    """A layout's index, made once and off the loop."""

    def __init__(self) -> None:
        self._indexes: OrderedDict[str, asyncio.Task[LineIndex]] = OrderedDict()

    async def of(self, facts: Facts) -> LineIndex:
        task = self._indexes.get(facts.layout_id)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(LineIndex, facts.layout))
            self._indexes[facts.layout_id] = task
            if len(self._indexes) > _INDEXES_MAX:
                self._indexes.popitem(last=False)
        self._indexes.move_to_end(facts.layout_id)
        return await asyncio.shield(task)
