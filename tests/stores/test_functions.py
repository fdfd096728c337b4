"""Functions are files: changed ones are applied, all or none, and composite arguments have
the fields that PostgreSQL expects."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.model import SeatState
from engine.base.store_urls import StoreUrls
from engine.local import doctor
from engine.notifications.allowance import MailClaim
from engine.runtime import Runtime
from engine.sales.ledger import ReserveArea, ReserveCommand, ReserveSeat
from engine.stores import functions, migrate, roles
from engine.waitlist.rounds import RoundOffer, RoundSkip
from engine.waitlist.wishes import JoinCommand
from tests.conftest import REPO
from tests.support.worlds import scratch_database

pytestmark = pytest.mark.integration

_NUMBER = "CREATE OR REPLACE FUNCTION {name}() RETURNS integer LANGUAGE sql AS 'SELECT {value}'"


class Place:
    """A database, and the files that it must match."""

    def __init__(self, folder: Path, url: str, connection: Any) -> None:
        self.url = url
        self.connection = connection
        self.functions = folder / "functions"
        self.migrations = folder / "migrations"
        self.functions.mkdir()
        self.migrations.mkdir()
        self.migration("1_seats", "CREATE TABLE chairs (chair_no integer)", "DROP TABLE chairs")

    def migration(self, name: str, up: str, down: str) -> None:
        text = f"-- migrate:up\n{up};\n-- migrate:down\n{down};\n"
        (self.migrations / f"{name}.sql").write_text(text)

    def write(self, name: str, text: str) -> None:
        (self.functions / f"{name}.sql").write_text(text)

    def number(self, name: str, value: object) -> None:
        """A function that returns ``value``, an expression."""
        self.write(name, _NUMBER.format(name=name, value=value))

    async def migrate(self) -> list[str]:
        applied = await asyncio.to_thread(migrate.migrate, self.url)
        return [name for name in applied if not name.startswith("1_")]

    async def ask(self, query: str) -> Any:
        return await self.connection.fetchval(query)

    async def signatures(self) -> list[str]:
        found: list[str] = await self.ask(
            "SELECT coalesce(array_agg(oid::regprocedure::text ORDER BY 1), '{}') FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace"
        )
        return found

    async def states(self) -> dict[str, str]:
        known = await asyncio.to_thread(migrate.function_states, self.url)
        return {function.name: function.state for function in known}


@pytest_asyncio.fixture
async def place(
    stores: StoreUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    async with scratch_database(stores.postgres_owner_url) as url:
        connection = await asyncpg.connect(url)
        try:
            place = Place(tmp_path, url, connection)
            monkeypatch.setattr(functions, "FUNCTIONS", place.functions)
            monkeypatch.setattr(migrate, "MIGRATIONS", place.migrations)
            yield place
        finally:
            await connection.close()


async def test_only_a_file_that_has_changed_is_applied(place: Place) -> None:
    place.number("one", 1)
    place.number("two", 2)
    assert await place.migrate() == ["functions/one.sql", "functions/two.sql"]
    assert await place.migrate() == []
    before = await place.ask("SELECT applied_at FROM schema_functions WHERE name = 'one'")
    place.number("two", 22)
    assert await place.migrate() == ["functions/two.sql"]
    assert await place.ask("SELECT two()") == 22
    assert before == await place.ask("SELECT applied_at FROM schema_functions WHERE name = 'one'")


async def test_a_function_without_a_file_is_dropped_and_foreign_ones_stay(place: Place) -> None:
    place.number("one", 1)
    place.number("two", 2)
    await place.migrate()
    await place.connection.execute(_NUMBER.format(name="theirs", value=3))
    (place.functions / "two.sql").unlink()
    assert await place.states() == {"one": "applied", "two": "obsolete"}
    assert await place.migrate() == ["functions/two.sql"]
    assert await place.signatures() == ["one()", "theirs()"]
    assert await place.states() == {"one": "applied"}


@pytest.mark.parametrize(
    ("parameters", "returns"),
    [("a text", "integer"), ("b integer", "integer"), ("a integer", "bigint"), ("", "integer")],
)
async def test_a_changed_signature_leaves_no_overload(
    place: Place, parameters: str, returns: str
) -> None:
    text = "CREATE OR REPLACE FUNCTION one({}) RETURNS {} LANGUAGE sql AS 'SELECT 1'"
    place.write("one", text.format("a integer", "integer"))
    await place.migrate()
    place.write("one", text.format(parameters, returns))
    assert await place.migrate() == ["functions/one.sql"]
    [signature] = await place.signatures()
    assert signature == f"one({parameters.split()[1] if parameters else ''})"
    assert await place.ask(f"SELECT pg_get_function_result('{signature}'::regprocedure)") == returns


async def test_functions_are_applied_after_those_that_they_call(place: Place) -> None:
    # PostgreSQL checks the bodies of these, and alphabetical order would be the wrong one.
    place.number("a", "b() + 1 -- and nothing of c")
    place.number("b", "c() + 1")
    place.number("c", 1)
    assert await place.migrate() == ["functions/c.sql", "functions/b.sql", "functions/a.sql"]
    assert await place.ask("SELECT a()") == 3
    place.number("c", "a()")
    with pytest.raises(migrate.MigrationError, match=r"call each other: (a, c, b|.*), .*postgres"):
        await place.migrate()


async def test_a_failed_migration_leaves_everything_unchanged(place: Place) -> None:
    place.number("one", 1)
    place.number("two", 2)
    await place.migrate()
    (place.functions / "one.sql").unlink()
    place.number("three", 3)
    place.write("two", _NUMBER.format(name="two", value="2").replace(" AS", "\n\nAS") + " WHAT")
    with pytest.raises(
        migrate.MigrationError, match=r"functions/two\.sql, line 3: syntax error at or near .WHAT"
    ) as no:
        await place.migrate()
    assert "\n" not in str(no.value)
    assert "***" in str(no.value)
    assert await place.signatures() == ["one()", "two()"]
    assert await place.states() == {"one": "obsolete", "two": "pending", "three": "pending"}


async def test_a_file_must_define_the_function_that_it_is_named_after(place: Place) -> None:
    place.write("one", _NUMBER.format(name="two", value=2))
    with pytest.raises(
        migrate.MigrationError, match=r"functions/one\.sql: defines no function one"
    ):
        await place.migrate()
    assert await place.signatures() == []


async def test_functions_and_grants_are_applied_in_one_transaction(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replaced function has lost its owner and grants: nobody may see it before they are set again."""
    answer = "CREATE OR REPLACE FUNCTION answer_keys(a integer) RETURNS integer LANGUAGE sql AS 'SELECT {}'"
    place.write("answer_keys", answer.format(1))
    await place.migrate()
    seen = (
        "SELECT prosecdef AND has_function_privilege('frontrow_sell', oid, 'EXECUTE')"
        " FROM pg_proc WHERE proname = 'answer_keys'"
    )
    assert await place.ask(seen)
    place.write("answer_keys", answer.format(2))
    with monkeypatch.context() as then:
        broken = tmp_path / "grants.sql"
        broken.write_text("SELECT 1 / 0")
        then.setattr(roles, "GRANTS_FILE", broken)
        with pytest.raises(migrate.MigrationError, match=r"functions and rights on .*division"):
            await place.migrate()
    assert await place.ask("SELECT answer_keys(0)") == 1
    assert await place.ask(seen)
    assert await place.migrate() == ["functions/answer_keys.sql"]
    assert await place.ask("SELECT answer_keys(0)") == 2
    assert await place.ask(seen)


