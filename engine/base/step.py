"""Background work that a package wants repeated; a worker runs it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.base.errors import NotFound

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Step:
    """One kind of background work, which any number of workers may do at the same time.

    ``run_once`` does one round and returns how much work it found: after work it is run again at once, as
    there may be more; else after ``interval_s``. ``hear(wake, stopping)``, where there is one, calls
    ``wake`` when the next round shall come at once, until it is cancelled and ``stopping`` is set.
    """

    name: str
    interval_s: float
    run_once: Callable[[], Awaitable[int]]
    hear: Callable[[Callable[[], object], asyncio.Event], Coroutine[Any, Any, None]] | None = None


async def each(items: Iterable[Item], act: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Act on all at once, so that their commands share pipelines. Results without those that raise NotFound.

    Raises the first failure of another kind after all have ended.
    """
    results = await asyncio.gather(*(act(item) for item in items), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, NotFound):
            raise failure
    return [result for result in results if not isinstance(result, BaseException)]
