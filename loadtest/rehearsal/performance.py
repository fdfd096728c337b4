"""One rehearsal from end to end: read, copy, open, let everybody come, wait, judge."""

import asyncio
import contextlib
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from msgspec import Struct

from engine.base.config import Settings
from engine.base.data_folder import StartError
from engine.catalog.model import Event, Facts
from engine.local import embedded
from engine.local.terminal import OnProgress
from loadtest.processes import REPO
from loadtest.rehearsal.buyers import Plan, Site, plan
from loadtest.rehearsal.crowd import Crowd, Record
from loadtest.rehearsal.curves import Curve, arrivals_s
from loadtest.rehearsal.original import Original, govern, make_copy, read_original
from loadtest.rehearsal.report import (
    Machine,
    Propagation,
    Report,
    Setting,
    Subject,
    quantile,
    step_times,
    timeline,
)
from loadtest.rehearsal.stage import Stage, stage
from loadtest.rehearsal.verdict import (
    judge,
    opening_prices,
    orphans,
    price_changes,
    read_books,
    until_quiet,
)

_SAMPLE_S = 0.25
#: At most this many buyers open the live map: a map of a large house is work for this process too.
_LIVE_MAX = 1000


class Wanted(Struct, frozen=True, kw_only=True):
    """What to rehearse. ``keep``: the folder to leave the copy's stores in."""

    event_id: str
    curve: Curve
    setting: Setting
    keep: Path | None = None


#: Places of the copy as sampled: (seconds from the opening, free to hold).
_Samples = list[tuple[float, int]]


async def rehearse(yours: Settings, wanted: Wanted, say: OnProgress) -> Report:
    """Rehearse an event of the stores in ``yours``. Nothing there is changed.

    Raises NotFound (no such event), Unavailable, StartError (what it needs does not start).
    """
    say("reading the event")
    original = await read_original(yours, wanted.event_id)
    with contextlib.ExitStack() as ending:
        folder = wanted.keep or Path(
            ending.enter_context(tempfile.TemporaryDirectory(prefix="frontrow-rehearsal-"))
        )
        say("starting stores and processes of the copy's own")
        async with stage(folder, yours) as ready:
            say("copying the event")
            copy = await make_copy(ready.runtime, original)
            facts = await ready.runtime.catalog.facts(copy.event_id)
            opening = (await ready.runtime.live.reading.snapshot(copy.event_id)).states
            sale = await _sell(ready, original, copy, facts, wanted, say)
            say("auditing")
            return await _look_back(ready, original, copy, opening, wanted.setting, sale)


@dataclass
class _Sale:
    """The record of the sale. Shares are of one core, ``busy_share`` of all cores."""

    minds: Sequence[Plan]
    record: Record
    free: _Samples
    opened_at: float
    ended_s: float
    cpu_shares: dict[str, float]
    busy_share: float
    propagation: Propagation | None


async def _sell(
    ready: Stage, original: Original, copy: Event, facts: Facts, wanted: Wanted, say: OnProgress
) -> _Sale:
    """Let everybody come, and wait until everything has ended."""
    setting = wanted.setting
    minds = _minds(copy, wanted)
    crowd = Crowd(
        Site(
            event_id=copy.event_id,
            row_of=facts.layout.seats.row,
            area_capacities=[area.capacity for area in facts.layout.areas],
        ),
        api_port=ready.settings.api_port,
        live_port=ready.settings.live_port,
        connections=setting.connections,
    )
    say("opening the maps of those who only watch")
    async with _watching(ready, copy.event_id, setting.watchers) as watchers:
        await govern(ready.runtime, copy.event_id, original)
        opened_at, used = time.time(), _Usage(ready)
        async with _looking(ready, copy.event_id, crowd, say, setting.buyers) as free:
            record = await crowd.serve(minds)
        ended_s = crowd.elapsed_s
        cpu_shares, busy_share = used.shares(ended_s)
        ready.check()
        say("waiting until every payment has ended")
        await until_quiet(ready.runtime, copy.event_id)
        say("comparing every map")
        propagation = await watchers.end()
    return _Sale(minds, record, free, opened_at, ended_s, cpu_shares, busy_share, propagation)


