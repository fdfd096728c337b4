"""Deadlines: how long the present request may still take.

The code that accepts a request calls ``begin``; each wait on its behalf (for a store, a gateway, a
batch) asks ``limit_s`` how long it may take. No step is cut off in the middle: a step without time left
does not begin, and one that is under way ends by its own limit. Batches run in a context of their own
and have no deadline, because they serve many people; each member's wait has one.
"""

import asyncio
import math
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from engine.base.errors import Unavailable

T = TypeVar("T")
#: On ``time.monotonic``'s clock. No caller waits for work without one: a worker's, a test's, a batch's.
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


def begin(seconds: float) -> None:
    """The request of this context must be answered in ``seconds`` from now."""
    _DEADLINE.set(time.monotonic() + seconds)


def extend(seconds: float) -> None:
    """Give long work at least ``seconds`` from now; without a deadline this has no effect."""
    _DEADLINE.set(max(_DEADLINE.get(), time.monotonic() + seconds))


def forget() -> None:
    """Remove the deadline of this context: its work from here on is done for all callers, not for one."""
    _DEADLINE.set(math.inf)


async def within(work: Awaitable[T]) -> T:
    """The result of ``work``, or Unavailable at the deadline. Shield work that must go on after that."""
    left = left_s()
    if left == math.inf:
        return await work
    try:
        async with asyncio.timeout(left) as limit:
            return await work
    except TimeoutError:
        if limit.expired():
            raise Unavailable("This is still under way; ask again shortly.") from None
        raise


def due() -> float:
    """The deadline itself, on ``time.monotonic``'s clock; infinite where there is none."""
    return _DEADLINE.get()


def left_s() -> float:
    """Seconds until the deadline; negative after it, infinite without one."""
    return _DEADLINE.get() - time.monotonic()


def limit_s(most_s: float) -> float:
    """How long the next step may take, at most ``most_s``. Raises Unavailable when no time is left."""
    left = _DEADLINE.get() - time.monotonic()
    if left >= most_s:
        return most_s
    if left <= 0:
        raise out_of_time()
    return left


def out_of_time() -> Unavailable:
    """The refusal of work that could not begin in time. Nothing has been done."""
    return Unavailable("This took too long on our side and was not carried out; try again shortly.")
