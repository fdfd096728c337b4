"""Events are found however their texts and the query are written."""

import unicodedata
from datetime import UTC, datetime

import httpx
import pytest

from engine.base.model import new_id
from engine.catalog.model import EventPatch
from engine.runtime import Runtime
from tests.conftest import small_house
from tests.support.http import problem_of, publish_event

pytestmark = pytest.mark.contract

_DAY = datetime(2045, 3, 4, 20, tzinfo=UTC)
_NAMES = {
    "soiree": "Soirée Célice au Café",
    "ceilidh": "O’Hara’s Ceilidh",
    "board": "Smørgåsbord",
    "wind": "North Wind",
    "decomposed": unicodedata.normalize("NFD", "Händel’s Überraschung"),
    "wide": "ＪＡＺＺ Ｎｉｇｈｔ",
}


@pytest.fixture(scope="module")
async def listed(town_runtime: Runtime) -> tuple[str, dict[str, str]]:
    """A mark that no other event has, in every event's city, and the events' ids."""
    mark = new_id()
    venue, _ = await town_runtime.catalog.venues.import_plan(
        small_house(rows=1), name="Théâtre du Châtelet", city=f"Besançon {mark}"
    )
    ids = {
        name: await publish_event(
            town_runtime, venue.venue_id, name=written, category=f"Opéra {mark}", starts_at=_DAY
        )
        for name, written in _NAMES.items()
    }
    catalog = town_runtime.catalog
    wind = await catalog.event(ids["wind"])
    patch = EventPatch(
        tagline="Un été d’orage",
        description="Mit der Staatskapelle Weißenfels",
        metadata={"tags": ["Kammermusik", "Día"], "other": "unsearched"},
    )
    await catalog.patch_event(ids["wind"], patch, version=wind.version)
    return mark, ids


async def _found(http: httpx.AsyncClient, **params: str) -> set[str]:
    answer = await http.get("/v1/events", params={"from": "2045-01-01T00:00:00Z"} | params)
    assert answer.status_code == 200, answer.text
    return {item["event_id"] for item in answer.json()["items"]}


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("celice", "soiree"),
        ("CÉLICE CAFÉ", "soiree"),
        (unicodedata.normalize("NFD", "célice"), "soiree"),
        ("O'Hara's", "ceilidh"),
        ("oharas", "ceilidh"),
        ("smorgasbord", "board"),
        ("SMØRGÅSBORD", "board"),
        ("händel's", "decomposed"),
        ("handels uberraschung", "decomposed"),
        ("jazz night", "wide"),
        ("ｎｏｒｔｈ", "wind"),
        ("ete d'orage", "wind"),
        ("weissenfels", "wind"),
        ("dia kammermusik", "wind"),
        ("north theatre chatelet besancon opera", "wind"),
    ],
)
async def test_a_query_finds_what_people_mean(
    http: httpx.AsyncClient, listed: tuple[str, dict[str, str]], query: str, name: str
) -> None:
    mark, ids = listed
    assert await _found(http, q=f"{query} {mark}") == {ids[name]}


async def test_every_word_counts_up_to_a_limit_that_is_said(
    http: httpx.AsyncClient, listed: tuple[str, dict[str, str]]
) -> None:
    mark, ids = listed
    eight = f"north wind theatre du chatelet besancon opera {mark}"
    assert await _found(http, q=eight) == {ids["wind"]}
    assert await _found(http, q=f"{eight} nowhere") == set()
    assert await _found(http, q=f"{mark} unsearched") == set()
    most = " ".join(f"w{number}" for number in range(32))
    assert await _found(http, q=f"{most} w1 W2") == set()
    problem = problem_of(
        await http.get("/v1/events", params={"q": f"{most} x"}), 400, "invalid-request"
    )
    assert problem["detail"] == "q: send at most 32 words, not 33."


async def test_city_and_kind_are_compared_alike(
    http: httpx.AsyncClient, listed: tuple[str, dict[str, str]]
) -> None:
    mark, ids = listed
    everything = set(ids.values())
    for city in (f"Besançon {mark}", f"BESANCON {mark}", f"besanc\u0327on  {mark}"):
        assert await _found(http, city=city) == everything
    for kind in (f"Opéra {mark}", f"opera {mark}", f"ＯＰＥＲＡ {mark}"):
        assert await _found(http, category=kind) == everything
    assert await _found(http, category="opera") == set(), "a part of a kind is no kind"


async def test_texts_that_an_older_version_stored_are_folded_once(
    http: httpx.AsyncClient, listed: tuple[str, dict[str, str]], town_runtime: Runtime
) -> None:
    mark, ids = listed
    mongo, catalog = town_runtime.stores.mongo, town_runtime.catalog
    await mongo.put(
        "events",
        ids["soiree"],
        {"search": f"soirée célice au café {mark}", "city": f"besançon {mark}", "kind": None},
    )
    await mongo.put("marks", "folding", {"version": 0})
    assert await _found(http, q=f"celice {mark}") == set()
    assert await catalog.refold() >= len(ids)
    assert await _found(http, q=f"celice {mark}") == {ids["soiree"]}
    assert await _found(http, category=f"opera {mark}") == set(ids.values())
    assert await catalog.refold() == 0
