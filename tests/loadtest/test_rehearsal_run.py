"""`frontrow rehearse` as an organiser runs it: a copy is sold out, counted, and shown."""

import asyncio
import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from engine.base.actor import ORGANISER
from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls, running_urls
from engine.local import embedded
from engine.pricing.model import Override, RuleDraft
from engine.pricing.rule import Rule
from tests.conftest import REPO, House, MakeHouse, role_environment, small_house

pytestmark = pytest.mark.integration


class Rehearsal:
    """One run of the command on the session's stores."""

    def __init__(self, folder: Path, settings: Settings, stores: StoreUrls) -> None:
        # The PostgreSQL account needs no further access to folders, which would print a notice.
        folder.chmod(0o711)
        self.page, self.json, self.copy = folder / "p.html", folder / "r.json", folder / "copy"
        # The copy inherits these settings; a busy machine must not leave payments pending.
        self._environment = role_environment(settings, stores) | {
            "FRONTROW_GATEWAY_TIMEOUT_S": "20"
        }

    async def start(self, event_id: str, *options: str) -> asyncio.subprocess.Process:
        files = ("--output", str(self.page), "--json", str(self.json), "--keep", str(self.copy))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "engine", "rehearse", event_id, *files, *options),
            cwd=REPO,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @property
    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.json.read_text())
        return found


@pytest.fixture
def rehearsal(tmp_path: Path, settings: Settings, stores: StoreUrls) -> Rehearsal:
    return Rehearsal(tmp_path, settings, stores)


