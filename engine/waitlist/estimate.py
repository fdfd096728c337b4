"""How long somebody in line may wait, as honestly as what came back lately allows. Pure."""

from msgspec import Struct

from engine.waitlist.model import Estimate


class CameBack(Struct, frozen=True):
    """What the line was offered within the last ``window_s`` seconds: ``offers`` of ``places`` in all.

    SQL: ``count(*)`` and ``sum(quantity)`` over ``offers.made_at``.
    """

    window_s: float
    offers: int
    places: int


def estimate(places_ahead: int, came_back: list[CameBack]) -> Estimate:
    """For somebody ahead of whom so many places are wanted.

    ``came_back``: the same counted over several windows, shortest first, the last since the line began;
    none longer than the line is old. E.g. an hour, a day, the line's age.
    """
    return Estimate(low_s=None, high_s=None, basis="not yet")
