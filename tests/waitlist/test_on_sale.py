"""A simulated on-sale with a waitlist: returned seats go to waiting people, in order, immediately.

In the suite it has 600 buyers and 240 waiting people; ``FRONTROW_ONSALE=full`` makes it
5,000 and 2,000 (some minutes).
"""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from engine.audit.auditor import Violation
from engine.base.actor import ORGANISER
from engine.base.model import ms_from_utc
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from tests.conftest import (
    end_process,
    make_event,
    role_environment,
    start_role,
    until_ready,
)
from tests.support.doors import EngineDoor, HttpDoor
from tests.support.onsale import (
    Buyer,
    Organiser,
    Sale,
    Stalls,
    Subscribers,
    Undecided,
    Waiter,
    hall,
)
from tests.support.site import ROLES, Site
from tests.support.truth import check as check_truth
from tests.support.waitlist_checker import Log, check, moves, read_log, sniped

pytestmark = pytest.mark.adversity

#: After a lapse or a refusal: until those seats are offered to the next entry, or on sale.
MOVES_ON_S = 2.0
#: Ends of offers that must occur for a run to count.
ENDS = {"used", "declined", "expired"}
#: At least this many rounds are checked by brute force.
PROVED = 10
#: Time limit for people to finish at the end, in s.
_FINISH_S = 60


@dataclass(frozen=True)
class Size:
    buyers: int
    waiting: int
    rows: int
    floor: int
    #: Of holds, until they are paid for.
    hold_ttl_s: int
    offer_window_s: int
    lasts_s: float


SIZES = {
    "full": Size(5000, 2000, rows=25, floor=250, hold_ttl_s=8, offer_window_s=5, lasts_s=90),
    "small": Size(600, 240, rows=4, floor=40, hold_ttl_s=3, offer_window_s=3, lasts_s=10),
}
SIZE = SIZES[os.environ.get("FRONTROW_ONSALE", "small")]
BLOCKED = range(0, 100)
#: Seats kept for the one offer that has to survive the loss of Redis, however slow the machine.
SPARE = BLOCKED[-6:]
THINKS_S = 60
#: One of this many people comes over HTTP.
HTTP_EVERY = 50


