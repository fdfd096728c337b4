"""When buyers come: pure functions of a curve, the number of buyers, and a seed."""

import csv
import itertools
import random
from collections.abc import Sequence
from pathlib import Path

#: Arrivals by part of the sale; all parts are equally long. Only the shape counts.
Curve = tuple[float, ...]

#: Purchases per second of a real on-sale, from three seconds after opening (emfcamp/Website, issue 1901).
EMF: Curve = (7, 18, 52, 72, 131, 134, 108, 120, 125, 100, 39)
#: One part is one second, unless the rehearsal is stretched.
BUILT_IN: dict[str, Curve] = {
    "emf": EMF,
    "step": (1.0,) * 60,
    "ramp": tuple(second + 0.5 for second in range(60)),
}
_SECONDS_MAX = 24 * 3600
_BUYERS_MAX = 10_000_000


class BadCurve(Exception):
    """A curve cannot be read. The message is one line with the place and the reason."""


def read_curve(file: Path) -> Curve:
    """A curve from lines ``second,arrivals``; missing seconds have no arrivals.

    A first line without numbers is a header. Raises BadCurve.
    """
    try:
        rows = list(csv.reader(file.read_text("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise BadCurve(f"cannot read {file}: {reason}") from None
    arrivals: dict[int, float] = {}
    for number, row in enumerate(rows, 1):
        if not row or (number == 1 and not row[0].strip().isdecimal()):
            continue
        try:
            second, count = map(int, row)
        except ValueError:
            raise BadCurve(
                f"{file}, line {number}: not second,arrivals in whole numbers, for example 3,52"
            ) from None
        if not 0 <= second < _SECONDS_MAX or not 0 <= count <= _BUYERS_MAX:
            raise BadCurve(
                f"{file}, line {number}: seconds are 0 to {_SECONDS_MAX - 1}, arrivals not negative"
            )
        if second in arrivals:
            raise BadCurve(f"{file}, line {number}: second {second} is there twice")
        arrivals[second] = count
    if not sum(arrivals.values()):
        raise BadCurve(f"{file}: nobody arrives; write lines of second,arrivals")
    return tuple(arrivals.get(second, 0) for second in range(max(arrivals) + 1))


def counts(curve: Curve, buyers: int) -> list[int]:
    """How many of ``buyers`` come in each part of the curve; the sum is exactly ``buyers``."""
    total = sum(curve)
    exact = [buyers * share / total for share in curve]
    whole = [int(value) for value in exact]
    by_remainder = sorted(range(len(curve)), key=lambda n: whole[n] - exact[n])
    for part in itertools.islice(by_remainder, buyers - sum(whole)):
        whole[part] += 1
    return whole


def arrivals_s(curve: Curve, buyers: int, duration_s: float, seed: int) -> Sequence[float]:
    """The arrival of each buyer, ascending, in seconds from the opening; the same for the same seed."""
    chance = random.Random(f"arrivals {seed}")
    part_s = duration_s / len(curve)
    return sorted(
        part_s * (part + chance.random())
        for part, count in enumerate(counts(curve, buyers))
        for _ in range(count)
    )
