"""Answers kept under an Idempotency-Key: a late request does not overwrite the answer of the next one."""

import pytest

from engine.base.model import new_id
from engine.limits.kept_answers import KeptAnswers, Name
from engine.runtime import Runtime

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("ends", ["with an answer", "with nothing"])
@pytest.mark.parametrize("second_is", ["under way", "answered"])
async def test_a_request_whose_mark_expired_leaves_the_key_of_the_next_one(
    runtime: Runtime, ends: str, second_is: str
) -> None:
    answers, name = KeptAnswers(runtime.stores.redis), Name(new_id(), None, "a key")
    assert await answers.claim(name, b"first", in_flight_s=600) is None
    await runtime.stores.redis.call("DEL", f"{name.base}:{name.key}")  # its mark has expired
    assert await answers.claim(name, b"second", in_flight_s=600) is None
    if second_is == "answered":
        await answers.keep(name, b"the answer", kept_s=600, mark=b"second")
    if ends == "with nothing":
        await answers.forget(name, mark=b"first")
    else:
        await answers.keep(name, b"too late", kept_s=600, mark=b"first")
    kept = b"the answer" if second_is == "answered" else b"second"
    assert await answers.claim(name, b"third", in_flight_s=600) == kept


async def test_a_late_answer_is_kept_if_nobody_asked_again(runtime: Runtime) -> None:
    answers, name = KeptAnswers(runtime.stores.redis), Name(new_id(), None, "a key")
    assert await answers.claim(name, b"first", in_flight_s=600) is None
    await runtime.stores.redis.call("DEL", f"{name.base}:{name.key}")
    await answers.keep(name, b"late", kept_s=600, mark=b"first")
    assert await answers.claim(name, b"second", in_flight_s=600) == b"late"


async def test_a_key_without_an_answer_is_free_again(runtime: Runtime) -> None:
    answers, name = KeptAnswers(runtime.stores.redis), Name(new_id(), None, "a key")
    assert await answers.claim(name, b"first", in_flight_s=600) is None
    await answers.forget(name, mark=b"first")
    assert await answers.claim(name, b"second", in_flight_s=600) is None