class Processes:
    """Two workers and an API, directly on the stores, without proxies of this process."""

    def __init__(self, site: Site) -> None:
        urls = StoreUrls(
            **{name: url for s in site.servers.values() for name, url in s.urls().items()}
        )
        self._environments = {
            name: role_environment(
                site.settings, urls, FRONTROW_OFFER_WINDOW_S=str(SIZE.offer_window_s)
            )
            for name in ("worker 0", "worker 1", "api")
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def url(self, name: str) -> str:
        port = f"FRONTROW_{name.split(maxsplit=1)[0].upper()}_PORT"
        return f"http://127.0.0.1:{self._environments[name][port]}"

    async def __aenter__(self) -> "Processes":
        await self.start(*self._environments)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes.values():
            end_process(process)

    def kill(self, name: str) -> None:
        """kill -9."""
        self._processes[name].kill()
        self._processes[name].wait()

    async def start(self, *names: str) -> None:
        for name in names:
            environment = self._environments[name]
            self._processes[name] = start_role(name.split()[0], environment)
        await asyncio.gather(*(until_ready(self.url(name)) for name in names))


@asynccontextmanager
async def a_runtime(site: Site) -> AsyncIterator[Runtime]:
    settings = msgspec.structs.replace(
        site.runtime.settings,
        offer_window_s=SIZE.offer_window_s,
        postgres_pool_size=16,
        gateway_timeout_s=10.0,
    )
    async with open_runtime(settings, role="test") as runtime:
        yield runtime


@dataclass
class Run:
    """One simulated on-sale, and its records."""

    site: Site
    sale: Sale
    stalls: Stalls
    processes: Processes
    violations: list[Violation]
    tasks: list["asyncio.Task[None]"]

    async def sold_out(self) -> None:
        async with asyncio.timeout(60):
            await self.sale.sold_out.wait()
        self.sale.mark("sold out at")

    async def let_pass(self, seconds: float) -> None:
        """Wait; an error of any person is raised at once."""
        running = {task for task in self.tasks if not task.done()}
        done, _ = await asyncio.wait(running, timeout=seconds, return_when="FIRST_EXCEPTION")
        for task in done:
            task.result()

    async def let_enough_happen(self) -> None:
        """Wait until enough has happened to judge: on a busy machine this takes longer."""
        end = time.monotonic() + _FINISH_S
        while time.monotonic() < end and not await self._is_worth_looking():
            await self.let_pass(0.5)

    async def _is_worth_looking(self) -> bool:
        async with self.sale.runtime.stores.view.connection() as connection:
            ended = await connection.fetchval(
                "SELECT array_agg(DISTINCT status::text) FROM offers WHERE event_id = $1",
                self.sale.event_id,
            )
        return set(ended or ()) >= ENDS

    async def let_go(self) -> None:
        """End: everybody finishes; people who cannot are shown."""
        self.sale.close()
        done, still = await asyncio.wait(self.tasks, timeout=_FINISH_S)
        for task in done:
            task.result()
        for task in list(still)[:5]:
            task.print_stack()
        assert not still, f"{len(still)} are still at it: {self.sale.counts}"

    async def kill_redis(self) -> None:
        """Kill Redis with all its data."""
        with self.stalls.outage():
            self.site.redis.kill()
            self.sale.book.redis_dies()
            await asyncio.sleep(0.3)
            await self.site.redis.start()
            await self.sale.insist(
                "rebuild", lambda: self.sale.runtime.live.reading.snapshot(self.sale.event_id)
            )


@asynccontextmanager
async def on_sale(site: Site, size: Size = SIZE, *, seed: int = 1) -> AsyncIterator[Run]:
    """People come when the block begins."""
    for role in ROLES:
        site.kill(role)
    async with AsyncExitStack() as stack:
        runtime = await stack.enter_async_context(a_runtime(site))
        processes = await stack.enter_async_context(Processes(site))
        stalls = await stack.enter_async_context(Stalls())
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=processes.url("api"),
                timeout=20,
                trust_env=False,
                limits=httpx.Limits(max_connections=50),
            )
        )
        event_id = await make_event(
            runtime,
            layout=hall(rows=size.rows, floor=size.floor),
            buyer_limit=6,
            hold_ttl_s=size.hold_ttl_s,
        )
        async with runtime.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE events SET payment_window_s = 5, version = version + 1 WHERE event_id = $1",
                event_id,
            )
        await runtime.live.settling.refresh_terms(event_id)
        await runtime.events.blocks.block(event_id, list(BLOCKED), actor=ORGANISER)
        sale = Sale(
            runtime,
            event_id,
            hold_ttl_s=size.hold_ttl_s,
            offer_window_s=size.offer_window_s,
            seed=seed,
        )
        seats = 25 * 4 * size.rows
        subscribers = Subscribers(sale, EngineDoor(runtime, event_id))
        await subscribers.buy(range(BLOCKED.stop, seats * 9 // 10))
        sale.mark("opens at")
        run = Run(site, sale, stalls, processes, [], [])
        for people in _people(sale, size, EngineDoor(runtime, event_id), HttpDoor(http, event_id)):
            run.tasks.append(asyncio.create_task(people))
        cancelling = subscribers.cancel_some(size.lasts_s * 0.8)
        run.tasks.append(asyncio.create_task(cancelling))
        run.tasks.append(asyncio.create_task(sale.audited(run.violations, stalls)))
        try:
            yield run
        finally:
            for task in run.tasks:
                task.cancel()


def _people(sale: Sale, size: Size, engine: EngineDoor, http: HttpDoor) -> list[Any]:
    """Half of the buyers come early, the others all the time; waiting people come when nothing is left."""
    rush_s, late_s = size.lasts_s * 0.2, size.lasts_s * 0.8
    come: list[Any] = []
    for n in range(size.buyers):
        door = engine if n % HTTP_EVERY else http
        arrives_s = sale.random.uniform(0, rush_s if n % 2 else late_s)
        come.append(Buyer(sale, door).come(arrives_s))
    for n in range(size.waiting):
        door = engine if n % HTTP_EVERY else http
        come.append(Waiter(sale, door).come(sale.random.uniform(0, late_s / 2)))
    come += [Buyer(sale, engine).snipe() for _ in range(10)]
    organiser = Organiser(sale)
    return [*come, sale.post(), organiser.unblock(BLOCKED[: -len(SPARE)]), organiser.meddle()]


# Afterwards


async def _everybody_goes_home(run: Run) -> None:
    """The organiser dismisses the waitlist; holds end by themselves."""
    sale = run.sale
    dismiss = partial(
        sale.runtime.waitlist.admin.dismiss,
        sale.event_id,
        reason="It has begun.",
        actor=ORGANISER,
    )
    await sale.insist("dismiss", dismiss)
    end = time.monotonic() + _FINISH_S
    while left := await _left(run):
        assert time.monotonic() < end, (left, run.sale.counts)
        await asyncio.sleep(0.1)


async def _left(run: Run) -> list[str]:
    """Remaining holds, and whether anything is kept for the waitlist."""
    runtime, event_id = run.sale.runtime, run.sale.event_id
    reply = await runtime.live.running.run("claims", event_id)
    held = [f"{hold[3].decode()} for {int(hold[1]) - int(reply[1])} ms" for hold in reply[9]]
    return [*held, "somebody waits"] if reply[10] == b"1" else held


def _report(run: Run, log: Log, after_s: list[float], stalled_s: float) -> None:
    """A report of the run, for manual runs (pytest -s)."""
    by_status: dict[str, int] = {}
    for offer in log.offers:
        by_status[offer.status] = by_status.get(offer.status, 0) + 1
    counted = f"{len(log.people)} entries, {len(log.rounds)} rounds, {len(log.skips)} skips"
    print(f"\n{counted}, {len(run.sale.book.held)} holds; stalled {stalled_s:.1f} s")
    print(f"offers: {by_status}")
    if after_s:
        ordered = sorted(after_s)
        p99 = ordered[int(0.99 * (len(ordered) - 1))]
        print(
            f"moved on: {len(ordered)}, p50 {ordered[len(ordered) // 2]:.3f} s,"
            f" p99 {p99:.3f} s, worst {ordered[-1]:.3f} s"
        )
    print(dict(sorted(run.sale.counts.items())))
    run.sale.mark("read at")
    print(run.sale.timeline)


async def _judge(run: Run) -> None:
    """Check the invariants of the whole run."""
    sale = run.sale
    sale.mark("over at")
    await run.let_go()
    sale.mark("all done at")
    await _everybody_goes_home(run)
    log = await read_log(sale.runtime, sale.event_id)
    moved = moves(log)
    late = {
        move.offer.offer_id: move.after_s
        - run.stalls.within(move.over, move.over + timedelta(seconds=move.after_s))
        for move in moved
        if move.after_s is not None
    }
    _report(run, log, list(late.values()), sum(s.total_seconds() for _, s in run.stalls.times))
    assert sale.surprises == []
    verdict = check(log)
    assert verdict.faults == [], str(verdict)
    assert sniped(log, [held.grip() for held in sale.book.held], sale.book.freed) == []
    assert [m.offer for m in moved if m.after_s is None] == []
    assert {offer_id: s for offer_id, s in late.items() if s > MOVES_ON_S} == {}
    assert run.violations == []
    # The run counts: every kind of event has happened.
    ended = {offer.status for offer in log.offers}
    assert ended >= ENDS
    assert log.skips
    assert verdict.proved >= PROVED
    await check_truth(run.site, sale.event_id)


@pytest.mark.timeout(600)
@pytest.mark.rough
async def test_returned_seats_go_to_the_waitlist_in_its_order(site: Site) -> None:
    async with on_sale(site) as run:
        await run.sold_out()
        await run.let_pass(SIZE.lasts_s)
        await run.let_enough_happen()
        await _judge(run)


@pytest.mark.timeout(600)
@pytest.mark.rough
async def test_returned_seats_go_to_the_waitlist_in_its_order_despite_kills(site: Site) -> None:
    """Kills each worker in turn, both at once, and Redis with all its data."""
    async with on_sale(site, seed=2) as run:
        await run.sold_out()
        await run.let_pass(SIZE.lasts_s * 0.4)
        run.processes.kill("worker 0")
        await run.let_pass(1)
        engine = EngineDoor(run.sale.runtime, run.sale.event_id)
        offer_id = await Undecided(run.sale, engine).offered(SPARE, window_s=THINKS_S)
        before = await _open_offers(run)
        await run.kill_redis()
        await _still_stand(run, before, offer_id)
        await run.processes.start("worker 0")
        run.processes.kill("worker 1")
        await run.let_pass(SIZE.lasts_s * 0.15)
        with run.stalls.outage():
            run.processes.kill("worker 0")
            await run.let_pass(0.5)
            await run.processes.start("worker 0", "worker 1")
        await run.let_pass(SIZE.lasts_s * 0.3)
        await run.let_enough_happen()
        await _judge(run)
        assert [c for c in run.sale.counts if "redis-unavailable" in c]


async def _open_offers(run: Run) -> dict[str, Any]:
    async with run.sale.runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT offer_id::text, seats, expires_at FROM offers"
            " WHERE event_id = $1 AND status = 'open' AND seats <> '{}'",
            run.sale.event_id,
        )
    return {row["offer_id"]: row for row in rows}


async def _still_stand(run: Run, before: dict[str, Any], offer_id: str) -> None:
    """Check that offers that were open when Redis died keep seats and deadline: that of ``offer_id``,
    and those that have neither been answered since nor lapsed.
    """
    claims = await run.sale.insist(
        "look", lambda: run.sale.runtime.live.running.run("claims", run.sale.event_id)
    )
    owners = dict(zip(claims[5][::2], claims[5][1::2], strict=True))
    due = {hold[0].decode(): int(hold[1]) for hold in claims[9] if hold[3] == b"offered"}
    stand = before.keys() & due.keys()
    assert offer_id in stand
    for row in map(before.__getitem__, stand):
        assert due[row["offer_id"]] == ms_from_utc(row["expires_at"])
        for seat in row["seats"]:
            assert owners[str(seat).encode()].decode() == row["offer_id"]
