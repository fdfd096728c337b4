"""Time zones: the names that are accepted, and how a moment is read on a zone's clock.

The data are those of the package ``tzdata``, so that every machine accepts the same names and writes the
same times, whatever is in its own ``/usr/share/zoneinfo``. Accepted are the names that the IANA gives to
places, ``Area/Location``, and ``UTC``: names such as ``localtime``, ``Factory``, ``EST5EDT``, ``Etc/GMT+5``
and ``US/Eastern`` are no places (https://data.iana.org/time-zones/theory.html, "Timezone identifiers").
"""

from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from engine.base.errors import InvalidInput

UTC_NAME: Final = "UTC"
_AREAS: Final = frozenset(
    {
        *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia"),
        *("Europe", "Indian", "Pacific"),
    }
)
#: The longest name that a suggestion is looked for: comparing takes time that grows with it.
_NAME_LENGTH_MAX: Final = 60
#: Below it, two names are not alike (``difflib``).
_LIKENESS_MIN: Final = 0.75


@cache
def names() -> frozenset[str]:
    """Every accepted name."""
    listed = resources.files("tzdata").joinpath("zones").read_text().split()
    places = {name for name in listed if name.partition("/")[0] in _AREAS}
    return frozenset(places | {UTC_NAME})


def check_zone(name: str | None) -> None:
    """Raise InvalidInput unless it is None or an accepted name; the refusal suggests the nearest one."""
    if name is None or name in names():
        return
    near = nearest(name)
    example = f"did you mean {near}?" if near else "such as Europe/Berlin, or UTC."
    raise InvalidInput(
        f"timezone: {name[:_NAME_LENGTH_MAX]!r} is not the IANA name of a place "
        f"(Area/Location){',' if near is None else ';'} {example}"
    )


def nearest(name: str) -> str | None:
    """The accepted name that was probably meant: of the same zone, the same city, or spelled alike."""
    if len(name) > _NAME_LENGTH_MAX:
        return None
    if same := accepted(name):
        return same
    wanted = "_".join(name.lower().split())
    spelled = {known.lower(): known for known in sorted(names())}
    cities = {known.rpartition("/")[2]: known for known in spelled}
    if wanted in spelled:
        return spelled[wanted]
    city = wanted.rpartition("/")[2]
    if city in cities:
        return spelled[cities[city]]
    if alike := get_close_matches(wanted, spelled, 1, _LIKENESS_MIN):
        return spelled[alike[0]]
    alike = get_close_matches(city, cities, 1, _LIKENESS_MIN)
    return spelled[cities[alike[0]]] if alike else None


def accepted(name: str | None) -> str | None:
    """The accepted name of the same zone; None where there is none, or no name.

    For names that were stored before they were checked: ``US/Eastern`` is ``America/New_York``.
    """
    if name is None or name in names():
        return name
    target = _links().get(name)
    if "Etc/UTC" in (name, target):
        return UTC_NAME
    return target if target in names() else None


@cache
def _links() -> dict[str, str]:
    """The other names of zones, and what they stand for: lines ``L target name``."""
    data = resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text()
    lines = (line.split() for line in data.splitlines() if line.startswith("L "))
    return {name: target for _, target, name in lines}


def zone(name: str | None) -> ZoneInfo:
    """The zone to write a venue's times in: its own; UTC if it has none, or one that is not accepted."""
    return _zone(name if name in names() else UTC_NAME)


@cache
def _zone(name: str | None) -> ZoneInfo:
    file = resources.files("tzdata").joinpath("zoneinfo", *(name or UTC_NAME).split("/"))
    with file.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def offset_name(moment: datetime) -> str:
    """``UTC``, ``UTC+2``, ``UTC−3:30``: names the clock of an aware ``moment``, alike in every language.

    Abbreviations such as ``IST`` mean several zones, and differ from browser to browser.
    """
    offset = moment.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    if minutes == 0:
        return "UTC"
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"


def must_be_named(local: datetime, timezone: str | None, city: str) -> bool:
    """Whether the clock time of a start leaves doubt, so that its zone is written, too.

    ``local`` is in ``zone(timezone)``. A time beside its city is that city's; but not if the venue has no
    zone, and not in the hour that a clock set back shows twice.
    """
    own = accepted(timezone) not in (None, UTC_NAME)
    repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return not own or not city or repeated
