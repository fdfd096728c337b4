"""Load shapes: the number of users over time, and how fast they arrive."""

import itertools

import pytest

from loadtest.shapes import RECORDED, SHAPES, Stage, curve, on_sale, ramp, soak, storms_by


def test_an_on_sale_begins_with_the_curious_and_opens_at_once() -> None:
    assert on_sale(0, 200, 300) == Stage(50, 100, early=True)
    assert on_sale(29.9, 200, 300).early
    assert on_sale(30, 200, 300) == Stage(200, 100)
    assert on_sale(299, 200, 300) == Stage(200, 100)


def test_a_ramp_adds_people_every_second_and_is_complete_for_the_last_fifth() -> None:
    counts = [ramp(second, 400, 100).users for second in range(100)]
    assert counts[:3] == [5, 10, 15]
    assert counts[79:] == [400] * 21


def test_the_curve_is_the_recorded_one_from_three_seconds_on() -> None:
    total = sum(RECORDED)
    assert total == 906
    arrived = [curve(second + 0.5, total, 60).users for second in range(20)]
    assert arrived[:3] == [0, 0, 0]
    new = [later - earlier for earlier, later in itertools.pairwise(arrived[2:])]
    assert new[: len(RECORDED)] == list(RECORDED)
    assert set(new[len(RECORDED) :]) == {0}
    assert curve(7.2, total, 60).per_second == 131


def test_the_curve_scales() -> None:
    assert curve(60, 90, 60).users == 90
    assert curve(7.2, 453, 60).per_second == pytest.approx(65.5)


def test_a_soak_is_steady_after_a_short_ramp() -> None:
    assert soak(0, 100, 1000).users == 2
    assert {soak(second, 100, 1000).users for second in range(50, 1000)} == {100}


def test_storms_come_every_twenty_seconds() -> None:
    assert [storms_by(moment) for moment in (-1, 0, 19.9, 20, 59, 60)] == [0, 0, 0, 1, 2, 3]


@pytest.mark.parametrize("name", SHAPES)
def test_no_shape_exceeds_its_users_or_loses_any(name: str) -> None:
    counts = [SHAPES[name](tenth / 10, 37, 30).users for tenth in range(300)]
    assert counts == sorted(counts)
    assert counts[-1] == 37