async def test_concurrent_migrations_wait_for_each_other(place: Place) -> None:
    await place.migrate()
    place.number("one", 1)
    async with place.connection.transaction():
        await place.connection.execute(functions._LOCK)
        both = [asyncio.ensure_future(place.migrate()) for _ in range(2)]
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        async with asyncio.timeout(60):
            while await place.ask(waiting) < 2:
                assert not any(task.done() for task in both)
                await asyncio.sleep(0.02)
    assert sorted(await asyncio.gather(*both)) == [[], ["functions/one.sql"]]


async def test_a_trigger_comes_and_goes_with_its_function(place: Place) -> None:
    function = (
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS\n"
        "'BEGIN RAISE EXCEPTION ''no''; END';\n"
    )
    trigger = "CREATE TRIGGER {} BEFORE INSERT ON chairs FOR EACH ROW EXECUTE FUNCTION refuse()"
    names = "SELECT array_agg(tgname::text) FROM pg_trigger WHERE NOT tgisinternal"
    place.write("refuse", function + trigger.format("first"))
    await place.migrate()
    assert await place.ask(names) == ["first"]
    place.write("refuse", function + trigger.format("second"))
    await place.migrate()
    assert await place.ask(names) == ["second"]
    (place.functions / "refuse.sql").unlink()
    await place.migrate()
    assert await place.ask(names) is None
    assert await place.signatures() == []


async def test_a_function_that_other_objects_need_is_not_dropped(place: Place) -> None:
    place.number("one", 1)
    await place.migrate()
    await place.connection.execute("ALTER TABLE chairs ADD x integer DEFAULT one()")
    (place.functions / "one.sql").unlink()
    with pytest.raises(
        migrate.MigrationError, match=r"function one, which no file .* depend"
    ) as no:
        await place.migrate()
    assert "\n" not in str(no.value)
    assert await place.signatures() == ["one()"]


async def test_a_function_dropped_by_a_migration_is_applied_again(place: Place) -> None:
    place.number("one", 1)
    place.number("two", 2)
    await place.migrate()
    place.migration("2_other", "DROP FUNCTION one", "SELECT 1")
    assert await place.migrate() == ["2_other.sql", "functions/one.sql"]
    assert await place.ask("SELECT one()") == 1


