"""How fast places sell: an exponentially weighted rate that is right at irregular measuring times.

The sold places and the observed time decay with the same half-life, and the velocity is one divided by
the other::

    τ = half_life / ln 2,   d = 2^(−Δ / half_life)
    places ← places · d + sold · τ (1 − d) / Δ        sold evenly over Δ
    days   ← days · d + τ (1 − d)
    velocity = places / days

A constant rate is found exactly, from the first interval on; an interval split into two of the same rate
gives the same result as the whole one. ``days / τ`` goes from 0 to 1 as the memory fills: the confidence
in the velocity. (After A. Eckner, Algorithms for Unevenly Spaced Time Series: Moving Averages and Other
Rolling Operators, 2012; dividing by the weight of the observed time corrects for a short past, as in
D. Kingma and J. Ba, Adam, 2015, section 3.)
"""

import math
from typing import Final

from msgspec import Struct

_DAY_S: Final = 86_400


class Velocity(Struct, frozen=True, kw_only=True):
    """The memory: ``places`` and ``days`` are weighted sums."""

    places: float = 0.0
    days: float = 0.0

    @property
    def per_day(self) -> float:
        """Places per day, never negative: a day of cancellations alone counts as no sale."""
        return max(0.0, self.places / self.days) if self.days > 0 else 0.0

    def confidence(self, half_life_s: float) -> float:
        """0 to 1: how much of the memory is filled."""
        return min(1.0, max(0.0, self.days * _DAY_S * math.log(2) / half_life_s))

    def after(self, sold: int, elapsed_s: float, half_life_s: float) -> "Velocity":
        """The memory after ``elapsed_s`` more seconds and ``sold`` more places (negative: fewer).

        A clock that stands still or goes back adds the places and no time.
        """
        if elapsed_s <= 0:
            return Velocity(places=self.places + sold, days=self.days)
        halvings = elapsed_s / half_life_s
        kept = 2.0**-halvings
        # The remembered part of the elapsed time; exact also for the shortest intervals.
        fresh = -math.expm1(-halvings * math.log(2)) * half_life_s / math.log(2)
        return Velocity(
            places=self.places * kept + sold * fresh / elapsed_s,
            days=self.days * kept + fresh / _DAY_S,
        )
