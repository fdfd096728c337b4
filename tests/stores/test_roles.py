"""The rights of each PostgreSQL role: all that its code needs, and nothing that an attacker could use.

And the same for Redis and MongoDB.
"""

import os
import re
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import pytest_asyncio
from pymongo import MongoClient
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from engine.base.config import Settings
from engine.base.data_folder import StartError, kept_secret
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.local import doctor
from engine.local.embedded import EmbeddedMongo, EmbeddedPostgres, postgres_bin
from engine.local.embedded import stores as opened_stores
from engine.local.embedded.postgres import let_traverse
from engine.runtime import Runtime, open_runtime
from engine.stores import functions, migrate, roles
from engine.stores.postgres import read_queries
from tests.conftest import REPO, House, make_event

pytestmark = pytest.mark.integration

PREFIX = "frontrow"
LOGINS = ("sell", "house", "worker", "readonly")

#: Which logins run the queries that a module names: see engine.stores.stores. The worker runs them all
#: as itself.
_CALLERS = {
    "api/events.py": {"sell"},
    "engine/audit/auditor.py": {"worker"},
    "engine/sales/cancelling.py": {"sell", "worker"},
    "engine/sales/desk.py": {"house"},
    "engine/sales/checkout.py": {"sell", "worker"},
    "engine/sales/idempotency.py": {"sell", "worker"},
    "engine/sales/late_settling.py": {"sell", "worker"},
    "engine/sales/payments/sandbox.py": {"sell", "worker"},
    "engine/sales/reading.py": {"sell", "worker"},
    "engine/sales/tickets.py": {"sell", "worker"},
    "engine/sales/chasing.py": {"worker"},
    "engine/sales/relay.py": {"worker"},
    "engine/sales/sales.py": {"worker"},
    "engine/live/open_offers.py": {"sell", "worker"},
    "engine/live/reading.py": {"sell", "worker"},
    "engine/live/rebuilding.py": {"sell", "worker"},
    "engine/live/reconciling.py": {"sell", "worker"},
    "engine/live/settling.py": {"sell", "worker"},
    "engine/live/truth.py": {"sell", "worker"},
    "engine/live/waiting_line.py": {"sell", "worker"},
    "engine/stores/generation.py": {"worker"},
    "engine/sales/ledger.py": {"sell"},
    "engine/pricing/prepared.py": {"house"},
    "engine/people/links.py": {"house", "worker"},
    "engine/people/people.py": {"worker"},
    "engine/events/closing.py": {"worker"},
    "engine/notifications/allowance.py": {"worker"},
    "engine/notifications/announcing.py": {"house", "worker"},
    "engine/notifications/deliveries.py": {"house"},
    "engine/notifications/facts.py": {"house", "worker"},
    "engine/notifications/sender.py": {"worker"},
    "engine/notifications/watch.py": {"worker"},
    "engine/notifications/unsubscribe.py": {"house"},
    "engine/notifications/template_versions.py": {"house", "worker"},
    "engine/people/accounts.py": {"house"},
    "engine/pricing/applying.py": {"house", "worker"},
    "engine/pricing/measuring.py": {"house", "worker"},
    "engine/pricing/admin.py": {"house"},
    "engine/pricing/repricer.py": {"worker"},
    "engine/events/blocking.py": {"house"},
    "engine/events/publishing.py": {"house"},
    "engine/people/token_versions.py": {"house"},
    "engine/people/verification.py": {"house"},
    "engine/waitlist/admin.py": {"house"},
    "engine/waitlist/entries.py": {"sell"},
    "engine/waitlist/offers.py": {"sell", "worker"},
    "engine/waitlist/rounds.py": {"worker"},
}
#: Queries of a module that only some of its logins run.
_ONLY = {
    "generation.sign": {"sell", "house", "worker"},
    "links.end_of_booking": {"house"},
    "links.end_of_entry": {"house"},
    "links.enqueue_lookup": {"house"},
    "people.prove_address": {"house"},
    "waitlist.due_offers": {"worker"},
    "waitlist.hand_offer_to": {"sell"},
    "waitlist.warn_offers": {"worker"},
    "waitlist_admin.make_line": {"house", "worker"},
    "waitlist_admin.close_line": {"house", "worker"},
    "waitlist_admin.dismiss_waiting": {"house", "worker"},
    "waitlist_admin.open_offers": {"house", "worker"},
    "waitlist.lock_line": {"house", "worker"},
    "waitlist.entry": {"sell", "worker"},
}


