"""Why a price moved, in words for buyers. Short, true, and without what only the house should know."""

import math
from collections.abc import Mapping
from typing import Final

#: From here on it is the last places that are sold.
_LAST_SHARE: Final = 0.75
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400

_STAYS: Final = {
    "steady": "the price is where it should be, or close enough",
    "interval": "the price has changed only lately",
    "reversal": "the price has just moved the other way",
    "sold-out": "nothing is left to sell",
    "over": "the event has begun",
}

_LAST: Final = "the last places cost more"
_FEWER: Final = "the fewer places are left, the more they cost"
_CAUSES: Final = {
    ("progress", False): "more places are left than expected",
    ("pace", True): "places are selling fast",
    ("pace", False): "places are selling slowly",
    ("demand", True): "many want the places that are left",
    ("demand", False): "fewer want the places that are left",
}


def say_stay(why: str) -> str:
    """What keeps a price; for the organiser."""
    return _STAYS[why]


def say_move(
    *, rises: bool, because: Mapping[str, float], share: float, planned: bool, left_s: float
) -> str:
    """Why a price rises or falls: what is sold, how long there is, and what weighs most.

    ``because``: by ``progress``, ``pace`` and ``demand``, what each adds to the base price; ``range``
    is not 0 where the organiser's range alone moved it.
    """
    if because["range"]:
        return "a new price range"
    facts = f"{_percent(share)} sold, {time_left(left_s)}"
    return f"{facts}: {_cause(rises, because, share, planned)}"


def _cause(rises: bool, because: Mapping[str, float], share: float, planned: bool) -> str:
    parts = {name: because[name] * (1 if rises else -1) for name in ("progress", "pace", "demand")}
    main = max(parts, key=lambda name: parts[name])
    if parts[main] <= 0:
        return "back towards the usual price"
    if main == "progress" and rises:
        if planned:
            return "more sold than expected by now"
        return _LAST if share >= _LAST_SHARE else _FEWER
    return _CAUSES[main, rises]


def _percent(share: float) -> str:
    # Down: nobody shall read 100 % while there is a place left.
    return f"{math.floor(100 * share + 1e-6)} %"


def time_left(left_s: float) -> str:
    """``6 days left``, ``30 hours left``, ``the last hour``."""
    if left_s >= 2 * _DAY_S:
        return f"{math.floor(left_s / _DAY_S)} days left"
    if left_s >= 2 * _HOUR_S:
        return f"{math.floor(left_s / _HOUR_S)} hours left"
    return "the last hours"
