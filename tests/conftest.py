"""The stores and processes that tests share: real servers, started once per run.

A folder of tests is about a package; a marker says what a file needs to run (``KINDS``). Files
without one need nothing but Python.

``stores`` runs PostgreSQL, Redis and the MongoDB-protocol server in a temporary folder; ``runtime`` is
the engine on them; ``house`` makes a small published event for each test that requests it, so tests
never meet each other's seats. ``stack`` is the whole product: API, gateway and worker as processes. It
lives in ``town``, databases of its own: no worker decides elsewhere what a test wants to decide.
"""

import asyncio
import os
import random
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import hypothesis
import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling

from engine.base.config import Settings
from engine.base.model import Buyer, Hold, new_id
from engine.base.store_urls import StoreUrls
from engine.catalog.model import EventDraft
from engine.runtime import Runtime, open_runtime
from engine.sales.ledger import Answer, BookingRequest, PaymentChoice
from tests.support.clusters import copy_cluster, hasty_stores, ready_cluster
from tests.support.progress import Progress
from tests.support.said import only_live_messages
from tests.support.worlds import make_world

REPO = Path(__file__).resolve().parents[1]
ORGANISER_KEY = "the-organisers-own-key-for-tests"
TOKEN_SECRET = "a-secret-of-more-than-thirty-two-characters"
#: All clients of the suite are in this network; a test of a limit sets it by itself.
LOOPBACK = ("127.0.0.0/8", "::1")

# The time of one example depends on the machine only.
hypothesis.settings.register_profile("frontrow", hypothesis.settings(), deadline=None)
hypothesis.settings.load_profile("frontrow")

pytest_plugins = (
    "tests.support.clients",
    "tests.support.http",
    "tests.support.live",
    "tests.support.pages",
    "tests.support.site",
)

#: The kinds of tests, and what each needs. Those that share processes of their own (``_LASTING``) stay
#: together in one process of ``make test``, and come first, because they take longest; everything else
#: goes by file to the next free process.
KINDS: Final = {
    "adversity": "servers and processes that are killed, stopped and cut off",
    "browser": "the product's pages in a real browser",
    "contract": "the product over HTTP, as its clients see it",
    "property": "many generated cases against the engine",
    "integration": "real stores, or other programs",
    "unit": "nothing",
}
#: Fixtures that run processes, by the kind that needs them: they end with the last test of the kind. An
#: idle worker would go on looking for work, beside whatever else the process tests.
_LASTING: Final = {
    "adversity": ("lasting_site",),
    "browser": ("stack", "browser"),
    "contract": ("stack",),
}


@cache
def _kind(path: Path) -> str:
    marked = re.search(r"^pytestmark = pytest\.mark\.(\w+)$", path.read_text(), re.MULTILINE)
    return marked[1] if marked else "unit"


class _ByKind(LoadScopeScheduling):  # type: ignore[misc]  # xdist carries no types
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", maxsplit=1)[0]
        kind = _kind(REPO / file)
        return kind if kind in _LASTING else file


def pytest_sessionstart(session: pytest.Session) -> None:
    plugins = session.config.pluginmanager
    reporter = plugins.get_plugin("terminalreporter")
    # The processes of --numprocesses report to the one that started them.
    if reporter is not None and not hasattr(session.config, "workerinput"):
        plugins.register(Progress(session, reporter))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByKind:
    return _ByKind(config, log)


#: Second runs of ``rough`` tests that a whole run of the suite may need.
_SECOND_RUNS_MAX: Final = 3