def _named_queries() -> Iterator[tuple[str, str]]:
    """Module and query, for each place that names a query."""
    name = re.compile(r'"([a-z_]+\.[a-z_]*)(\{\w+\})?"')
    known = read_queries()
    for folder in ("api", "engine", "seatmap"):
        for path in sorted((REPO / folder).rglob("*.py")):
            if path.parent.name == "stores" and path.name != "generation.py":
                continue
            for begin, rest in set(name.findall(path.read_text())):
                for query in known if rest else {begin} & set(known):
                    if query.startswith(begin):
                        yield str(path.relative_to(REPO)), query


@pytest_asyncio.fixture
async def as_role(
    settings: Settings, stores: StoreUrls
) -> AsyncIterator[dict[str, asyncpg.Connection]]:
    """A connection of each login."""
    server = EmbeddedPostgres(Path(settings.data_dir))
    server.port = int(re.findall(r":(\d+)/", stores.postgres_url)[0])
    opened = {login: await asyncpg.connect(server.url_of(login)) for login in roles.ROLES}
    yield opened
    for connection in opened.values():
        await connection.close()


async def test_each_login_may_run_its_queries(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime
) -> None:
    """PostgreSQL plans every query as the role that runs it, and so checks every right that it needs."""
    text = read_queries()
    unknown = {module for module, _ in _named_queries()} - set(_CALLERS)
    assert not unknown, f"say in _CALLERS who runs the queries of {unknown}"
    asked = {
        (query, login)
        for module, query in _named_queries()
        for login in _ONLY.get(query, _CALLERS[module])
    }
    assert len(asked) > 150
    refused = []
    for query, login in sorted(asked):
        try:
            await as_role[login].execute(f"EXPLAIN (GENERIC_PLAN) {text[query]}")
        except asyncpg.InsufficientPrivilegeError as error:
            refused.append(f"{query} as {login}: {error}")
    assert not refused, "grant it in sql/grants.sql:\n" + "\n".join(refused)


def _classified() -> tuple[set[str], set[str]]:
    """Tables and functions that sql/grants.sql mentions."""
    text = roles.GRANTS_FILE.read_text()
    tables, functions = text.split("FOR r IN SELECT * FROM (VALUES")[1:]
    line = re.compile(r"^    \('(\w+)',", re.MULTILINE)
    return set(line.findall(tables)), set(line.findall(functions))


async def test_every_table_and_function_is_classified(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime
) -> None:
    tables, functions = _classified()
    found = await as_role["owner"].fetchrow(
        """
        SELECT (SELECT array_agg(relname::text) FROM pg_class
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
                  AND relispartition IS FALSE) AS tables,
               (SELECT array_agg(DISTINCT proname::text) FROM pg_proc
                WHERE pronamespace = 'public'::regnamespace) AS functions
        """
    )
    assert found is not None
    assert set(found["tables"]) == tables, "sql/grants.sql says who may do what with each table"
    assert set(found["functions"]) == functions, "sql/grants.sql says who may call each function"


