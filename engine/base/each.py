"""Acting on many things at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from engine.base.errors import NotFound


async def each(items: Iterable[Any], act: Callable[[Any], Awaitable[Any]]) -> list[Any]:
    """Act on all at once, so that their commands share pipelines; one missing event spoils nothing: its
    result is 0. Raises what ``act`` raises otherwise, once all have ended.
    """
    results = await asyncio.gather(*(act(item) for item in items), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, NotFound):
            raise result
    return [0 if isinstance(result, NotFound) else result for result in results]
