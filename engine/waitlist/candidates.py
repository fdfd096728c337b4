"""The indexes that matching needs for each layout."""

import asyncio
from functools import partial
from typing import Final

from engine.base.caching import SingleFlight
from engine.catalog.model import Facts
from engine.waitlist.matching import LineIndex

_INDEXES_MAX: Final = 8


class LineIndexes:
    """Indexes by layout, each made once and outside of the event loop."""

    def __init__(self) -> None:
        self._indexes: SingleFlight[str, LineIndex] = SingleFlight(_INDEXES_MAX)

    async def of(self, facts: Facts) -> LineIndex:
        make = partial(asyncio.to_thread, LineIndex, facts.layout)
        return await self._indexes.get(facts.layout_id, make)