#: Statements of an attacker who can run them in one of the pools. Each is refused to each login
#: that is named, for lack of a right.
_EVERYBODY = {"sell", "house", "worker", "readonly"}
_ATTACKS: dict[str, set[str]] = {
    # Sales, without the functions.
    "UPDATE seats SET booking_id = NULL, state = 'available'": _EVERYBODY,
    "DELETE FROM seats": _EVERYBODY,
    "UPDATE seats SET state = 'blocked'": {"sell", "worker", "readonly"},
    "UPDATE bookings SET status = 'confirmed'": _EVERYBODY,
    "DELETE FROM bookings": _EVERYBODY,
    "INSERT INTO bookings DEFAULT VALUES": _EVERYBODY,
    "UPDATE booking_items SET amount_minor = 0": _EVERYBODY,
    "UPDATE payments SET status = 'captured'": _EVERYBODY,
    "UPDATE payments SET amount_minor = 0": _EVERYBODY,
    "DELETE FROM payments": _EVERYBODY,
    "UPDATE areas SET sold = 0": _EVERYBODY,
    "UPDATE buyer_claims SET sold = 0": _EVERYBODY,
    "UPDATE tickets SET void = false": _EVERYBODY,
    "INSERT INTO tickets (event_id, booking_id, item_no, place_no) VALUES (uuidv7(), uuidv7(), 1, 1)": _EVERYBODY,
    "UPDATE categories SET amount_minor = 1": {"sell", "readonly"},
    "UPDATE events SET buyer_limit = 1000": {"sell", "worker", "readonly"},
    "UPDATE offers SET status = 'open'": _EVERYBODY,
    "UPDATE waitlist_entries SET weight = 1023": {"sell", "worker", "readonly"},
    "DELETE FROM outbox": {"sell", "house", "readonly"},
    # Records cannot be changed.
    "UPDATE audit SET actor = 'nobody'": _EVERYBODY,
    "DELETE FROM audit": _EVERYBODY,
    "TRUNCATE audit": _EVERYBODY,
    "SELECT * FROM audit": {"sell", "house", "worker"},
    "INSERT INTO audit (event_id, action, actor) VALUES (uuidv7(), 'a', 'b')": {"readonly"},
    "UPDATE price_changes SET new_amount_minor = 1": _EVERYBODY,
    # Secrets.
    "SELECT password_hash FROM accounts": {"sell", "worker", "readonly"},
    "SELECT * FROM accounts": {"sell", "worker", "readonly"},
    "SELECT token_hash, seed FROM sessions": {"sell", "worker", "readonly"},
    "SELECT token FROM payments": {"house", "readonly"},
    "SELECT code FROM tickets": {"house", "readonly"},
    "SELECT response FROM idempotency_keys": {"house", "readonly"},
    "SELECT message FROM kept_mails": {"sell", "readonly"},
    "SELECT email FROM people": {"sell"},
    "SELECT rolpassword FROM pg_authid": _EVERYBODY | {"owner"},
    # The machine.
    "COPY (SELECT 1) TO PROGRAM 'id'": _EVERYBODY | {"owner"},
    "COPY (SELECT 1) TO '/tmp/frontrow-was-here'": _EVERYBODY | {"owner"},
    "COPY pg_temp.x FROM PROGRAM 'id'": _EVERYBODY | {"owner"},
    "SELECT pg_read_file('/etc/passwd')": _EVERYBODY | {"owner"},
    "SELECT pg_ls_dir('/')": _EVERYBODY | {"owner"},
    "SELECT lo_from_bytea(0, 'x')": _EVERYBODY,
    "SELECT lo_import('/etc/passwd')": _EVERYBODY | {"owner"},
    "ALTER SYSTEM SET fsync = off": _EVERYBODY | {"owner"},
    "SELECT pg_reload_conf()": _EVERYBODY | {"owner"},
    # The schema, and becoming somebody else.
    "CREATE TABLE mine (x int)": _EVERYBODY,
    "CREATE TEMPORARY TABLE mine (x int)": _EVERYBODY,
    "CREATE SCHEMA mine": _EVERYBODY,
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'": _EVERYBODY,
    "DROP TABLE seats": _EVERYBODY,
    "ALTER TABLE seats DISABLE TRIGGER ALL": _EVERYBODY,
    "CREATE OR REPLACE FUNCTION line_key(uuid) RETURNS bigint LANGUAGE sql AS 'SELECT 1'": _EVERYBODY,
    "SET SESSION AUTHORIZATION frontrow": _EVERYBODY | {"owner"},
    "SET ROLE frontrow": _EVERYBODY | {"owner"},
    "SET ROLE frontrow_owner": _EVERYBODY,
    "SELECT set_config('role', 'frontrow_owner', false)": _EVERYBODY,
    "SELECT set_config('role', 'frontrow_house', false)": {"sell", "worker", "readonly"},
    "CREATE ROLE mine SUPERUSER": _EVERYBODY | {"owner"},
    "ALTER ROLE frontrow_house PASSWORD 'known'": {"sell", "worker", "readonly"},
    "GRANT frontrow_owner TO frontrow_sell": _EVERYBODY,
    "CREATE DATABASE mine": _EVERYBODY,
    "SET session_replication_role = replica": _EVERYBODY | {"owner"},
    # Functions of other roles.
    "SELECT enqueue_notifications(NULL)": {"sell", "readonly"},
    "SELECT return_claims(NULL, NULL, NULL, NULL, NULL)": _EVERYBODY,
    "SELECT announce_event(uuidv7(), 'event-changed', '', '{}')": {"sell", "readonly"},
    "SELECT move_claims(NULL, NULL, NULL, 0, 0)": _EVERYBODY,
    "SELECT retake_booking(uuidv7(), uuidv7())": _EVERYBODY,
    "SELECT note_refund(uuidv7(), uuidv7(), '')": {"house", "readonly"},
    "SELECT * FROM confirm_bookings('{}', '{}', '{}', '{}', '', '')": {"house", "readonly"},
}


