"""The load test itself, against the running product: a clean run passes, and planted faults are found."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID

import httpx
import msgspec
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from engine.base.config import Settings
from engine.base.invariants import Invariant
from engine.base.model import Buyer, new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime
from engine.sales.ledger import BookingRequest, PaymentChoice
from loadtest import beforehand
from loadtest.judgement import Entry, Verdict
from loadtest.on_sale import Plan, Site, conclude, play
from seatmap.protocol import DeltaFrame, Encoding, decode, encode
from tests.conftest import (
    ORGANISER_KEY,
    REPO,
    Stack,
    free_port,
    make_event,
    running_stack,
    small_house,
)

pytestmark = pytest.mark.integration

#: Length of a run, in seconds: on a busy machine little happens in a short one, and then there is
#: a second, longer one.
RUNS_S = (5, 20, 60)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(town: Settings, stores: StoreUrls) -> AsyncIterator[Stack]:
    async with running_stack(town, stores) as running:
        yield running


@pytest.fixture
async def event_id(town_runtime: Runtime) -> str:
    return await make_event(town_runtime, layout=small_house(rows=2, floor=1), hold_ttl_s=5)


@pytest.fixture
async def lasting_event_id(town_runtime: Runtime) -> str:
    """An event whose holds outlive the test, so that only the test changes its map."""
    return await make_event(town_runtime, layout=small_house(rows=2, floor=1))


@pytest.fixture
def site(stack: Stack) -> Site:
    return Site(stack.api_url, stack.live_url, ORGANISER_KEY)


def named(verdict: Verdict) -> dict[tuple[str | None, str], Entry]:
    return {(entry.method, entry.name): entry for entry in verdict.entries}


async def test_every_kind_of_user_plays_and_a_clean_run_passes(
    town_runtime: Runtime,
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = {
        ("GET", "layout"),  # Visitor
        ("LIVE", "broadcast to map"),  # Watcher
        ("LIVE", "map compared with the API"),
        ("POST", "hold best"),  # Buyer
        ("POST", "hold by hand"),
        ("SALE", "seat sold"),
        ("POST", "join the waitlist"),  # WaitlistBuyer
        ("GET", "rank"),
        ("GET", "desk"),  # Organiser
    }
    for seconds in RUNS_S:
        event_id = await make_event(town_runtime, layout=small_house(rows=2, floor=1), hold_ttl_s=5)
        plan = Plan(seconds=seconds, users=40, think_s=0.2, report=tmp_path / "report.html")
        verdict = await play(town_runtime, site, event_id, 20, plan)
        assert verdict.faults == []
        assert verdict.exit_code == 0
        entries = named(verdict)
        if wanted <= entries.keys() and "no seat free, for the first time" in dict(
            verdict.figures()
        ):
            break
    assert "no seat free, for the first time" in dict(verdict.figures())
    assert all(not e.response_times for e in verdict.entries if e.name.startswith("no seat free"))
    for what in wanted:
        assert entries[what].num_requests > 0, what
    # Sniper: may never be fast enough.
    assert any(name.startswith("snipe") for _, name in entries)
    assert any(re.search("→ 409 ", entry.name) for entry in verdict.entries)
    conclude(verdict, plan.report)
    assert "verdict: passed" in capsys.readouterr().out
    page = plan.report.read_text()
    assert "verdict: passed" in page
    assert "<svg" in page


async def test_a_run_with_one_buyer_compares_maps_too(
    town_runtime: Runtime, site: Site, event_id: str, tmp_path: Path
) -> None:
    plan = Plan(seconds=2, users=1, think_s=0.1, shape="soak", report=tmp_path / "report.html")
    verdict = await play(town_runtime, site, event_id, 20, plan)
    assert verdict.faults == []
    assert verdict.compared > 0


async def test_a_run_without_a_server_does_not_start(site: Site, tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    locust = await Locust.start(
        "--host", nowhere, "--any-event", "--csv", str(tmp_path / "x"), "-t", "1s"
    )
    assert await locust.ended() == 2
    (line,) = (line for line in locust.output.decode().splitlines() if "error" in line)
    assert line.startswith(f"locust: error: {nowhere} does not answer")
    assert list(tmp_path.iterdir()) == []


async def test_a_run_that_does_not_say_where_to_buy_does_not_start(
    site: Site, tmp_path: Path
) -> None:
    locust = await Locust.start("--host", site.api_url, "--csv", str(tmp_path / "x"), "-t", "1s")
    assert await locust.ended() == 2
    (line,) = (line for line in locust.output.decode().splitlines() if "error" in line)
    assert line.startswith("locust: error: which event?")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event": f"{UUID(int=7)}"}, f"there is no event {UUID(int=7)}"),
        ({"host": "tickets.example"}, "is not an address"),
        ({"host": "THE GATEWAY"}, "is no Frontrow: its list of events answers 404"),
        ({"num_users": 0}, "at least one user must come"),
        ({"html_file": "/dev/null/report.html"}, "cannot write /dev/null/report.html"),
    ],
)
async def test_wrong_options_are_refused_in_one_line(
    site: Site, changes: dict[str, object], complaint: str
) -> None:
    if changes.get("host") == "THE GATEWAY":
        changes = {"host": site.live_url.replace("ws", "http", 1)}
    good = {"host": site.api_url, "event": "", "num_users": None}
    files = {"html_file": None, "summary_file": "", "csv_prefix": None}
    options = SimpleNamespace(**good, **files)
    assert await asyncio.to_thread(beforehand.complaint, options) is None
    vars(options).update(changes)
    assert complaint in str(await asyncio.to_thread(beforehand.complaint, options))


async def test_a_planted_violation_fails_the_run(
    town_runtime: Runtime, site: Site, event_id: str, tmp_path: Path
) -> None:
    buyer = new_id()
    hold = await town_runtime.holds.place(event_id, buyer, seats=[3])
    request = BookingRequest(
        hold.hold_id, Buyer("ada@example.com", "Ada"), PaymentChoice("sandbox", "tok_visa")
    )
    await town_runtime.sales.checkout.book(buyer, new_id(), request)
    await _void_tickets(town_runtime, event_id, is_void=True)
    try:
        plan = Plan(seconds=1, users=4, think_s=0.1, shape="soak", report=tmp_path / "report.html")
        verdict = await play(town_runtime, site, event_id, 20, plan, calm_s=0)
    finally:
        await _void_tickets(town_runtime, event_id, is_void=False)
    assert verdict.exit_code == 1
    # The run is given no time to calm down: a worker may still have something to deliver.
    found = {violation.invariant for violation in verdict.violations}
    assert found - {Invariant.OUTBOX_DELIVERED} == {Invariant.ONE_LIVE_SALE}
    assert "the tickets are not those of the booking" in verdict.text()


async def _void_tickets(runtime: Runtime, event_id: str, *, is_void: bool) -> None:
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE tickets SET void = $2 WHERE event_id = $1", event_id, is_void
        )


async def test_a_planted_divergence_is_a_failure(
    town_runtime: Runtime, site: Site, lasting_event_id: str, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.json"

    seats = iter(range(7, 20))

    async def hold_a_seat() -> None:
        await town_runtime.holds.place(lasting_event_id, new_id(), seats=[next(seats)])

    for seconds in RUNS_S:
        async with between(site.live_url, lasting_event_id, _falsified) as (live_url, watched):
            locust = await Locust.start(
                *("--host", site.api_url, "--live-url", live_url, "--event", lasting_event_id),
                *("-u", "2", "-r", "2", "-t", f"{seconds}s"),
                *("--summary-file", str(summary), "Watcher"),
            )
            in_time = await locust.meanwhile(watched, hold_a_seat)
            returncode = await locust.ended()
        if in_time:
            break
    assert in_time
    assert returncode == 1
    assert b"the map is not the API's: 1 seats differ" in locust.output
    assert failures(summary) == [("map compared with the API", 2)]


async def test_faults_that_workers_find_at_the_end_count(
    town_runtime: Runtime, site: Site, lasting_event_id: str, tmp_path: Path
) -> None:
    """Seconds after the end of the run the maps reach the API's position and turn out wrong."""
    summary = tmp_path / "summary.json"

    async def later(data: bytes) -> bytes:
        if isinstance(decode(data), DeltaFrame):
            await late.wait()
        return await _falsified(data)

    seats = iter(range(7, 20))

    async def hold_a_seat() -> None:
        await town_runtime.holds.place(lasting_event_id, new_id(), seats=[next(seats)])

    for seconds in RUNS_S:
        late = asyncio.Event()
        async with between(site.live_url, lasting_event_id, later) as (live_url, watched):
            locust = await Locust.start(
                *("--host", site.api_url, "--live-url", live_url, "--event", lasting_event_id),
                *("-u", "2", "-r", "2", "-t", f"{seconds}s", "--processes", "2"),
                *("--summary-file", str(summary), "Watcher"),
            )
            in_time = await locust.meanwhile(watched, hold_a_seat)
            await locust.time_is_up.wait()
            asyncio.get_running_loop().call_later(1.5, late.set)
            returncode = await locust.ended()
        if in_time:
            break
    assert in_time
    assert returncode == 1
    assert failures(summary) == [("map compared with the API", 2)]


