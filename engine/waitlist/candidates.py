"""What matching needs of each layout."""

import asyncio
from collections import OrderedDict
from typing import Final

from engine.catalog.model import Facts
from engine.waitlist.matching import LineIndex

_INDEXES_MAX: Final = 8


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