@pytest.mark.parametrize("statement", _ATTACKS)
async def test_a_strangers_statement_is_refused(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime, statement: str
) -> None:
    for login in sorted(_ATTACKS[statement]):
        refused = pytest.raises(
            (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)
        )
        if statement.startswith(("ALTER SYSTEM", "CREATE DATABASE")):
            with refused:  # no transaction may hold them
                await as_role[login].execute(statement)
            continue
        transaction = as_role[login].transaction()
        await transaction.start()
        try:
            with refused:
                await as_role[login].execute(statement)
        finally:
            await transaction.rollback()


async def test_no_login_is_a_superuser_or_can_become_another_role(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime
) -> None:
    rows = await as_role["owner"].fetch(
        """
        SELECT rolname, rolsuper OR rolcreaterole OR rolreplication OR rolbypassrls AS is_mighty,
               ARRAY(SELECT pg_get_userbyid(roleid) FROM pg_auth_members
                     WHERE member = r.oid ORDER BY 1)::text[] AS member_of
        FROM pg_roles r WHERE rolname LIKE 'frontrow\\_%'
        """
    )
    assert {row["rolname"] for row in rows} == {f"{PREFIX}_{role}" for role in roles.ROLES}
    for row in rows:
        assert not row["is_mighty"], row
        assert row["member_of"] == (
            ["pg_monitor", "pg_signal_backend"] if row["rolname"] == "frontrow_owner" else []
        )
    busy = await as_role["owner"].fetch(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE backend_type = 'client backend'"
    )
    assert "frontrow" not in {row["usename"] for row in busy}


async def test_definer_functions_have_a_pinned_search_path(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime
) -> None:
    loose = await as_role["owner"].fetch(
        """
        SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
          AND NOT proconfig @> ARRAY['search_path=public, pg_temp']
        """
    )
    assert not loose


async def test_the_selling_role_can_sell(house: House) -> None:
    """The selling role may change no table itself, and can still sell."""
    buyer = new_id()
    hold = await house.hold(buyer, 3, floor=2)
    assert (await house.book(buyer, hold)).outcome == "confirmed"


async def test_the_superuser_cannot_connect(settings: Settings, stores: StoreUrls) -> None:
    port = urlsplit(stores.postgres_url).port
    for password in ("", "frontrow", kept_secret(Path(settings.data_dir), "postgres_password")):
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="reject"):
            await asyncpg.connect(
                f"postgresql://frontrow:{password}@127.0.0.1:{port}/frontrow?sslmode=disable"
            )