class _Page(HTMLParser):
    """External resources of a page, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.asks: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        foreign = tag in ("script", "link", "img", "iframe")
        if foreign or any(name in ("src", "href", "srcset") for name, _ in attrs):
            self.asks.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_a_rehearsal_sells_a_copy_and_reports_postgresqls_figures(
    make_house: MakeHouse, rehearsal: Rehearsal
) -> None:
    house: House = await make_house(
        name="Rock & <Roll>", layout=small_house(rows=8, seats_per_row=25, floor=40), hold_ttl_s=60
    )
    await house.hold(new_id(), 7)
    await house.runtime.events.blocks.block(house.event_id, [0, 1, 2], actor=ORGANISER)
    rule = RuleDraft(
        category="Back", rule=Rule(base_minor=3000, floor_minor=2000, ceiling_minor=6000)
    )
    pricing = house.runtime.pricing.admin
    made = await pricing.make_rule(house.event_id, rule, actor=ORGANISER)
    await pricing.activate(house.event_id, made.rule_id, actor=ORGANISER)
    # The event's own rule has moved its price already; the copy has sold nothing yet.
    dear = Override(amount_minor=5500, reason="Nearly sold out")
    await pricing.override(house.event_id, made.category_no, dear, actor=ORGANISER)
    await pricing.release(house.event_id, made.category_no, actor=ORGANISER)
    before = await house.states()

    process = await rehearsal.start(
        house.event_id,
        *("--buyers", "240", "--curve", "ramp", "--duration-s", "2", "--think-s", "0.2"),
        *("--watchers", "20", "--seed", "5"),
    )
    told, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    figures = rehearsal.figures

    # The copy, not the event.
    assert await house.states() == before
    assert figures["subject"]["blocked"] == 3
    assert figures["subject"]["opening_prices"] == {"Front": 5000, "Back": 3000}
    assert sum(figures["outcomes"].values()) == 240
    assert sum(figures["timeline"]["arrivals"]) * figures["timeline"]["width_s"] == 240
    assert figures["propagation"]["divergences"] == figures["propagation"]["out_of_step"] == 0
    assert figures["propagation"]["still_open"] == 20
    assert figures["propagation"]["p99_ms"] >= figures["propagation"]["p50_ms"]
    steps = {step["step"]: step for step in figures["steps"]}
    assert steps["event"]["requests"] == steps["live"]["requests"] == 240
    assert steps["hold"]["requests"] == figures["holds_placed"] + sum(
        count for why, count in figures["holds_refused"].items() if not why.startswith("booking")
    )
    assert all(0 < step["p50_ms"] <= step["p99_ms"] <= step["max_ms"] for step in steps.values())

    server = embedded.EmbeddedPostgres(rehearsal.copy)
    await server.start()
    try:
        connection = await asyncpg.connect(server.url)
        try:
            counted = await connection.fetchrow(
                """
                SELECT (SELECT count(*) FROM events) AS events,
                  (SELECT count(*) FROM seats WHERE state = 'sold') AS seats,
                  (SELECT count(DISTINCT seat_no) FROM booking_items WHERE live) AS different_seats,
                  (SELECT sum(sold) FROM areas) AS floor,
                  (SELECT count(*) FROM bookings WHERE status = 'confirmed') AS bookings,
                  (SELECT sum(amount_minor) FROM bookings WHERE status = 'confirmed') AS revenue,
                  (SELECT count(*) FROM seats WHERE state = 'blocked') AS blocked,
                  (SELECT count(*) FROM pricing_rules WHERE status = 'active') AS rules
                """
            )
        finally:
            await connection.close()
    finally:
        await server.stop()
    assert counted is not None
    assert (counted["events"], counted["blocked"], counted["rules"]) == (1, 3, 1)
    assert counted["seats"] == counted["different_seats"] > 100
    assert counted["seats"] + counted["floor"] == figures["places_sold"]
    assert counted["bookings"] == figures["bookings"] == figures["outcomes"]["booked"]
    assert counted["revenue"] == figures["revenue_minor"]
    assert figures["places_sold"] == figures["timeline"]["sold"][-1]
    for_sale = 8 * 25 + 40 - 3
    assert figures["places_sold"] + figures["places_left"] + figures["places_held"] == for_sale

    page = _Page(rehearsal.page.read_text())
    assert page.asks == []
    assert "url(" not in rehearsal.page.read_text()
    headline = told.decode().splitlines()[0]
    assert headline.endswith("no seat was sold twice.")
    assert headline in page.words
    assert "Rock & <Roll>" in page.words


async def test_a_seat_sold_twice_is_reported(make_house: MakeHouse, rehearsal: Rehearsal) -> None:
    house = await make_house()
    process = await rehearsal.start(
        house.event_id,
        *("--buyers", "12", "--curve", "step", "--duration-s", "1", "--watchers", "0"),
        *("--think-s", "0.5", "--mix", "abandon=0,declined=0"),
    )
    await _let_a_seat_be_sold_twice(rehearsal, process)
    told, complaints = await process.communicate()
    assert process.returncode == 1, complaints.decode()
    assert "seats with more than one live sale: 1" in complaints.decode()
    # Besides it there are only progress lines, on a slow machine.
    said = [line for line in complaints.decode().splitlines() if line.startswith("frontrow: ")]
    assert len(said) == 1
    assert "a promise was broken" in told.decode()
    assert told.decode().splitlines()[-1] == f"rehearsal: the page is {rehearsal.page}"
    checks = {check["what"]: check for check in rehearsal.figures["verdict"]["checks"]}
    assert not checks["Seats with more than one live sale"]["holds"]
    assert any("invariant 1" in line for line in rehearsal.figures["verdict"]["violations"])
    assert "A promise was broken." in rehearsal.page.read_text()


async def _let_a_seat_be_sold_twice(
    rehearsal: Rehearsal, process: asyncio.subprocess.Process
) -> None:
    """Let the copy's PostgreSQL, before anybody buys, sell an earlier buyer's seat to a later one."""
    settings = Settings(data_dir=str(rehearsal.copy))
    async with asyncio.timeout(60):
        while not (rehearsal.copy / "run.json").exists():
            assert process.returncode is None, (await process.communicate())[1].decode()
            await asyncio.sleep(0.02)
        urls = running_urls(settings)
        assert urls is not None
        connection = await asyncpg.connect(urls.postgres_owner_url)
        try:
            # Only after the last migration, because a running one locks the same tables in its own order.
            while not await _is_migrated(connection):
                await asyncio.sleep(0.02)
            await connection.execute(
                """
                DROP INDEX booking_items_live_seat_key;
                CREATE FUNCTION sell_twice() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  PERFORM pg_advisory_xact_lock(1);
                  INSERT INTO booking_items
                    (event_id, booking_id, item_no, seat_no, category_no, amount_minor)
                  SELECT i.event_id, NEW.booking_id, 99, i.seat_no, i.category_no, i.amount_minor
                  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
                  WHERE i.seat_no IS NOT NULL AND b.status = 'confirmed'
                    AND b.booking_id <> NEW.booking_id
                    AND NOT EXISTS (SELECT FROM booking_items WHERE item_no = 99)
                  LIMIT 1;
                  RETURN NULL;
                END $$;
                CREATE CONSTRAINT TRIGGER sell_twice AFTER UPDATE ON bookings
                  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                  WHEN (NEW.status = 'confirmed') EXECUTE FUNCTION sell_twice()
                """
            )
        finally:
            await connection.close()


async def _is_migrated(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    try:
        # Committed last, all at once.
        return bool(await connection.fetchval("SELECT count(*) FROM schema_functions"))
    except asyncpg.UndefinedTableError:
        return False


async def test_events_that_cannot_be_rehearsed_are_refused(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    process = await rehearsal.start(new_id())
    _, complaints = await process.communicate()
    assert process.returncode == 2
    assert "There is no event" in complaints.decode()
    assert complaints.decode().count("\n") == 1
    assert not rehearsal.page.exists()
