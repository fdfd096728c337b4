"""What each of PostgreSQL's roles may do: all that its code asks for, and nothing that a thief would."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from engine import migrate, roles
from engine.config import Settings
from engine.embedded import EmbeddedPostgres, StoreUrls
from engine.runtime import Runtime
from engine.stores.postgres import read_queries
from tests.conftest import REPO, House

PREFIX = "frontrow"
LOGINS = ("sell", "house", "worker", "readonly")

#: Which logins run the queries that a module names: see engine.runtime.wire. The worker runs them all
#: as itself.
_CALLERS = {
    "api/events.py": {"sell"},
    "engine/auditor.py": {"worker"},
    "engine/bookings.py": {"sell", "worker"},
    "engine/inventory.py": {"sell", "worker"},
    "engine/ledger.py": {"sell"},
    "engine/notifications/announcing.py": {"house", "worker"},
    "engine/notifications/deliveries.py": {"house"},
    "engine/notifications/facts.py": {"house", "worker"},
    "engine/notifications/sender.py": {"worker"},
    "engine/notifications/unsubscribe.py": {"house"},
    "engine/notifications/wording.py": {"house", "worker"},
    "engine/payments.py": {"sell", "worker"},
    "engine/people.py": {"house"},
    "engine/pricing/enforcing.py": {"house", "worker"},
    "engine/pricing/measuring.py": {"house", "worker"},
    "engine/pricing/office.py": {"house"},
    "engine/pricing/repricer.py": {"worker"},
    "engine/publishing.py": {"house"},
    "engine/waitlist/desk.py": {"house"},
    "engine/waitlist/line.py": {"sell"},
    "engine/waitlist/offers.py": {"sell", "worker"},
    "engine/waitlist/rounds.py": {"worker"},
    "engine/worker.py": {"worker"},
}
#: Queries of a module that only some of its logins run.
_ONLY = {
    "inventory.open_events": {"worker", "sell"},
    "waitlist.due_offers": {"worker"},
    "waitlist.warn_offers": {"worker"},
    "waitlist_desk.close_line": {"house", "worker"},
    "waitlist_desk.dismiss_waiting": {"house", "worker"},
    "waitlist_desk.open_offers": {"house", "worker"},
    "waitlist.lock_line": {"house", "worker"},
    "waitlist.entry": {"sell", "worker"},
}


def _named_queries() -> Iterator[tuple[str, str]]:
    """Module and query, wherever a query is named."""
    name = re.compile(r'"([a-z_]+\.[a-z_]+)"')
    known = read_queries()
    for folder in ("api", "engine", "seatmap"):
        for path in sorted((REPO / folder).rglob("*.py")):
            if path.parent.name == "stores":
                continue
            for query in set(name.findall(path.read_text())) & set(known):
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


async def test_each_login_may_run_what_its_code_asks_for(
    as_role: dict[str, asyncpg.Connection], runtime: Runtime
) -> None:
    """PostgreSQL plans every query as whoever runs it, and so checks every right it takes."""
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
    """Tables and functions that sql/grants.sql speaks of."""
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
    assert set(found["tables"]) == tables, "sql/grants.sql says who may do what with each table"
    assert set(found["functions"]) == functions, "sql/grants.sql says who may call each function"