# --- earlier data folders, and external servers ---------------------------------------------


class _Before(EmbeddedPostgres):
    """A server as made before roles: the superuser, who connects with a password, owns everything."""

    @property
    def url(self) -> str:
        password = kept_secret(self.data_dir, "postgres_password")
        return f"postgresql://frontrow:{password}@127.0.0.1:{self.port}/frontrow?sslmode=disable"

    async def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700)
        account = self._account()
        given = self.data_dir / "password"
        given.write_text(kept_secret(self.data_dir, "postgres_password"))
        if account is not None:
            # As the start of the servers does: other users may pass through the parent folders.
            let_traverse(self.folder)
            for path in (self.folder, given):
                os.chown(path, account.uid, account.gid)
        initdb = [str(postgres_bin() / "initdb"), "-D", str(self.folder), "-U", "frontrow"]
        initdb += ["--auth=scram-sha-256", f"--pwfile={given}", "--encoding=UTF8", "--locale=C"]
        await self._run(initdb, "", account)
        single = [str(postgres_bin() / "postgres"), "--single", "-D", str(self.folder), "postgres"]
        await self._run(single, "CREATE DATABASE frontrow;\n", account)


async def test_an_earlier_data_folder_is_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _Before(tmp_path)
    await before.start()
    migrations = tmp_path / "migrations"
    shutil.copytree(
        migrate.MIGRATIONS,
        migrations,
        ignore=lambda _, names: {name for name in names if name > "20261130000001_z"},
    )
    with monkeypatch.context() as then:
        then.setattr(migrate, "MIGRATIONS", migrations)
        then.setattr(functions, "FUNCTIONS", tmp_path / "none")
        migrate.migrate(before.url)
    connection = await asyncpg.connect(before.url)
    await connection.execute("CREATE TYPE pair AS (x integer, y integer)")
    await connection.execute("CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
    await connection.execute("INSERT INTO people (person_id, name) VALUES (uuidv7(), 'Ada')")
    # In addition a power cut.
    before.kill()
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close()

    settings = Settings(data_dir=str(tmp_path))
    async with opened_stores(settings) as urls:
        migrate.migrate(urls.postgres_owner_url)
        owner = await asyncpg.connect(urls.postgres_owner_url)
        try:
            assert await owner.fetchval("SELECT name FROM people") == "Ada"
            left = await owner.fetch(_NOT_THE_OWNERS)
            assert not left
        finally:
            await owner.close()
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(before.url)
        async with open_runtime(settings, role="test") as runtime:
            house = House(runtime, await make_event(runtime))
            buyer = new_id()
            assert (await house.book(buyer, await house.hold(buyer, 1))).outcome == "confirmed"
    note = tmp_path / "postgres" / "frontrow.roles"
    converted = note.stat().st_mtime_ns
    async with opened_stores(settings):
        assert note.stat().st_mtime_ns == converted, "it is converted only once"


_NOT_THE_OWNERS = """
SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) <> 'frontrow_owner'
UNION ALL SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND pg_get_userbyid(proowner) <> 'frontrow_owner'
UNION ALL SELECT oid::regtype::text FROM pg_type WHERE typnamespace = 'public'::regnamespace AND pg_get_userbyid(typowner) <> 'frontrow_owner'
UNION ALL SELECT datname FROM pg_database WHERE datname = 'frontrow' AND pg_get_userbyid(datdba) <> 'frontrow_owner'
"""


async def test_lost_secrets_are_replaced_and_the_data_stay(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    async with opened_stores(settings) as urls:
        connection = await asyncpg.connect(urls.postgres_owner_url)
        await connection.execute("CREATE TABLE kept (x int); INSERT INTO kept VALUES (1)")
        await connection.close()
    (tmp_path / "secrets.json").unlink()
    async with opened_stores(settings) as urls:
        connection = await asyncpg.connect(urls.postgres_owner_url)
        assert await connection.fetchval("SELECT x FROM kept") == 1
        await connection.close()


def test_the_roles_for_an_external_server_are_printed_without_secrets() -> None:
    printed = roles.script("postgresql://root@db.example/box%20office?sslmode=require")
    assert "SET frontrow.prefix = 'box office';" in printed
    assert '\\password "box office_sell"' in printed
    assert "PASSWORD '" not in printed
    assert roles.prefix_of("postgresql://theatre_owner:x@db/frontrow") == "theatre"
    assert roles.prefix_of("postgresql://postgres@db/frontrow") is None


async def test_doctor_reports_logins_with_too_many_rights(
    settings: Settings, stores: StoreUrls, runtime: Runtime, tmp_path: Path
) -> None:
    apart = [finding async for finding in doctor._logins(stores)]
    assert [finding.level for finding in apart] == ["good"]
    server = _Before(tmp_path)
    await server.start()
    try:
        one = StoreUrls(postgres_url=server.url, redis_url="", mongo_url="")
        said = [finding async for finding in doctor._logins(one)]
    finally:
        await server.stop()
    assert [finding.level for finding in said] == ["note", "note"]
    assert "is a superuser" in said[0].what
    assert "serves several roles" in said[1].what
    assert not await doctor._may_administer(runtime.stores.redis.client)
    password = kept_secret(Path(settings.data_dir), "redis_password")
    port = urlsplit(stores.redis_url).port or 0
    async with Redis(port=port, password=password) as owner:
        assert await doctor._may_administer(owner)
    assert [*doctor._in_the_clear("Redis", "redis://:x@cache.example", "TLS")]
    assert not [*doctor._in_the_clear("Redis", stores.redis_url, "TLS")]
    assert not [*doctor._in_the_clear("MongoDB", stores.mongo_url, "TLS")]


# --- Redis ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["KEYS *", "FLUSHALL", "FLUSHDB", "CONFIG GET requirepass", "ACL LIST",
     "SHUTDOWN NOSAVE", "MONITOR", "CLIENT KILL TYPE normal", "REPLICAOF 127.0.0.1 1",
     "MODULE LIST", "SAVE", "SLOWLOG GET", "SWAPDB 0 1", "SORT x", "MIGRATE h 1 k 0 1", "LATENCY LATEST"],
)  # fmt: skip
async def test_redis_refuses_administrative_commands(stores: StoreUrls, command: str) -> None:
    async with Redis.from_url(stores.redis_url) as ours:
        with pytest.raises(NoPermissionError):
            await ours.execute_command(*command.split())  # type: ignore[no-untyped-call]  # redis-py


