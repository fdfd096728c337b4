"""Caches in a process's memory: a mapping of bounded size, and values that one task loads for all.

Where a function's arguments are its key, ``functools.lru_cache`` is used instead. Why neither cachetools
nor async-lru: docs/decisions/0038-caches.md.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from engine.base import deadline

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(OrderedDict[K, V]):
    """At most ``size_max`` entries; the one written longest ago is dropped first.

    Reading is a plain dict's and moves nothing, because it is the hot path. Where an entry in use must
    stay, its reader calls ``move_to_end``.
    """

    def __init__(self, size_max: int) -> None:
        super().__init__()
        self._size_max = size_max

    def __setitem__(self, key: K, value: V) -> None:
        self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self._size_max:
            self.popitem(last=False)


class SingleFlight(Generic[K, V]):
    """Values by key, each loaded by one task however many callers ask for it at the same time.

    A load has no caller's deadline and runs to its end although all its callers are gone; each caller
    waits until its own deadline. A failed load raises for all that wait for it and is not kept.
    At most ``size_max`` values are kept, the least recently used is dropped first; each is good for
    ``fresh_s`` seconds from the beginning of its load.
    """

    def __init__(
        self,
        size_max: int,
        *,
        fresh_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loads: Bounded[K, tuple[float, asyncio.Task[V]]] = Bounded(size_max)
        self._fresh_s = fresh_s
        self._clock = clock

    async def get(self, key: K, load: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The value of ``key``, by ``load`` where none is kept. Raises what the load raises;
        Unavailable at the caller's deadline.
        """
        now = self._clock()
        begun_at, task = self._loads.get(key, (-math.inf, None))
        if task is None or now - begun_at > self._fresh_s or _has_failed(task):
            begun_at, task = now, asyncio.create_task(_load_for_all(load))
        # Written again also when found, so that the least recently used is dropped.
        self._loads[key] = begun_at, task
        return await deadline.within(asyncio.shield(task))

    def forget(self, key: K) -> None:
        """Drop the value; the next ``get`` loads it again."""
        self._loads.pop(key, None)


async def _load_for_all(load: Callable[[], Coroutine[Any, Any, V]]) -> V:
    deadline.forget()
    return await load()


def _has_failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
