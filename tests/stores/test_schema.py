"""The database's own promises: the dumped schema is the migrations, keys lead with the event, and what
must never be stored is refused by the database itself."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.local.embedded import postgres_bin
from engine.sales.ledger import Reserve, _reserve_arguments
from engine.stores import migrate
from tests.conftest import REPO, House, MakeHouse, small_house
from tests.support.worlds import scratch_database

pytestmark = pytest.mark.integration

EVENT_SCOPED = [
    "categories",
    "price_changes",
    "seats",
    "areas",
    "buyer_claims",
    "bookings",
    "booking_items",
    "payments",
    "tickets",
    "audit",
    "outbox",
    "pricing",
    "pricing_rules",
    "pricing_controls",
    "pricing_velocity",
]


@pytest_asyncio.fixture
async def scratch_url(stores: StoreUrls) -> AsyncIterator[str]:
    """An empty database of the test's own."""
    async with scratch_database(stores.postgres_owner_url) as url:
        yield url


async def test_the_schema_file_matches_the_migrations(scratch_url: str) -> None:
    await asyncio.to_thread(migrate.migrate, scratch_url)
    dumped = await asyncio.to_thread(migrate.dump, scratch_url, postgres_bin())
    assert (REPO / "sql" / "schema.sql").read_text() == dumped, "run `make schema`"


async def test_migrations_go_down_and_up_again_with_data(scratch_url: str) -> None:
    await asyncio.to_thread(migrate.migrate, scratch_url)
    connection = await asyncpg.connect(scratch_url)
    try:
        await connection.execute(
            "INSERT INTO events (event_id, currency, seat_count, buyer_limit, hold_ttl_s, hold_max_s,"
            " payment_window_s) VALUES ($1, 'EUR', 1, 1, 1, 1, 1)",
            new_id(),
        )
        known = len(migrate.status(scratch_url))
        assert known >= 2
        await asyncio.to_thread(migrate.rollback, scratch_url, known)
        left = await connection.fetch(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'public' AND relkind IN ('r', 'v') AND relname <> 'schema_migrations'"
            " UNION ALL SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace"
            " WHERE nspname = 'public'"
            " UNION ALL SELECT typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace"
            " WHERE nspname = 'public' AND (typtype = 'e'"
            "   OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))"
        )
        assert [row[0] for row in left] == []
    finally:
        await connection.close()
    await asyncio.to_thread(migrate.migrate, scratch_url)
    assert all(migration.applied for migration in migrate.status(scratch_url))


@pytest.mark.parametrize("table", EVENT_SCOPED)
async def test_every_key_of_an_event_leads_with_the_event(house: House, table: str) -> None:
    async with house.runtime.stores.view.connection() as connection:
        keys = await connection.fetch(
            "SELECT conname, (SELECT attname FROM pg_attribute a"
            "  WHERE a.attrelid = conrelid AND a.attnum = conkey[1]) AS first"
            " FROM pg_constraint WHERE conrelid = $1::regclass AND contype IN ('p', 'u', 'f')"
            " UNION ALL SELECT c.relname, (SELECT attname FROM pg_attribute a"
            "  WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[0])"
            " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = $1::regclass AND i.indisunique",
            table,
        )
    assert keys
    assert {row["first"] for row in keys} == {"event_id"}, [tuple(row) for row in keys]


async def test_the_database_refuses_a_second_live_sale_of_a_seat(house: House, buyer: str) -> None:
    first = (await house.book(buyer, await house.hold(buyer, 2))).booking
    second = (await house.book(buyer, await house.hold(buyer, 3))).booking
    async with house.runtime.stores.view.connection() as connection:
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await connection.execute(
                "UPDATE booking_items SET seat_no = 2 WHERE event_id = $1 AND booking_id = $2",
                house.event_id,
                second.booking_id,
            )
        assert refused.value.constraint_name == "booking_items_live_seat_key"
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "UPDATE seats SET booking_id = NULL WHERE event_id = $1 AND booking_id = $2",
                house.event_id,
                first.booking_id,
            )


async def test_the_database_refuses_to_oversell_an_area(house: House) -> None:
    async with house.runtime.stores.view.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(
                "UPDATE areas SET reserved = 3, sold = capacity - 2 WHERE event_id = $1",
                house.event_id,
            )
        assert refused.value.constraint_name == "areas_never_oversold_check"