async def test_functions_stay_until_the_last_migration_is_undone(place: Place) -> None:
    place.migration("2_other", "SELECT 1", "SELECT 1")
    place.number("one", 1)
    await place.migrate()
    assert await asyncio.to_thread(migrate.rollback, place.url) == ["2_other.sql"]
    assert await place.signatures() == ["one()"]
    assert await asyncio.to_thread(migrate.rollback, place.url) == ["1_seats.sql"]
    assert await place.signatures() == []
    assert await place.migrate() == ["2_other.sql", "functions/one.sql"]


async def test_doctor_reports_functions_of_another_version(
    place: Place, settings: Settings
) -> None:
    place.number("one", 1)
    await place.migrate()
    elsewhere = msgspec.structs.replace(settings, postgres_url=place.url)

    async def said() -> doctor.Finding:
        return await asyncio.to_thread(doctor._migrations, elsewhere, place.url)

    good = await said()
    assert (good.level, good.what) == (
        "good",
        "the schema is up to date (1 migrations, 1 functions)",
    )
    place.number("one", 2)
    place.number("two", 2)
    bad = await said()
    assert (bad.level, bad.remedy) == ("bad", "frontrow migrate")
    assert bad.what == "functions are not those of this version: one, two"


# --- ours ----------------------------------------------------------------------------------


def test_each_file_defines_the_function_of_its_name_and_binds_late() -> None:
    paths = sorted((REPO / "sql" / "functions").glob("*.sql"))
    assert len(paths) > 20
    for path in paths:
        text = path.read_text()
        made = re.findall(r"^CREATE .*?FUNCTION (\w+)\(", text, re.MULTILINE)
        assert made == [path.stem], path
        assert "CREATE OR REPLACE FUNCTION" in text, path
        # Such bodies depend on tables and columns, which migrations could then not change.
        assert not re.search(r"^(BEGIN ATOMIC|RETURN )", text, re.MULTILINE), path


def test_no_migration_makes_a_function() -> None:
    for path in (REPO / "sql" / "migrations").glob("*.sql"):
        assert not re.search(
            r"CREATE (OR REPLACE )?(FUNCTION|PROCEDURE|TRIGGER)", path.read_text()
        ), path


def test_lines_of_sql_fit_on_a_screen() -> None:
    folder = REPO / "sql"
    wide = [
        f"{path.relative_to(folder)}:{number}"
        for path in sorted(folder.rglob("*.sql"))
        if path.name != "schema.sql"  # generated
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if len(line) > 120
    ]
    assert not wide


# The Python type that asyncpg returns for each type, as named tuples may declare it.
_PYTHON_TYPES: dict[str, set[Any]] = {
    "uuid": {str},
    "text": {str},
    "integer": {int},
    "bigint": {int},
    "boolean": {bool},
    "bytea": {bytes},
    "timestamp with time zone": {datetime},
    "integer[]": {list[int]},
    "smallint[]": {list[int]},
}
#: Types of which only SQL makes rows.
_OF_SQL = {"notification_command"}
_SENT: list[type[NamedTuple]] = [
    ReserveCommand,
    ReserveSeat,
    ReserveArea,
    JoinCommand,
    RoundOffer,
    RoundSkip,
    MailClaim,
]


async def _composites(runtime: Runtime) -> dict[str, list[tuple[str, str]]]:
    """Fields and their types, in order, of each composite type that is no table's row."""
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            """
            SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
            WHERE c.relkind = 'c' AND c.relnamespace = 'public'::regnamespace
            ORDER BY c.relname, a.attnum
            """
        )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row["relname"], []).append((row["attname"], row["type"]))
    return found


async def test_named_tuples_have_the_fields_of_postgresqls_types(runtime: Runtime) -> None:
    composites = await _composites(runtime)
    names = {sent: re.sub(r"(?<!^)(?=[A-Z])", "_", sent.__name__).lower() for sent in _SENT}
    assert set(names.values()) | _OF_SQL == set(composites)
    for sent, name in names.items():
        hints = get_type_hints(sent)
        assert list(hints) == [field for field, _ in composites[name]], name
        for field, type_ in composites[name]:
            allowed = {hint for one in _PYTHON_TYPES[type_] for hint in (one, one | None)}
            assert hints[field] in allowed, f"{name}.{field} is {type_}"


async def test_sql_and_python_agree_on_the_digit_of_each_seat_state(runtime: Runtime) -> None:
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT s::text AS state, seat_digit(s) AS digit FROM unnest(enum_range(NULL::seat_state)) s"
        )
    assert {row["state"]: SeatState(row["digit"]) for row in rows} == {
        "available": SeatState.FREE,
        "reserved": SeatState.RESERVED,
        "sold": SeatState.SOLD,
        "blocked": SeatState.BLOCKED,
    }
