"""The reasons of price changes, in words for the organiser: short and true. Buyers read
``engine.live.public_reasons.for_buyers`` of them."""

import math
from collections.abc import Mapping
from typing import Final

from engine.live.public_reasons import BACK, FEWER_WANT, MORE_LEFT, SLOW

#: The sold share from which on the remaining places are called the last places.
_LAST_SHARE: Final = 0.75
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400

_STAYS: Final = {
    "steady": "the price is at its target, or close enough",
    "interval": "the price has changed too recently",
    "reversal": "the price has just moved in the other direction",
    "sold-out": "no places are left",
    "over": "the event has begun",
}

_LAST: Final = "the last places cost more"
_FEWER: Final = "the fewer places are left, the more they cost"
_CAUSES: Final = {
    ("progress", False): MORE_LEFT,
    ("pace", True): "places are selling fast",
    ("pace", False): SLOW,
    ("demand", True): "many people want the places that are left",
    ("demand", False): FEWER_WANT,
}


def say_stay(why: str) -> str:
    """The cause that keeps a price; for the organiser."""
    return _STAYS[why]


def say_move(
    *, rises: bool, because: Mapping[str, float], share: float, planned: bool, left_s: float
) -> str:
    """Why a price rises or falls: the share sold, the time left, and the largest factor.

    ``because``: the additions of ``progress``, ``pace`` and ``demand`` to the base price; ``range`` is
    not 0 when only the organiser's range moved it.
    """
    if because["range"]:
        return "a new price range"
    facts = f"{_percent(share)} sold, {time_left(left_s)}"
    return f"{facts}: {_cause(rises, because, share, planned)}"


def _cause(rises: bool, because: Mapping[str, float], share: float, planned: bool) -> str:
    parts = {name: because[name] * (1 if rises else -1) for name in ("progress", "pace", "demand")}
    main = max(parts, key=lambda name: parts[name])
    if parts[main] <= 0:
        return BACK
    if main == "progress" and rises:
        if planned:
            return "more sold than expected by now"
        return _LAST if share >= _LAST_SHARE else _FEWER
    return _CAUSES[main, rises]


def _percent(share: float) -> str:
    # Rounded down: 100 % must not appear while a place is left.
    return f"{math.floor(100 * share + 1e-6)} %"


def time_left(left_s: float) -> str:
    """``6 days left``, ``30 hours left``, ``the last hour``."""
    if left_s >= 2 * _DAY_S:
        return f"{math.floor(left_s / _DAY_S)} days left"
    if left_s >= 2 * _HOUR_S:
        return f"{math.floor(left_s / _HOUR_S)} hours left"
    return "the last hours"