def pytest_configure(config: pytest.Config) -> None:
    for kind, needs in KINDS.items():
        config.addinivalue_line("markers", f"{kind}: needs {needs}")
    config.addinivalue_line(
        "markers",
        "rough: cannot be made independent of time by its nature (kill -9 of a real server under live "
        "buyers); when it fails it is run once more, and the first failure is shown at the end",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = list(KINDS)
    items.sort(key=lambda item: order.index(_kind(item.path)))
    for item in items:
        if _kind(item.path) == "unit":
            item.add_marker("unit")
        if item.get_closest_marker("rough"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"run twice: {report.nodeid}")
        terminalreporter.line(str(report.longrepr))
        for title, text in report.sections:
            terminalreporter.section(title, sep="-")
            terminalreporter.line(text)


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and len(reporter.stats.get("rerun", [])) > _SECOND_RUNS_MAX:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    if nextitem is None or _kind(nextitem.path) == _kind(item.path):
        return
    assert isinstance(item, pytest.Function)
    for name in _LASTING.get(_kind(item.path), ()):
        for fixture in item.session._fixturemanager.getfixturedefs(name, item) or ():
            fixture.finish(item._request)  # type: ignore[arg-type]  # needs less than its declared type


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("frontrow")


@pytest.fixture(scope="session")
def settings(data_dir: Path) -> Settings:
    """Short times, so that no test waits long; but a store that is slow on a busy machine
    is not away. The same holds for the bank: a charge may take seconds, and a payment that was
    given up would be pending where a test expects a booking."""
    return Settings(
        data_dir=str(data_dir),
        organiser_key=ORGANISER_KEY,
        token_secret=TOKEN_SECRET,
        unlimited_networks=LOOPBACK,
        gateway_timeout_s=20.0,
        request_timeout_s=120.0,
        store_timeout_s=30.0,
        lock_timeout_s=30.0,
        long_timeout_s=60.0,
        outbox_grace_s=0.2,
        worker_tick_s=0.05,
        reconcile_interval_s=1.0,
    )


@pytest_asyncio.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated PostgreSQL that is not running; ``copy_cluster`` makes a test's own server from it."""
    return await ready_cluster(tmp_path_factory)


@pytest_asyncio.fixture(scope="session")
async def stores(settings: Settings, cluster: Path) -> AsyncIterator[StoreUrls]:
    copy_cluster(cluster, Path(settings.data_dir))
    async with hasty_stores(settings) as urls:
        assert urls.redis_url is not None
        async with only_live_messages(urls.redis_url):
            yield urls


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> Runtime:
    """The engine of the test's world: the town, where the whole product runs, or databases without processes."""
    kind = _kind(request.path)
    where = "town_runtime" if kind in ("browser", "contract") else "engine_runtime"
    runtime: Runtime = request.getfixturevalue(where)
    return runtime


@pytest_asyncio.fixture(scope="session")
async def engine_runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


def small_house(*, rows: int = 5, seats_per_row: int = 10, floor: int = 6) -> dict[str, Any]:
    """A native layout: front rows in category Front, the others Back, and a standing floor."""
    return {
        "format": "frontrow/1",
        "name": "Small house",
        "size": {"width": 40 + 25 * seats_per_row, "height": 260 + 25 * rows},
        "categories": [
            {"name": "Front", "color": "#0072b2"},
            {"name": "Back", "color": "#e69f00"},
        ],
        "sections": [
            {
                "name": "Stalls",
                "rows": [
                    {
                        "label": f"R{row + 1}",
                        "seats": [
                            {
                                "number": str(seat + 1),
                                "x": 20 + 25 * seat,
                                "y": 20 + 25 * row,
                                "category": "Front" if row < 2 else "Back",
                            }
                            for seat in range(seats_per_row)
                        ],
                    }
                    for row in range(rows)
                ],
            }
        ],
        "areas": [
            {
                "name": "Floor",
                "category": "Back",
                "capacity": floor,
                "shape": {
                    "type": "rectangle",
                    "x": 20,
                    "y": 40 + 25 * rows,
                    "width": 200,
                    "height": 100,
                },
            }
        ],
    }


@dataclass
class House:
    """An event of a test's own, and what a buyer can do in it."""

    runtime: Runtime
    event_id: str
    keys: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))
    #: By buyer: each has a mailbox of their own, the first one ada@example.com.
    mailboxes: dict[str, str] = field(default_factory=dict)

    async def hold(self, buyer: str, *seats: int, floor: int = 0, **options: Any) -> Hold:
        areas = {0: floor} if floor else {}
        return await self.runtime.holds.place(
            self.event_id, buyer, seats=seats, areas=areas, **options
        )

    def request(
        self, hold: Hold | str, token: str = "tok_visa", email: str = "ada@example.com"
    ) -> BookingRequest:
        hold_id = hold if isinstance(hold, str) else hold.hold_id
        return BookingRequest(hold_id, Buyer(email, "Ada"), PaymentChoice("sandbox", token))

    async def book(
        self, buyer: str, hold: Hold | str, token: str = "tok_visa", key: str | None = None
    ) -> Answer:
        email = f"{buyer}@example.com" if self.mailboxes else "ada@example.com"
        request = self.request(hold, token, self.mailboxes.setdefault(buyer, email))
        answer, _ = await self.runtime.sales.checkout.book(buyer, key or new_id(), request)
        return answer

    async def set_terms(
        self, *, hold_ttl_s: int | None = None, payment_window_s: int | None = None
    ) -> None:
        """Terms for later holds; existing holds keep theirs."""
        async with self.runtime.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE events SET hold_ttl_s = coalesce($2, hold_ttl_s),"
                " payment_window_s = coalesce($3, payment_window_s), version = version + 1"
                " WHERE event_id = $1",
                self.event_id,
                hold_ttl_s,
                payment_window_s,
            )
        await self.runtime.live.settling.refresh_terms(self.event_id)

    async def states(self) -> str:
        return (await self.runtime.live.reading.snapshot(self.event_id)).states.decode()

    async def floor_free(self) -> int:
        return (await self.runtime.live.reading.snapshot(self.event_id)).areas[0]


