"""Which names of time zones are accepted, and which clock times need one beside them."""

import zoneinfo
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.base.errors import InvalidInput
from engine.base.zones import accepted, check_zone, must_be_named, names, nearest, offset_name, zone


@pytest.mark.parametrize(
    "name",
    [
        *("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Calcutta", "America/Indiana/Knox"),
        *("America/Port-au-Prince", "Arctic/Longyearbyen", "Antarctica/South_Pole"),
    ],
)
def test_places_and_utc_are_accepted(name: str) -> None:
    check_zone(name)
    assert accepted(name) == name
    assert str(zone(name)) == name


@pytest.mark.parametrize(
    "name",
    [
        *("localtime", "Factory", "posixrules", "EST5EDT", "EST", "CET", "GMT", "Zulu", "Japan"),
        *("Etc/GMT+5", "Etc/UTC", "US/Eastern", "posix/Europe/Berlin", "right/Europe/Berlin"),
        *("europe/berlin", "Europe/Berlin ", " UTC", "utc", "Europe", "Europe/", "Berlin", ""),
        *("../../etc/passwd", "/etc/localtime", "Europe/../Asia/Tokyo", "Europe//Berlin"),
        *("Europe/Berlin\x00", "UTC+2", "+02:00", "Mars/Olympus", "E" * 1000),
    ],
)
def test_what_is_no_place_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^timezone: .* is not the IANA name of a place"):
        check_zone(name)
    # Stored names like this exist: their times are written in UTC, or on the clock of the place they mean.
    assert accepted(name) in {None, "UTC", "America/New_York", "America/Panama", "Asia/Tokyo"} | {
        "Europe/Brussels"
    }
    assert str(zone(name)) == "UTC"


def test_the_names_do_not_depend_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokyo = Path(zoneinfo.TZPATH[0]) / "Asia" / "Tokyo"
    for made in ("Europe/Berlin", "Europe/Atlantis", "localtime"):
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).write_bytes(tokyo.read_bytes() if tokyo.exists() else b"TZif")
    zoneinfo.reset_tzpath([tmp_path])
    monkeypatch.setenv("PYTHONTZPATH", str(tmp_path))
    for cached in (names, zone.__globals__["_zone"]):
        cached.cache_clear()
    try:
        assert {"localtime", "Europe/Atlantis"}.isdisjoint(names())
        at = datetime(2027, 7, 1, tzinfo=UTC).astimezone(zone("Europe/Berlin"))
        assert offset_name(at) == "UTC+2"
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Germany/Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("Asia/Tokio", "Asia/Tokyo"),
        ("US/Eastern", "America/New_York"),
        ("Etc/UTC", "UTC"),
        ("utc", "UTC"),
        ("localtime", None),
        ("x" * 61, None),
    ],
)
def test_a_refusal_suggests_the_name_that_was_meant(name: str, meant: str | None) -> None:
    assert nearest(name) == meant
    with pytest.raises(InvalidInput) as refused:
        check_zone(name)
    assert (f"did you mean {meant}?" in refused.value.detail) is (meant is not None)


@pytest.mark.parametrize(
    ("timezone", "moment", "written"),
    [
        ("Europe/Berlin", datetime(2027, 7, 1, tzinfo=UTC), "UTC+2"),
        ("Asia/Kolkata", datetime(2027, 7, 1, tzinfo=UTC), "UTC+5:30"),
        ("America/St_Johns", datetime(2027, 1, 1, tzinfo=UTC), "UTC−3:30"),
        ("America/New_York", datetime(2027, 1, 1, tzinfo=UTC), "UTC−5"),
        ("Europe/London", datetime(2027, 1, 1, tzinfo=UTC), "UTC"),
        (None, datetime(2027, 1, 1, tzinfo=UTC), "UTC"),
    ],
)
def test_a_clock_is_named_by_its_offset(
    timezone: str | None, moment: datetime, written: str
) -> None:
    assert offset_name(moment.astimezone(zone(timezone))) == written


@pytest.mark.parametrize(
    ("timezone", "city", "moment", "named"),
    [
        ("Europe/London", "London", datetime(2027, 10, 30, 18, 30, tzinfo=UTC), False),
        # The clock of London shows 01:00 to 02:00 twice in this night.
        ("Europe/London", "London", datetime(2027, 10, 30, 23, 59, tzinfo=UTC), False),
        ("Europe/London", "London", datetime(2027, 10, 31, 0, 30, tzinfo=UTC), True),
        ("Europe/London", "London", datetime(2027, 10, 31, 1, 30, tzinfo=UTC), True),
        ("Europe/London", "London", datetime(2027, 10, 31, 2, 0, tzinfo=UTC), False),
        ("Europe/London", "London", datetime(2027, 3, 28, 1, 0, tzinfo=UTC), False),
        ("Europe/London", "", datetime(2027, 7, 1, tzinfo=UTC), True),
        ("UTC", "Reykjavik", datetime(2027, 7, 1, tzinfo=UTC), True),
        ("localtime", "Reykjavik", datetime(2027, 7, 1, tzinfo=UTC), True),
        (None, "Tokyo", datetime(2027, 7, 1, tzinfo=UTC), True),
    ],
)
def test_a_zone_is_written_where_the_time_alone_leaves_doubt(
    timezone: str | None, city: str, moment: datetime, named: bool
) -> None:
    assert must_be_named(moment.astimezone(zone(timezone)), timezone, city) is named
