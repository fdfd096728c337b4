"""The estimated wait of an entry, from the seats returned recently. Pure."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from engine.waitlist.model import Estimate

#: The wait is within the range in four of five cases: one in ten is shorter, one in ten longer.
_Z: Final = 1.2816
#: The shortest window with at least this many offers is used: recent, but not only chance.
_ENOUGH_OFFERS: Final = 10
_UNITS: Final = (("day", 86_400), ("hour", 3600), ("minute", 60))


class CameBack(Struct, frozen=True):
    """Places offered to the waitlist within the last ``window_s`` seconds: ``offers`` of ``places`` in all.

    In SQL: ``count(*)`` and ``sum(quantity)`` over ``offers.made_at``.
    """

    window_s: float
    offers: int
    places: int


def estimate(places_ahead: int, came_back: Sequence[CameBack], *, quantity: int = 1) -> Estimate:
    """The estimate for an entry that wants ``quantity`` places, behind wishes for ``places_ahead`` in all.

    ``came_back``: counted over at least one window, the shortest first; the last one is the waitlist's
    age, the others are shorter than that. E.g. an hour, a day, the waitlist's age.

    Offers are modelled as a Poisson process whose rate is known from one window only. With Jeffreys' prior
    the rate after n offers in T is Gamma(n + 1/2, T) (Box and Tiao, Bayesian Inference in Statistical
    Analysis, 1973, chapter 1), so the time to the k-th offer from now is T k / (n + 1/2) times an F of
    2k and 2n + 1 degrees of freedom.
    """
    window = next((w for w in came_back if w.offers >= _ENOUGH_OFFERS), came_back[-1])
    span = _duration(window.window_s)
    if window is came_back[-1]:
        when = f"since it began {span} ago"
    else:
        when = f"in the last {span.removeprefix('1 ')}"
    ahead = f"{places_ahead} {'is' if places_ahead == 1 else 'are'} wanted ahead of you."
    if not places_ahead:
        ahead = "nobody is ahead of you."
    if not window.offers:
        basis = f"No places came back to the waitlist {when}, so there is no estimate; {ahead}"
        return Estimate(low_s=None, high_s=None, basis=basis)
    needed = max(1.0, (places_ahead + quantity) * window.offers / window.places)
    mean_s = window.window_s * needed / (window.offers + 0.5)
    freedom = 2 * needed, 2 * window.offers + 1
    places = f"{window.places} place{'' if window.places == 1 else 's'}"
    return Estimate(
        low_s=_two_digits(math.floor, mean_s * f_quantile(-_Z, *freedom)),
        high_s=_two_digits(math.ceil, mean_s * f_quantile(_Z, *freedom)),
        basis=f"{places} came back to the waitlist {when}; {ahead}",
    )


def f_quantile(z: float, m: float, n: float) -> float:
    """The F distribution's quantile, with m >= 2 and n >= 3 degrees of freedom, where the normal one is z.

    E. Paulson, An approximate normalization of the analysis of variance distribution, Annals of
    Mathematical Statistics 13 (1942), 233: with a = 2/(9m), b = 2/(9n) and y the cube root of F,
    ((1 - b) y - (1 - a)) / sqrt(b y² + a) is about normal. Accurate to a tenth for |z| <= 1.3.
    """
    a, b = 2 / (9 * m), 2 / (9 * n)
    square = (1 - b) ** 2 - z * z * b
    half = (1 - a) * (1 - b)
    rest = (1 - a) ** 2 - z * z * a
    root = math.sqrt(max(0.0, half * half - square * rest))
    return max(0.0, (half + math.copysign(root, z)) / square) ** 3


def _two_digits(rounding: Callable[[float], int], seconds: float) -> int:
    """Round to two digits: more would pretend accuracy."""
    unit = int(10 ** max(0, len(str(int(seconds))) - 2))
    return unit * rounding(seconds / unit)


def _duration(seconds: float) -> str:
    """The duration in the largest unit of which it is at least one."""
    name, unit = next(((n, u) for n, u in _UNITS if seconds >= u), ("second", 1))
    count = max(1, round(seconds / unit))
    return f"{count} {name}{'' if count == 1 else 's'}"
