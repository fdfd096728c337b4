"""Estimates of the wait: honest ranges, and texts about their basis."""

import random

import pytest

from engine.waitlist.estimate import CameBack, estimate, f_quantile

HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize("offers", [1, 2, 5, 20, 500])
@pytest.mark.parametrize(("z", "share"), [(-1.2816, 0.1), (1.2816, 0.9)])
def test_the_quantile_of_the_next_offer_matches_the_closed_form(
    offers: int, z: float, share: float
) -> None:
    """The next offer has a closed form: it comes after t with probability (1 + t/T)^-(n + 1/2)."""
    exact = (1 - share) ** (-1 / (offers + 0.5)) - 1
    assert f_quantile(z, 2, 2 * offers + 1) / (offers + 0.5) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("needed", "rate"), [(1, 20), (5, 12), (30, 40), (60, 15)])
def test_four_of_five_waits_are_within_the_range(needed: int, rate: float) -> None:
    """For any true rate: returns of an hour are drawn, and then the wait itself."""
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


def test_the_wait_grows_with_places_ahead_and_falls_with_returned_places() -> None:
    def high(ahead: int, offers: int) -> int:
        found = estimate(ahead, [CameBack(HOUR, offers, 2 * offers)]).high_s
        assert found is not None
        return found

    by_place = [high(ahead, 12) for ahead in range(0, 2000, 50)]
    assert by_place == sorted(set(by_place))
    by_offers = [high(30, offers) for offers in (1, 3, 10, 40, 200)]
    assert by_offers == sorted(set(by_offers), reverse=True)


def test_the_shortest_window_with_enough_returned_places_decides() -> None:
    windows = [CameBack(HOUR, 9, 20), CameBack(DAY, 30, 70), CameBack(9 * DAY, 300, 700)]
    assert "70 places came back to the waitlist in the last day" in estimate(1, windows).basis
    windows[0] = CameBack(HOUR, 10, 22)
    assert "22 places came back to the waitlist in the last hour" in estimate(1, windows).basis


def test_a_young_waitlist_is_estimated_from_its_whole_life() -> None:
    likely = estimate(30, [CameBack(1200, 1, 1)])
    assert likely.basis == (
        "1 place came back to the waitlist since it began 20 minutes ago; 30 are wanted ahead of you."
    )
    assert likely.low_s is not None
    assert likely.high_s is not None
    # One offer is little evidence.
    assert likely.high_s > 10 * likely.low_s


def test_without_returned_places_there_is_no_estimate() -> None:
    likely = estimate(1, [CameBack(HOUR, 0, 0), CameBack(3 * HOUR, 0, 0)])
    assert (likely.low_s, likely.high_s) == (None, None)
    assert likely.basis == (
        "No places came back to the waitlist since it began 3 hours ago, so there is no estimate; "
        "1 is wanted ahead of you."
    )


def test_estimates_are_rounded_to_two_digits() -> None:
    likely = estimate(0, [CameBack(HOUR, 3, 6)], quantity=2)
    assert likely.basis.endswith("nobody is ahead of you.")
    for seconds in (likely.low_s, likely.high_s):
        assert int(str(seconds)[2:] or 0) == 0


def test_a_very_long_waitlist_is_estimated_accurately() -> None:
    likely = estimate(200_000, [CameBack(HOUR, 400, 1000)])
    assert likely.low_s is not None
    assert likely.high_s is not None
    assert 0.85 * 200 * HOUR < likely.low_s < 200 * HOUR < likely.high_s < 1.15 * 200 * HOUR
