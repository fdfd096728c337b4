"""Load shapes: the number of users as a pure function of time.

``-u`` is the largest number of users, ``-t`` the length of the run.
"""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import NamedTuple

#: Purchases per second of a real on-sale (a festival's, emfcamp/Website issue 1901), and when the first of these seconds began.
RECORDED = (7, 18, 52, 72, 131, 134, 108, 120, 125, 100, 39)
RECORDED_FROM_S = 3
#: Before an on-sale opens, for this share of the run, only early visitors are there, this share of all.
EARLY_SHARE, EARLY_CROWD = 0.1, 0.25
#: At the opening, users come at this rate per second: what one Locust process can spawn in time.
OPENING_PER_SECOND = 100.0
RAMP_SHARE, SOAK_RAMP_SHARE = 0.8, 0.05
STORM_EVERY_S = 20.0
USERS_DEFAULT, DURATION_DEFAULT_S = 100, 300.0
#: The users who come before there is anything to buy.
EARLY_BIRDS = ("Visitor", "Watcher", "Organiser")


class Stage(NamedTuple):
    """This many users from now on; ``per_second``: how fast they come or go."""

    users: int
    per_second: float
    early: bool = False


Shape = Callable[[float, int, float], Stage]


def on_sale(elapsed_s: float, users: int, duration_s: float) -> Stage:
    """Early visitors wait with the map open; then all come at once and stay."""
    if elapsed_s < EARLY_SHARE * duration_s:
        return Stage(math.ceil(EARLY_CROWD * users), OPENING_PER_SECOND, early=True)
    return Stage(users, OPENING_PER_SECOND)


def ramp(elapsed_s: float, users: int, duration_s: float) -> Stage:
    """More users every second, until all are there for the last fifth of the run."""
    share = min(1.0, (math.floor(elapsed_s) + 1) / (RAMP_SHARE * duration_s))
    return Stage(max(1, math.ceil(share * users)), OPENING_PER_SECOND)


def curve(elapsed_s: float, users: int, duration_s: float) -> Stage:
    """People arrive as they did at a real on-sale, second by second, and stay. ``-u`` says how many in
    all: with 906 as many as were recorded."""
    second = math.floor(elapsed_s) - RECORDED_FROM_S
    arrived = sum(RECORDED[: max(0, second + 1)])
    at_once = RECORDED[second] if 0 <= second < len(RECORDED) else RECORDED[0]
    scale = users / sum(RECORDED)
    return Stage(round(arrived * scale), max(1.0, at_once * scale))


def soak(elapsed_s: float, users: int, duration_s: float) -> Stage:
    """The same crowd for the whole run, after a short ramp."""
    share = min(1.0, (math.floor(elapsed_s) + 1) / (SOAK_RAMP_SHARE * duration_s))
    return Stage(max(1, math.ceil(share * users)), OPENING_PER_SECOND)


def storm(elapsed_s: float, users: int, duration_s: float) -> Stage:
    """The same crowd; all its live connections break at the same moment, repeatedly."""
    return soak(elapsed_s, users, duration_s)


def storms_by(elapsed_s: float) -> int:
    """How often all connections have been broken until then."""
    return math.floor(max(0.0, elapsed_s) / STORM_EVERY_S)


def read_seconds(text: str) -> float:
    """A length of time from the command line. Raises ArgumentTypeError."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds, as 2.5 is")
    return seconds


SHAPES: dict[str, Shape] = {
    "on-sale": on_sale,
    "ramp": ramp,
    "curve": curve,
    "soak": soak,
    "storm": storm,
}
