"""When each event is due to be visited."""

import time

import pytest

from engine.base.schedule import QUIET_S, Visits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_each_event_is_due_at_first_and_then_at_its_own_time(clock: list[float]) -> None:
    visits = Visits()
    assert visits.due("abc") == ["a", "b", "c"]
    visits.again("a", 0.25)
    visits.again("b", 0.0)
    visits.again("c")
    assert visits.due("abc") == ["b"]
    visits.again("b")
    clock[0] += 0.25
    assert visits.due("abc") == ["a"]
    clock[0] += QUIET_S
    assert visits.due("abc") == ["a", "b", "c"]


def test_no_visit_is_put_off_longer_than_that_of_a_quiet_event(clock: list[float]) -> None:
    visits = Visits()
    visits.due("a")
    visits.again("a", 3600.0)
    clock[0] += QUIET_S
    assert visits.due("a") == ["a"]


def test_an_event_that_is_no_longer_named_is_forgotten(clock: list[float]) -> None:
    visits = Visits()
    visits.again("a")
    assert visits.due("b") == ["b"]
    assert visits.due("a") == ["a"]