async def test_a_run_lasts_as_asked_and_a_sniper_watches_the_event_that_it_buys(
    town_runtime: Runtime, site: Site, lasting_event_id: str, tmp_path: Path
) -> None:
    other = await make_event(town_runtime, layout=small_house(rows=3))
    summary = tmp_path / "summary.json"
    for asked_s in RUNS_S:
        locust = await Locust.start(
            *("--host", site.api_url, "--live-url", site.live_url),
            *("--event", f"{lasting_event_id},{other}", "--think", "0.1"),
            *("-u", "8", "-r", "8", "-t", f"{asked_s}s", "--summary-file", str(summary)),
            *("--config-users", '{"user_class_name": "Sniper", "rounds": 1}', "--", "Sniper"),
        )
        assert await locust.ended() == 0, locust.output.decode()
        entries = msgspec.json.decode(summary.read_bytes())["entries"]
        connects = sum(entry["num_requests"] for entry in entries if entry["name"] == "connect")
        seconds = {int(second) for entry in entries for second in entry["num_reqs_per_sec"]}
        lasted_s = max(seconds) - min(seconds) if seconds else 0
        if connects > 8 and lasted_s >= 0.75 * asked_s:
            break
    assert connects > 8
    assert lasted_s >= 0.75 * asked_s