MakeHouse = Callable[..., Awaitable[House]]


async def make_event(
    runtime: Runtime,
    *,
    name: str = "A play",
    layout: dict[str, Any] | None = None,
    buyer_limit: int = 10,
    hold_ttl_s: int = 300,
    publish: bool = True,
) -> str:
    venue, _ = await runtime.catalog.venues.import_plan(layout or small_house(), city="Erfurt")
    event = await runtime.catalog.create_event(
        EventDraft(
            name=name,
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=9),
            currency="EUR",
            prices={"Front": 5000, "Back": 3000},
            buyer_limit=buyer_limit,
            hold_ttl_s=hold_ttl_s,
        )
    )
    if publish:
        await runtime.events.publishing.publish(event.event_id)
    return event.event_id


async def let_it_be_over(runtime: Runtime, event_ids: Sequence[str] | None = None) -> None:
    """Let these events (None: all) have begun long ago, so that no worker looks after them any more."""
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "INSERT INTO told_events (event_id, version, name, venue, starts_at)"
            " SELECT event_id, 0, '', '', '-infinity' FROM events"
            " WHERE $1::uuid[] IS NULL OR event_id = ANY($1)"
            " ON CONFLICT (event_id) DO UPDATE SET starts_at = excluded.starts_at",
            event_ids,
        )


@pytest_asyncio.fixture
async def make_house(runtime: Runtime) -> AsyncIterator[MakeHouse]:
    made: list[str] = []

    async def make(**options: Any) -> House:
        made.append(await make_event(runtime, **options))
        return House(runtime, made[-1])

    yield make
    if made:
        await let_it_be_over(runtime, made)


@pytest_asyncio.fixture
async def house(make_house: MakeHouse) -> House:
    return await make_house()


@pytest.fixture
def buyer() -> str:
    return new_id()


