"""A change of a venue reaches its events whatever happens between the two writes."""

from datetime import UTC, datetime

import pytest

from engine.base.errors import Unavailable
from engine.catalog import venues as venues_module
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event, EventDraft
from engine.catalog.venues import VenuePatch
from engine.runtime import Runtime
from tests.conftest import small_house

pytestmark = pytest.mark.integration


@pytest.fixture
def catalog(runtime: Runtime) -> Catalog:
    """Of another process."""
    return Catalog(runtime.stores.mongo, runtime.settings)


async def _drafted(catalog: Catalog, venue_id: str) -> Event:
    return await catalog.create_event(
        EventDraft(
            name="A play",
            venue_id=venue_id,
            starts_at=datetime(2031, 5, 1, 20, tzinfo=UTC),
            currency="EUR",
            prices={"Front": 5000, "Back": 3000},
        )
    )


async def test_an_event_drafted_while_its_venue_changes_is_corrected_later(
    runtime: Runtime, catalog: Catalog
) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")
    event = await _drafted(catalog, venue.venue_id)
    await catalog.venues.patch(venue.venue_id, VenuePatch(city="Jena"), version=1)
    # The draft was made with the venue of before the change, and is stored after the correction.
    await runtime.stores.mongo.put(
        "events", event.event_id, {"venue": {"venue_id": venue.venue_id, "name": "Old"}}
    )
    assert (await catalog.event(event.event_id)).venue.city == ""
    assert await runtime.catalog.correct_changed() >= 1
    corrected = await catalog.event(event.event_id)
    assert (corrected.venue.city, corrected.venue.version) == ("Jena", 2)
    assert await runtime.catalog.correct_changed() == 0


async def test_the_mark_goes_once_no_draft_can_be_older(
    runtime: Runtime, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")

    async def marked() -> bool:
        return venue.venue_id in {found.venue_id for found, _ in await catalog.venues.changed()}

    assert not await marked()
    await catalog.venues.patch(venue.venue_id, VenuePatch(city="Jena"), version=1)
    await catalog.correct_changed()
    assert await marked()
    monkeypatch.setattr(venues_module, "_MARKED_S", -1.0)
    [(changed, changed_at)] = [
        entry for entry in await catalog.venues.changed() if entry[0].venue_id == venue.venue_id
    ]
    await catalog.venues.patch(venue.venue_id, VenuePatch(city="Weimar"), version=2)
    await catalog.venues.settle(changed, changed_at)
    assert await marked(), "a later change loses no mark"
    await catalog.correct_changed()
    assert not await marked()


async def test_a_correction_and_an_edit_at_the_same_time_both_count(
    runtime: Runtime, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")
    event = await _drafted(catalog, venue.venue_id)
    find = runtime.stores.mongo.find

    async def find_and_edit(collection: str, *args: object, **options: object) -> object:
        found = await find(collection, *args, **options)  # type: ignore[arg-type]  # passed through
        if collection == "events" and any(one["_id"] == event.event_id for one in found):
            # Between reading and writing.
            fields = {"name": "Renamed", "version": 2}
            await runtime.stores.mongo.put("events", event.event_id, fields)
        return found

    monkeypatch.setattr(runtime.stores.mongo, "find", find_and_edit)
    await catalog.venues.patch(venue.venue_id, VenuePatch(city="Jena"), version=1)
    corrected = await catalog.event(event.event_id)
    assert (corrected.name, corrected.venue.city, corrected.version) == ("Renamed", "Jena", 3)


async def test_an_older_change_undoes_no_newer_one(runtime: Runtime, catalog: Catalog) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")
    event = await _drafted(catalog, venue.venue_id)
    second = await catalog.venues.patch(venue.venue_id, VenuePatch(city="Jena"), version=1)
    await catalog.venues.patch(venue.venue_id, VenuePatch(city="Weimar"), version=2)
    # The first process comes last.
    assert await catalog.correct_events(second) == 0
    assert (await catalog.event(event.event_id)).venue.city == "Weimar"


async def test_a_change_is_kept_when_its_events_cannot_be_reached(
    runtime: Runtime, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")
    event = await _drafted(catalog, venue.venue_id)
    with monkeypatch.context() as away:

        async def fail(*_: object, **__: object) -> object:
            raise Unavailable("away")

        away.setattr(runtime.stores.mongo, "find", fail)
        changed = await catalog.venues.patch(venue.venue_id, VenuePatch(city="Jena"), version=1)
    assert changed.city == "Jena"
    assert (await catalog.event(event.event_id)).venue.city == "Gera"
    await runtime.catalog.correct_changed()
    assert (await catalog.event(event.event_id)).venue.city == "Jena"


async def test_documents_of_version_0_1_0_can_be_changed(
    runtime: Runtime, catalog: Catalog
) -> None:
    venue, _ = await catalog.venues.import_plan(small_house(), name="Old", city="Gera")
    mongo = runtime.stores.mongo
    stored = await mongo.get("venues", venue.venue_id)
    assert stored is not None
    old_id = venue.venue_id[:-4] + "0000"
    old = {k: v for k, v in stored.items() if k != "version"} | {"_id": old_id}
    await mongo.insert("venues", old | {"timezone": "localtime", "latitude": 50.9})
    event = await _drafted(catalog, old_id)
    as_it_was = {k: v for k, v in old.items() if k != "_id"} | {"venue_id": old_id}
    await mongo.put("events", event.event_id, {"venue": as_it_was | {"timezone": "US/Eastern"}})
    # Nobody is sent a name that means nothing, or another zone on each machine.
    assert (await catalog.event(event.event_id)).venue.timezone == "America/New_York"
    known = await catalog.venues.venue(old_id)
    assert (known.timezone, known.version) == (None, 1)
    await catalog.venues.import_plan(small_house(), venue_id=old_id)
    await catalog.venues.patch(old_id, VenuePatch(timezone="Europe/Berlin"), version=2)
    assert (await catalog.event(event.event_id)).venue.timezone == "Europe/Berlin"