async def test_the_shape_chosen_in_the_form_is_played_and_charts_are_shown(
    site: Site, lasting_event_id: str
) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py"),
        *("--web-host", "127.0.0.1", "--web-port", str(port)),
        *("--host", site.api_url, "--event", lasting_event_id),
        cwd=REPO,
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    page = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", transport=httpx.AsyncHTTPTransport(retries=10)
    )
    form = {"user_count": "2", "spawn_rate": "1", "run_time": "60s", "shape": "ramp"}
    try:
        async with page:
            assert "Nothing has been measured yet" in (await page.get("/frontrow")).text
            started = (await page.post("/swarm", data=form)).json()
            assert started["message"] == "Swarming started using shape class 'Play'"
            async with asyncio.timeout(30):
                while "<svg" not in (await page.get("/frontrow")).text:
                    await asyncio.sleep(0.2)
            await page.get("/stop")
    finally:
        process.terminate()
        await process.wait()


class Locust:
    """One run of Locust, as a process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.output = b""
        self.time_is_up = asyncio.Event()
        self._process = process
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, *arguments: str) -> "Locust":
        return cls(
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "locust", "-f", "loadtest/locustfile.py"),
                *("--headless", "--only-summary", *arguments),
                cwd=REPO,
                stderr=asyncio.subprocess.STDOUT,
                stdout=asyncio.subprocess.PIPE,
            )
        )

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output += line
            if b"limit reached" in line:
                self.time_is_up.set()
        self.time_is_up.set()

    async def ended(self) -> int:
        """Its exit code."""
        await self._reading
        return await self._process.wait()

    async def meanwhile(self, signal: asyncio.Event, act: Callable[[], Awaitable[None]]) -> bool:
        """Do something at a signal. False: on a busy machine the run had ended before."""
        signalled = asyncio.create_task(signal.wait())
        late = asyncio.create_task(self.time_is_up.wait())
        await asyncio.wait([signalled, late], return_when="FIRST_COMPLETED")
        signalled.cancel()
        if not late.done():
            await act()
        late.cancel()
        return not self.time_is_up.is_set()


def failures(summary: Path) -> list[tuple[str, int]]:
    """Failures by name, with their counts."""
    found = msgspec.json.decode(summary.read_bytes())["failures"]
    return [(each["name"], each["occurrences"]) for each in found]


@asynccontextmanager
async def between(
    live_url: str, event_id: str, told: Callable[[bytes], Awaitable[bytes]]
) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A gateway between the watchers and the true one that changes messages by ``told``. Its
    address, and an event that is set once two watch."""
    watched, watching = asyncio.Event(), set[ServerConnection]()

    async def relay(client: ServerConnection) -> None:
        async with connect(
            f"{live_url}/v1/live/{event_id}", subprotocols=[Subprotocol(Encoding.BINARY)]
        ) as gateway:

            async def leave_with_the_client() -> None:
                await client.wait_closed()
                await gateway.close()

            leaving = asyncio.create_task(leave_with_the_client())
            try:
                async for data in gateway:
                    assert isinstance(data, bytes)
                    await client.send(await told(data))
                    watching.add(client)
                    if len(watching) == 2:
                        watched.set()
            except ConnectionClosed:
                pass
            finally:
                leaving.cancel()

    subprotocols = [Subprotocol(Encoding.BINARY)]
    async with serve(relay, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"ws://127.0.0.1:{port}", watched


async def _falsified(data: bytes) -> bytes:
    """Show every changed seat as sold."""
    frame = decode(data)
    if not isinstance(frame, DeltaFrame):
        return data
    return encode(msgspec.structs.replace(frame, seats=tuple((n, 2) for n, _ in frame.seats)))
