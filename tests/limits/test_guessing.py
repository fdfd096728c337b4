"""A client that guesses a secret is limited, and keeps nobody else out."""

import pytest

from engine.base.errors import TooManyRequests
from engine.base.model import new_id
from engine.limits.guessing import Guesses
from engine.limits.rates import RateLimit, RateLimits
from engine.runtime import Runtime

pytestmark = pytest.mark.integration

TRIES = 3


@pytest.fixture
def limits(runtime: Runtime) -> RateLimits:
    return RateLimits(runtime.stores.redis)


@pytest.fixture
def limit() -> RateLimit:
    # A window that does not end during a test.
    return RateLimit(f"test-{new_id()}", TRIES, window_s=10**9)


async def test_a_guesser_is_limited_even_with_the_right_secret(
    limits: RateLimits, limit: RateLimit
) -> None:
    guesses = Guesses(limits, limit)
    for _ in range(TRIES):
        await guesses.wrong("192.0.2.0")
    with pytest.raises(TooManyRequests) as refused:
        await guesses.wrong("192.0.2.0")
    assert refused.value.extra["retry_after"] > 0
    # Another process, which has not seen the guesses.
    for process in (guesses, Guesses(limits, limit)):
        with pytest.raises(TooManyRequests):
            await process.right("192.0.2.0")
    await guesses.right("192.0.2.1")


async def test_a_guesser_does_not_keep_the_owner_out(limits: RateLimits, limit: RateLimit) -> None:
    guesses = Guesses(limits, limit)
    await guesses.right("192.0.2.0")
    for _ in range(TRIES):
        await guesses.wrong("192.0.2.0")
    with pytest.raises(TooManyRequests):
        await guesses.wrong("192.0.2.0")
    await guesses.right("192.0.2.0")


async def test_guesses_from_an_unlimited_network_are_only_counted(
    limits: RateLimits, limit: RateLimit
) -> None:
    guesses = Guesses(limits, limit)
    for _ in range(2 * TRIES):
        await guesses.wrong(None)
    await guesses.right(None)