def _minds(copy: Event, wanted: Wanted) -> list[Plan]:
    setting = wanted.setting
    return plan(
        arrivals_s(wanted.curve, setting.buyers, setting.duration_s, setting.seed),
        mix=setting.mix,
        parties=setting.parties,
        buyer_limit=copy.buyer_limit,
        think_s=setting.think_s,
        live_every=max(1, -(-setting.buyers // _LIVE_MAX)),
        seed=setting.seed,
    )


async def _look_back(
    ready: Stage, original: Original, copy: Event, opening: bytes, setting: Setting, sale: _Sale
) -> Report:
    """Read the books, judge, and make the report. ``opening``: the states of the seats at the opening."""
    runtime, event_id, record = ready.runtime, copy.event_id, sale.record
    facts = await runtime.catalog.facts(event_id)
    prices = await opening_prices(runtime, event_id, sale.opened_at)
    books = await read_books(runtime, event_id, prices)
    maps = sale.propagation
    wrong_maps = None if maps is None else maps.divergences + maps.out_of_step
    verdict = await judge(runtime, event_id, books, record.memories, wrong_maps)
    last = await runtime.live.reading.snapshot(event_id)
    taken = sum(area.capacity - last.areas[no] for no, area in enumerate(facts.layout.areas))
    blocked = opening.count(b"3")
    for_sale = copy.place_count - blocked
    return Report(
        subject=_subject(original, copy, prices, blocked),
        setting=setting,
        all_taken_s=next((at_s for at_s, count in sale.free if 200 * count <= for_sale), None),
        sold_out_s=_sold_out_s(record, for_sale),
        ended_s=sale.ended_s,
        outcomes=dict(record.outcomes.most_common()),
        bookings=len(books.bookings),
        places_sold=books.sold_places,
        places_left=last.states.count(b"0") + sum(last.areas.values()),
        places_held=last.states.count(b"1") + taken - books.area_places_sold,
        holds_placed=sum(memory.held for memory in record.memories),
        holds_refused=dict(
            Counter(why for memory in record.memories for why in memory.refusals).most_common()
        ),
        orphan_seats=orphans(facts, opening, last.states),
        steps=step_times(record),
        propagation=maps,
        revenue_minor=books.booked_minor,
        sold=books.sold,
        price_changes=await price_changes(runtime, event_id, sale.opened_at),
        timeline=timeline(record, [mind.arrives_s for mind in sale.minds], sale.free, sale.ended_s),
        verdict=verdict,
        machine=await _machine(ready, sale),
    )


def _subject(original: Original, copy: Event, prices: dict[str, int], blocked: int) -> Subject:
    return Subject(
        event_id=original.event.event_id,
        name=copy.name,
        venue=copy.venue.name,
        currency=copy.currency,
        seats=copy.seat_count,
        places=copy.place_count,
        blocked=blocked,
        buyer_limit=copy.buyer_limit,
        hold_ttl_s=copy.hold_ttl_s,
        opening_prices=prices,
        has_rules=any(state.mode == "rule" for state in original.governed),
    )


def _sold_out_s(record: Record, for_sale: int) -> float | None:
    """When the last place was on somebody's receipt."""
    sold = 0
    for at_s, places in record.sold_s:
        sold += places
        if sold >= for_sale:
            return at_s
    return None


# Looking on


@contextlib.asynccontextmanager
async def _looking(
    ready: Stage, event_id: str, crowd: Crowd, say: OnProgress, buyers: int
) -> AsyncIterator[_Samples]:
    """Samples the free places, without the API, during the sale."""
    free: _Samples = []

    async def sample() -> None:
        while True:
            at_s = crowd.elapsed_s
            seen = await ready.runtime.live.reading.snapshot(event_id)
            left = seen.states.count(b"0") + sum(seen.areas.values())
            free.append((max(0.0, at_s), left))
            ended, sold = crowd.record.ended, sum(n for _, n in crowd.record.sold_s)
            say(f"on sale: {sold:,} places sold, {left:,} free", ended, buyers)
            await asyncio.sleep(_SAMPLE_S)

    task = asyncio.create_task(sample())
    try:
        yield free
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Watchers:
    """The process with the open maps, if there are any."""

    def __init__(self, process: asyncio.subprocess.Process | None, count: int) -> None:
        self._process = process
        self._count = count

    async def connected(self) -> None:
        """Wait until every watcher has its whole map."""
        await self._read_line()

    async def end(self) -> Propagation | None:
        """Compare every map with the truth, close, and report."""
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        seen = await self._read_line()
        times = seen["propagation"]["change"]
        return Propagation(
            watchers=self._count,
            still_open=seen["open"],
            p50_ms=times["p50_ms"],
            p99_ms=times["p99_ms"],
            max_ms=times["max_ms"],
            divergences=seen["divergences"],
            out_of_step=seen["out_of_step"],
        )

    async def _read_line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise StartError(
                f"the program that watches ended ({await self._process.wait()}); "
                "take fewer --watchers"
            )
        seen: dict[str, Any] = json.loads(line)
        return seen

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
        if self._process is not None:
            await self._process.wait()


@contextlib.asynccontextmanager
async def _watching(ready: Stage, event_id: str, count: int) -> AsyncIterator[_Watchers]:
    if not count:
        yield _Watchers(None, 0)
        return
    settings = ready.settings
    command = [
        *(sys.executable, "-m", "loadtest.watchers"),
        f"ws://127.0.0.1:{settings.live_port}/v1/live/{event_id}",
        *("--count", str(count), "--redis", ready.urls.redis_url),
        *("--api", f"http://127.0.0.1:{settings.api_port}"),
    ]
    process = await asyncio.create_subprocess_exec(
        *embedded.leashed(command, signal.SIGKILL),
        cwd=REPO,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    watchers = _Watchers(process, count)
    ready.pids["watchers"] = process.pid
    try:
        await watchers.connected()
        yield watchers
    finally:
        await watchers.close()


# The machine


class _Usage:
    """Processor time used from now on."""

    def __init__(self, ready: Stage) -> None:
        self._ready = ready
        self._before, self._ours, self._all = ready.cpu_s(), time.process_time(), psutil.cpu_times()

    def shares(self, elapsed_s: float) -> tuple[dict[str, float], float]:
        """Shares of each process, of one core; and of all programs, of all cores."""
        used = {name: after - self._before[name] for name, after in self._ready.cpu_s().items()}
        used["buyers"] = time.process_time() - self._ours
        now = psutil.cpu_times()
        spent = {name: getattr(now, name) - getattr(self._all, name) for name in now._fields}
        # Guest time is already part of user time.
        total = sum(seconds for name, seconds in spent.items() if not name.startswith("guest"))
        idle = spent["idle"] + spent.get("iowait", 0.0)
        shares = {name: round(seconds / elapsed_s, 3) for name, seconds in used.items()}
        return shares, round(1 - idle / total, 3) if total else 0.0


async def _machine(ready: Stage, sale: _Sale) -> Machine:
    late_ms = sorted(1000 * late for late in sale.record.left_late_s)
    redis: dict[str, Any] = await ready.runtime.stores.redis.client.info("server")
    return Machine(
        started_at=datetime.fromtimestamp(sale.opened_at, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        system=platform.platform(),
        versions={
            "Python": platform.python_version(),
            "PostgreSQL": (await ready.runtime.stores.view.ping()).partition(" ")[0],
            "Redis": str(redis["redis_version"]),
        },
        cpu_shares=sale.cpu_shares,
        busy_share=sale.busy_share,
        left_late_p50_ms=round(quantile(late_ms, 0.5), 1),
        left_late_p99_ms=round(quantile(late_ms, 0.99), 1),
    )


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


__all__ = ["Wanted", "rehearse"]
