"""How long what is being served may still take.

Whoever lets somebody in says ``begin``; whatever waits on their behalf, a store, a gateway, a batch,
asks ``limit_s`` how long it may. Nobody is cut off in the middle of a thing: a step that has no time
left does not begin, and one that is under way ends by its own limit. Batches run in a context of their
own and have no deadline, because they are many people's; each member's wait has.
"""

import asyncio
import math
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import TypeVar

from engine.base.errors import Unavailable

T = TypeVar("T")
#: On ``time.monotonic``'s clock. Nobody waits for work without one: a worker's, a test's, a batch's.
_DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


def begin(seconds: float) -> None:
    """What this context serves must be answered in ``seconds`` from now."""
    _DEADLINE.set(time.monotonic() + seconds)


def extend(seconds: float) -> None:
    """Long work goes on, with ``seconds`` from now at least; where there is no deadline, none begins."""
    _DEADLINE.set(max(_DEADLINE.get(), time.monotonic() + seconds))


def forget() -> None:
    """What this context does from here on is nobody's wait: it is done for all who may ask for it."""
    _DEADLINE.set(math.inf)


async def within(work: Awaitable[T]) -> T:
    """What ``work`` gives, or Unavailable at the deadline. Shield what is to go on after that."""
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
    """Seconds until the deadline; negative behind it, infinite without one."""
    return _DEADLINE.get() - time.monotonic()


def limit_s(most_s: float) -> float:
    """How long the next step may take, ``most_s`` at most. Raises Unavailable when no time is left."""
    left = _DEADLINE.get() - time.monotonic()
    if left >= most_s:
        return most_s
    if left <= 0:
        raise out_of_time()
    return left


def out_of_time() -> Unavailable:
    """The refusal of what could not begin in time. Nothing has been done."""
    return Unavailable("This took too long at our side and was not carried out; try again shortly.")
