"""The event for people's own calendars (RFC 5545)."""

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.calendar import escaped, folded
from engine.base.model import new_id
from engine.catalog.model import EventDraft, EventPatch
from engine.runtime import Runtime
from tests.conftest import let_it_be_over, small_house
from tests.support.http import problem_of

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def _unfolded(text: str) -> str:
    return text.replace("\r\n ", "")


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


@given(_TEXTS)
@example("\\n, \\\\; " * 20)
@example("ü" * 80)
@example("🎻" * 40)
@example(" " * 160)
@example("a\r\nb\rc\nBEGIN:VEVENT")
def test_a_text_comes_back_from_its_line(text: str) -> None:
    line = folded("SUMMARY:" + escaped(text))
    pieces = line.split("\r\n")
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    # A reader that undoes the folding in bytes gets whole characters, too.
    assert all(piece.startswith(" ") and len(piece) > 1 for piece in pieces[1:])
    # Nothing but our own folds breaks the line.
    assert not re.search(r"[\r\n]", "".join(pieces))
    expected = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", re.sub(r"\r\n?", "\n", text))
    assert _unescaped(_unfolded(line).removeprefix("SUMMARY:")) == expected


def test_a_line_is_not_folded_before_it_must_be() -> None:
    assert folded("a" * 75) == "a" * 75
    assert folded("a" * 76) == "a" * 75 + "\r\n a"
    assert folded("a" * 74 + "ü") == "a" * 74 + "\r\n ü"


async def _made(runtime: Runtime, **changes: Any) -> str:
    venue, _ = await runtime.catalog.venues.import_plan(
        small_house(), name="Hall; one, two", city="Köln", timezone="Europe/Berlin"
    )
    usual: dict[str, Any] = {
        "name": "Hamlet, Prince; of \\ Denmark",
        "venue_id": venue.venue_id,
        "starts_at": datetime(2037, 7, 1, 18, 30, tzinfo=UTC),
        "currency": "EUR",
        "prices": {"Front": 5000, "Back": 3050},
        "category": "theatre",
    }
    event = await runtime.catalog.create_event(EventDraft(**usual | changes))
    return event.event_id


def _fields(response: httpx.Response) -> dict[str, str]:
    text = response.content.decode()
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert text.endswith("END:VEVENT\r\nEND:VCALENDAR\r\n")
    assert re.sub(r"\r\n", "", text).isprintable()
    lines = _unfolded(text).removesuffix("\r\n").split("\r\n")
    return dict(line.split(":", 1) for line in lines if not line.startswith(("BEGIN", "END")))


@pytest.mark.contract
async def test_an_event_as_a_calendar_has_it(http: httpx.AsyncClient, runtime: Runtime) -> None:
    event_id = await _made(runtime, tagline="To be, or not")
    path = f"/v1/events/{event_id}/calendar.ics"
    # The public has never seen a draft.
    problem_of(await http.get(path), 404, "event-not-found")
    problem_of(await http.get(f"/v1/events/{new_id()}/calendar.ics"), 404, "event-not-found")
    await runtime.events.publishing.publish(event_id)
    response = await http.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=300"
    assert event_id in response.headers["content-disposition"]
    fields = _fields(response)
    stamp = datetime.strptime(fields.pop("DTSTAMP"), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 60
    url = fields["URL"]
    assert re.fullmatch(rf"http://localhost:\d+/events/{event_id}", url)
    version = (await runtime.catalog.event(event_id)).version
    assert fields == {
        "VERSION": "2.0",
        "PRODID": "-//Frontrow//Frontrow//EN",
        "UID": f"{event_id}@localhost",
        "SEQUENCE": str(version),
        "DTSTART": "20370701T183000Z",
        "SUMMARY": "Hamlet\\, Prince\\; of \\\\ Denmark",
        "DESCRIPTION": f"To be\\, or not\\n{url}",
        "URL": url,
        "STATUS": "CONFIRMED",
        "LOCATION": "Hall\\; one\\, two\\, Köln",
        "CATEGORIES": "theatre",
    }
    head = await http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == response.headers["etag"]
    await let_it_be_over(runtime, [event_id])


@pytest.mark.contract
async def test_a_change_and_the_end_replace_the_entry(
    http: httpx.AsyncClient, runtime: Runtime
) -> None:
    event_id = await _made(runtime)
    await runtime.events.publishing.publish(event_id)
    path = f"/v1/events/{event_id}/calendar.ics"
    first = await http.get(path)
    known = {"If-None-Match": first.headers["etag"]}
    again = await http.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    event = await runtime.catalog.event(event_id)
    later = EventPatch(starts_at=datetime(2037, 7, 2, 18, 30, tzinfo=UTC))
    await runtime.catalog.patch_event(event_id, later, version=event.version)
    moved = await http.get(path, headers=known)
    assert moved.status_code == 200
    await runtime.events.publishing.cancel(event_id)
    over = await http.get(path, headers={"If-None-Match": moved.headers["etag"]})
    states = [_fields(response) for response in (first, moved, over)]
    assert len({fields["UID"] for fields in states}) == 1
    assert [fields["STATUS"] for fields in states] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert states[1]["DTSTART"] == "20370702T183000Z"
    sequences = [int(fields["SEQUENCE"]) for fields in states]
    assert sequences == sorted(set(sequences))
