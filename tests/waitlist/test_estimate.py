"""How long the wait may be: honest ranges, and words for where they come from."""

import random

import pytest

from engine.waitlist.estimate import CameBack, estimate, f_quantile

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize("offers", [1, 2, 5, 20, 500])
@pytest.mark.parametrize(("z", "share"), [(-1.2816, 0.1), (1.2816, 0.9)])
def test_the_quantile_is_that_of_the_next_arrival(offers: int, z: float, share: float) -> None:
    """For the very next offer there is a closed form: it is later than t with (1 + t/T)^-(n + 1/2)."""
    exact = (1 - share) ** (-1 / (offers + 0.5)) - 1
    assert f_quantile(z, 2, 2 * offers + 1) / (offers + 0.5) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("needed", "rate"), [(1, 20), (5, 12), (30, 40), (60, 15)])
def test_four_of_five_waits_are_within_the_range(needed: int, rate: float) -> None:
    """Whatever the true rate is: an hour is counted, and then the wait itself is drawn."""
    rng = random.Random(4)
    within = told = 0
    for _ in range(2000):
        offers, at = 0, rng.expovariate(rate)
        while at < 1:
            offers, at = offers + 1, at + rng.expovariate(rate)
        likely = estimate(2 * needed - 2, [CameBack(HOUR, offers, 2 * offers)], quantity=2)
        if likely.low_s is not None and likely.high_s is not None:
            wait_s = HOUR * rng.gammavariate(needed, 1 / rate)
            told += 1
            within += likely.low_s <= wait_s <= likely.high_s
    assert told > 1990
    assert 0.77 < within / told < 0.85


def test_more_ahead_is_longer_and_more_coming_back_is_shorter() -> None:
    def high(ahead: int, offers: int) -> int:
        found = estimate(ahead, [CameBack(HOUR, offers, 2 * offers)]).high_s
        assert found is not None
        return found

    by_place = [high(ahead, 12) for ahead in range(0, 2000, 50)]
    assert by_place == sorted(set(by_place))
    by_offers = [high(30, offers) for offers in (1, 3, 10, 40, 200)]
    assert by_offers == sorted(set(by_offers), reverse=True)


def test_the_latest_window_with_enough_in_it_decides() -> None:
    windows = [CameBack(HOUR, 9, 20), CameBack(DAY, 30, 70), CameBack(9 * DAY, 300, 700)]
    assert "70 places came back to the waitlist in the last day" in estimate(1, windows).basis
    windows[0] = CameBack(HOUR, 10, 22)
    assert "22 places came back to the waitlist in the last hour" in estimate(1, windows).basis


def test_a_young_line_goes_by_all_there_was() -> None:
    likely = estimate(30, [CameBack(1200, 1, 1)])
    assert likely.basis == (
        "1 place came back to the waitlist since it began 20 minutes ago; 30 are wanted ahead of you."
    )
    assert likely.low_s is not None
    assert likely.high_s is not None
    # One offer says little.
    assert likely.high_s > 10 * likely.low_s


def test_when_nothing_came_back_nobody_can_say() -> None:
    likely = estimate(1, [CameBack(HOUR, 0, 0), CameBack(3 * HOUR, 0, 0)])
    assert (likely.low_s, likely.high_s) == (None, None)
    assert likely.basis == (
        "No places came back to the waitlist since it began 3 hours ago, so there is no estimate; "
        "1 is wanted ahead of you."
    )


def test_two_digits_are_told() -> None:
    likely = estimate(0, [CameBack(HOUR, 3, 6)], quantity=2)
    assert likely.basis.endswith("nobody is ahead of you.")
    for seconds in (likely.low_s, likely.high_s):
        assert int(str(seconds)[2:] or 0) == 0


def test_a_long_line_is_no_trouble() -> None:
    likely = estimate(200_000, [CameBack(HOUR, 400, 1000)])
    assert likely.low_s is not None
    assert likely.high_s is not None
    assert 0.85 * 200 * HOUR < likely.low_s < 200 * HOUR < likely.high_s < 1.15 * 200 * HOUR