async def test_redis_answers_questions_about_its_state(stores: StoreUrls) -> None:
    async with Redis.from_url(stores.redis_url) as ours:
        assert (await ours.info("server"))["redis_version"]
        assert (await ours.role())[0] == b"master"


# --- MongoDB ----------------------------------------------------------------------------------


async def test_the_mongodb_socket_is_in_a_private_folder(tmp_path: Path) -> None:
    """It has no passwords: it opens no port, and its socket is in a private folder, also for too long paths."""
    deep = tmp_path / ("x" * 100)
    for folder in (tmp_path, deep):
        server = EmbeddedMongo(folder)
        await server.start()
        try:
            assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
            process = psutil.Process(server.pid)
            assert not [
                c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN
            ]
            with MongoClient[dict[str, object]](server.url) as documents:
                documents.frontrow.venues.insert_one({"_id": "v1"})
                assert documents.frontrow.venues.find_one({"_id": "v1"}) == {"_id": "v1"}
        finally:
            await server.stop()
    assert server.socket.parent != deep / "mongo"
    shutil.rmtree(server.socket.parent)
    # Another user has made the folder first.
    server.socket.parent.symlink_to(tmp_path)
    with pytest.raises(StartError, match="belongs to another user"):
        await server.start()
    server.socket.parent.unlink()