def free_port() -> int:
    """A port that stays free until somebody listens: the kernel gives those above to outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Stack:
    """The running product. ``environment`` starts another process of it."""

    api_url: str
    live_url: str
    worker_url: str
    environment: dict[str, str]
    processes: dict[str, "subprocess.Popen[bytes]"]


def role_command(role: str, environment: dict[str, str]) -> list[str]:
    module = {"api": "api", "live": "seatmap", "worker": "engine.worker"}[role]
    return [sys.executable, "-m", module]


def role_environment(settings: Settings, urls: StoreUrls, **more: str) -> dict[str, str]:
    """The environment of a process of the product on these stores, with ports of its own."""
    api, live, worker = free_port(), free_port(), free_port()
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("FRONTROW_")},
        "FRONTROW_POSTGRES_URL": settings.postgres_url or urls.postgres_url,
        "FRONTROW_POSTGRES_HOUSE_URL": settings.postgres_house_url or urls.postgres_house_url,
        "FRONTROW_POSTGRES_WORKER_URL": settings.postgres_worker_url or urls.postgres_worker_url,
        "FRONTROW_REDIS_URL": settings.redis_url or urls.redis_url,
        "FRONTROW_MONGO_URL": settings.mongo_url or urls.mongo_url,
        "FRONTROW_MONGO_DATABASE": settings.mongo_database,
        "FRONTROW_DATA_DIR": settings.data_dir,
        "FRONTROW_ORGANISER_KEY": ORGANISER_KEY,
        "FRONTROW_TOKEN_SECRET": TOKEN_SECRET,
        "FRONTROW_UNLIMITED_NETWORKS": ",".join(LOOPBACK),
        "FRONTROW_API_PORT": str(api),
        "FRONTROW_LIVE_PORT": str(live),
        "FRONTROW_WORKER_PORT": str(worker),
        "FRONTROW_PUBLIC_URL": f"http://localhost:{api}",
        "FRONTROW_LIVE_PUBLIC_URL": f"ws://localhost:{live}",
        "FRONTROW_ALLOWED_ORIGINS": f"http://localhost:{api},http://127.0.0.1:{api}",
        # A machine that stalls for some seconds must not count as a silent store.
        "FRONTROW_REQUEST_TIMEOUT_S": "60",
        "FRONTROW_STORE_TIMEOUT_S": "5",
        "FRONTROW_LOCK_TIMEOUT_S": "5",
        # A payment with tok_timeout waits this long; a charge on a busy machine must not time out.
        "FRONTROW_GATEWAY_TIMEOUT_S": "5",
        "FRONTROW_OUTBOX_GRACE_S": "0.3",
        "FRONTROW_WORKER_TICK_S": "0.1",
        "FRONTROW_RECONCILE_INTERVAL_S": "2",
        **more,
    }


def start_role(role: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(role_command(role, environment), env=environment, cwd=REPO)


def end_process(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def until_ready(url: str, *, timeout_s: float = 90) -> None:
    """Wait until a process answers /health/ready with 200."""
    async with httpx.AsyncClient(timeout=60) as client, asyncio.timeout(timeout_s):
        while True:
            try:
                if (await client.get(url + "/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="session")
async def town(settings: Settings, stores: StoreUrls) -> Settings:
    """The settings of the world in which the whole product runs."""
    return await make_world(settings, stores, "town", redis_database=7)


@pytest_asyncio.fixture(scope="session")
async def town_runtime(town: Settings) -> AsyncIterator[Runtime]:
    """The engine in the town, beside the product's processes."""
    async with open_runtime(town, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@asynccontextmanager
async def running_stack(town: Settings, stores: StoreUrls) -> AsyncIterator[Stack]:
    """The whole product in the town: one API, one gateway, one worker."""
    environment = role_environment(town, stores)
    urls = {
        role: f"http://127.0.0.1:{environment[f'FRONTROW_{role.upper()}_PORT']}"
        for role in ("api", "live", "worker")
    }
    with ExitStack() as ending:
        processes = {}
        for role in urls:
            processes[role] = start_role(role, environment)
            ending.callback(end_process, processes[role])
        await asyncio.gather(*(until_ready(url) for url in urls.values()))
        yield Stack(
            api_url=urls["api"].replace("127.0.0.1", "localhost"),
            live_url=urls["live"].replace("http://127.0.0.1", "ws://localhost"),
            worker_url=urls["worker"],
            environment=environment,
            processes=processes,
        )


@pytest_asyncio.fixture(scope="session")
async def stack(town: Settings, stores: StoreUrls) -> AsyncIterator[Stack]:
    async with running_stack(town, stores) as running:
        yield running