@pytest.mark.parametrize("illegal", ["pending", "declined", "expired"])
async def test_the_database_refuses_illegal_transitions(
    house: House, buyer: str, illegal: str
) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 2))).booking
    async with house.runtime.stores.view.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(
                "UPDATE bookings SET status = $2::booking_status, live = ($2 = 'pending'),"
                " expires_at = CASE WHEN $2 = 'pending' THEN now() END WHERE booking_id = $1",
                booking.booking_id,
                illegal,
            )
        assert refused.value.constraint_name == "bookings_transition_check"


async def test_the_batches_find_their_rows_by_key(make_house: MakeHouse) -> None:
    """Plans are cached while tables are small; these settings keep them right when they are large."""
    house = await make_house()
    async with house.runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT proname, proconfig FROM pg_proc WHERE proname = ANY($1)",
            ["reserve_bookings", "confirm_bookings", "end_bookings", "move_claims", "settlements"],
        )
        assert len(rows) == 5
        for row in rows:
            assert {"enable_seqscan=off", "join_collapse_limit=1"} <= set(row["proconfig"]), row
        async with connection.transaction():
            await connection.execute("SET LOCAL enable_seqscan = off")
            plan = await connection.fetch(
                "EXPLAIN SELECT s.state FROM unnest($2::integer[]) w(seat_no)"
                " JOIN seats s ON s.event_id = $1 AND s.seat_no = w.seat_no"
                " ORDER BY s.event_id, s.seat_no FOR UPDATE OF s",
                house.event_id,
                [1, 2, 3],
            )
    text = "\n".join(row[0] for row in plan)
    assert "seats_pkey" in text
    assert "Seq Scan" not in text
    # Locks are taken in key order: sorting, or reading in order, happens below the locking.
    assert text.startswith("LockRows"), text


async def test_a_sale_in_a_large_house_scans_no_table(make_house: MakeHouse, buyer: str) -> None:
    """Reserve, confirm and cancel of four seats and two places among twenty thousand: rows by key."""
    house = await make_house(layout=small_house(rows=100, seats_per_row=200))
    hold = await house.hold(buyer, 19_997, 19_998, 4, 5, floor=2)
    payment = await house.runtime.holds.begin_payment(hold.hold_id, buyer)
    command = Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="R",
        request_id="a-request",
        request=house.request(hold),
        hold=payment,
        amount=hold.total.amount,
    )
    async with house.runtime.stores.view.transaction() as transaction:
        # A table with few rows that was analysed in this run is quicker to read as a whole.
        await transaction.connection.execute("SET LOCAL enable_seqscan = off")
        await transaction.connection.execute("DISCARD PLANS")
        # Activity of the same connection in the last second may still be counted.
        before = await _scans(transaction.connection)
        ids = [house.event_id], [command.booking_id]
        (row,) = await transaction.fetch("bookings.reserve", *_reserve_arguments([command]))
        assert row["outcome"] == "reserved"
        (row,) = await transaction.fetch("bookings.confirm", *ids, ["r"], [{}], "test", "")
        assert row["outcome"] == "confirmed"
        nothing = [None]
        (row,) = await transaction.fetch(
            "bookings.end_bookings", *ids, nothing, "cancelled", "test", nothing, nothing, nothing
        )
        assert row["outcome"] == "ended"
        scans = await _scans(transaction.connection) - before
    found_by_key = {table for table, kind in scans if kind == "idx_scan"}
    assert found_by_key >= {
        "seats",
        "areas",
        "buyer_claims",
        "bookings",
        "booking_items",
        "payments",
    }
    assert [table for table, kind in scans if kind == "seq_scan"] == []


async def _scans(connection: Any) -> Counter[tuple[str, str]]:
    """How often this transaction has read each table sequentially and by an index."""
    rows = await connection.fetch(
        "SELECT relname, seq_scan, idx_scan FROM pg_stat_xact_user_tables"
    )
    return Counter(
        {
            (row["relname"], kind): row[kind] or 0
            for row in rows
            for kind in ("seq_scan", "idx_scan")
        }
    )
