"""``make bench``: every speed claim as a ratio (or a time) taken in one run, with its raw figures.

    python -m loadtest.bench [--only KEY …] [--repeat N] [--output bench.json]

Starts its own stores and processes in a temporary folder and prints each figure as minimum, median
and maximum over the repeats. ``bench.json`` keeps the median under each key, and beside it the measured
values. A limit is always measured in turn with the figure compared with it (A B A B …), so that a
machine that changes its speed changes both.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import uvloop

from engine.base.model import new_id
from engine.local.terminal import progress_line
from loadtest import best_seats_bench, engine_bench, fanout_bench
from loadtest.clients import http_client
from loadtest.stack import REPO, Bench, Figure, running

#: Buyers of an on-sale come by the hundred; with fewer, client, API and Redis wait for each other.
_CONNECTIONS = 128

#: DESIGN §9: the target of each figure. A ratio "at least", a time or a cost "at most".
BARS: dict[str, tuple[str, float]] = {
    "hold_http_vs_noop": (">=", 0.70),
    "book_batched_vs_single": (">=", 6.0),
    "hold_cost_200k_vs_2k": ("<=", 1.1),
    "rebuild_20k_ms": ("<=", 100.0),
    "hold_cpu_ms": ("<=", 0.2),
    "booking_cpu_ms": ("<=", 0.6),
    "contention_50x10_ms": ("<=", 100.0),
    "best_seats_p99_ms": ("<=", 15.0),
    "fanout_cpu_vs_write": ("<=", 1.3),
    "fanout_cpu_vs_broadcast": ("<=", 1.0),
    "watcher_kib": ("<=", 16.0),
    "propagation_p99_ms": ("<=", 150.0),
}
#: Requests per second of the empty handler on the machine for which the targets in ms were set.
DESIGN_NOOP_PER_S = 13_200


async def hold_http_vs_noop(bench: Bench) -> Figure:
    """Holds per second over HTTP by one API process, against an empty handler with the same body."""
    requests, turns = 9000, 9
    event_id = await bench.event(2 * requests + 2)
    prepared = list(_hold_requests(bench, event_id, requests))
    size = requests // turns
    noop, hold = http_client.Result(), http_client.Result()
    for turn in range(turns):
        part = prepared[turn * size : (turn + 1) * size]
        answers = [await _drive(port, part) for port in (bench.noop_port, bench.api_port)]
        if turn:  # the first one is a warm-up
            noop.add(answers[0])
            hold.add(answers[1])
    _expect(hold, 201)
    return Figure(
        hold.per_second / noop.per_second,
        {"hold_per_s": hold.per_second, "noop_per_s": noop.per_second}
        | _percentiles("hold", hold.latencies_s),
    )


async def hold_cpu_ms(bench: Bench) -> Figure:
    """CPU of all server processes together per hold of two seats over HTTP."""
    requests = 5000
    event_id = await bench.event(2 * requests + 2)
    prepared = list(_hold_requests(bench, event_id, requests))
    await _drive(bench.api_port, prepared[:500])
    before = bench.server_cpu_s()
    result = await _drive(bench.api_port, prepared[500:])
    used = bench.server_cpu_s() - before
    _expect(result, 201)
    done = result.statuses[201]
    return Figure(
        1000 * used / done, {"server_cpu_s": used, "holds": done, "per_s": result.per_second}
    )


async def booking_cpu_ms(bench: Bench) -> Figure:
    """CPU of all server processes per hold and paid booking over HTTP, until the map shows it sold."""
    bookings = 2500
    event_id = await bench.event(2 * bookings + 2)
    hold_ids = [new_id() for _ in range(bookings)]
    holds = _hold_requests(bench, event_id, bookings, hold_ids)
    books = (
        http_client.book(hold_id, token)
        for hold_id, token in zip(hold_ids, itertools.cycle(bench.tokens), strict=False)
    )
    before = bench.server_cpu_s()
    held = await _drive(bench.api_port, list(holds))
    booked = await _drive(bench.api_port, list(books), connections=2 * _CONNECTIONS)
    while (await bench.runtime.live.reading.snapshot(event_id)).states.count(b"2") < 2 * bookings:
        await asyncio.sleep(0.01)
    used = bench.server_cpu_s() - before
    _expect(held, 201)
    _expect(booked, 201)
    return Figure(
        1000 * used / bookings,
        {"server_cpu_s": used, "bookings": bookings, "bookings_per_s": booked.per_second}
        | _percentiles("book", booked.latencies_s),
    )


async def book_batched_vs_single(bench: Bench) -> Figure:
    """Reserve and confirm with all bookkeeping: batches, with 512 buyers (two full ones) under way,
    against one call each over 8 connections, which is as busy."""
    bookings, turns = 2048, 2
    # Redis gets nothing of what the ledger alone does, and a worker would correct thousands of seats
    # while the next ones are booked.
    event_id = await bench.event(4 * bookings * turns, is_over=True)
    single_s = batched_s = 0.0
    for turn in range(turns):
        first = 2 * bookings * turn
        alone, together = (
            range(first, first + bookings),
            range(first + bookings, first + 2 * bookings),
        )
        single = await engine_bench.book_single(bench.runtime, event_id, alone, connections=8)
        batched = await engine_bench.book_batched(
            bench.runtime, event_id, together, concurrency=512
        )
        single_s, batched_s = single_s + bookings / single, batched_s + bookings / batched
    raw = {
        name: bookings * turns / took_s
        for name, took_s in (("batched_per_s", batched_s), ("single_per_s", single_s))
    }
    return Figure(single_s / batched_s, raw)


async def hold_cost_200k_vs_2k(bench: Bench) -> Figure:
    """Time of the same holds (then released) in a house of 200,000 seats, against 2,000."""
    large, small = await _two_houses(bench)
    times: dict[str, list[float]] = {large: [], small: []}
    for _ in range(7):
        for event_id in (small, large):
            times[event_id].append(await engine_bench.hold_cost_s(bench.runtime, event_id, 900))
    small_us = 1e6 * statistics.median(times[small][1:])
    large_us = 1e6 * statistics.median(times[large][1:])
    return Figure(large_us / small_us, {"hold_200k_us": large_us, "hold_2k_us": small_us})


_HOUSES: dict[int, tuple[str, str]] = {}


async def _two_houses(bench: Bench) -> tuple[str, str]:
    # A house of 200,000 seats takes seconds to publish, and each repeat leaves it as it was.
    if id(bench) not in _HOUSES:
        _HOUSES[id(bench)] = (await bench.event(200_000), await bench.event(2_000))
    return _HOUSES[id(bench)]


async def rebuild_20k_ms(bench: Bench) -> Figure:
    """Time to load the state of a 20,000-seat event into an empty Redis."""
    event_id = await bench.event(20_000)
    await engine_bench.book_batched(bench.runtime, event_id, range(1500), concurrency=256)
    times = []
    for _ in range(5):
        await engine_bench.forget(bench.runtime, event_id)
        started = time.perf_counter()
        await bench.runtime.live.rebuilding.rebuild(event_id)
        times.append(1000 * (time.perf_counter() - started))
    return Figure(statistics.median(times), {"min_ms": min(times), "max_ms": max(times)})


async def contention_50x10_ms(bench: Bench) -> Figure:
    """50 buyers compete for the same 10 seats until each has booked one or all are gone."""
    event_id = await bench.event(10)
    chance = random.Random(7)
    winners: list[int] = []
    scripts = [
        _fight(event_id, token, chance.sample(range(10), 10), winners)
        for token in bench.tokens[:50]
    ]
    result = await http_client.run("127.0.0.1", bench.api_port, scripts)
    states = (await bench.runtime.live.reading.snapshot(event_id)).states
    if sorted(winners) != list(range(10)) or states != b"2" * 10:
        raise RuntimeError(f"winners of seats {winners}, map {states!r}")
    return Figure(1000 * result.elapsed_s, {"requests": sum(result.statuses.values())})


def _fight(event_id: str, token: str, wishes: list[int], winners: list[int]) -> http_client.Script:
    """One buyer: tries seat after seat until one is booked or none is left."""
    for seat_no in wishes:
        status, body = yield http_client.hold(event_id, [seat_no], token)
        if status != 201:
            continue
        status, _ = yield http_client.book(json.loads(body)["hold_id"], token)
        if status == 201:
            winners.append(seat_no)
            return


MEASURES: dict[str, Callable[[Bench], Awaitable[Figure]]] = {
    measure.__name__: measure
    for measure in (
        hold_http_vs_noop,
        book_batched_vs_single,
        hold_cost_200k_vs_2k,
        rebuild_20k_ms,
        hold_cpu_ms,
        booking_cpu_ms,
        contention_50x10_ms,
        best_seats_bench.best_seats_p99_ms,
        fanout_bench.fanout_cpu_vs_write,
        fanout_bench.fanout_cpu_vs_broadcast,
        fanout_bench.watcher_kib,
        fanout_bench.propagation_p99_ms,
        fanout_bench.propagation_10k_p99_ms,
    )
}


def _hold_requests(
    bench: Bench, event_id: str, count: int, hold_ids: list[str] | None = None
) -> Iterator[bytes]:
    tokens = itertools.cycle(bench.tokens)
    for number in range(count):
        hold_id = hold_ids[number] if hold_ids is not None else None
        yield http_client.hold(event_id, [2 * number, 2 * number + 1], next(tokens), hold_id)


async def _drive(
    port: int, requests: list[bytes], *, connections: int = _CONNECTIONS
) -> http_client.Result:
    return await http_client.run("127.0.0.1", port, http_client.share(requests, connections))


def _expect(result: http_client.Result, status: int) -> None:
    if set(result.statuses) != {status}:
        raise RuntimeError(f"expected {status} only, saw {dict(result.statuses)}")


def _percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name}_p50_ms": 1000 * cuts[49], f"{name}_p99_ms": 1000 * cuts[98]}


# The report


async def measure_all(keys: list[str], repeat: int) -> dict[str, list[Figure]]:
    """Every measurement, by figure; prints the name of each before it runs, and then its result."""
    started, total = time.monotonic(), repeat * len(keys)
    figures: dict[str, list[Figure]] = {key: [] for key in keys}
    with tempfile.TemporaryDirectory(prefix="frontrow-bench-") as folder:
        # The embedded PostgreSQL may run as another user than the one who made the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        print("bench: starting stores and processes", flush=True)
        async with running(Path(folder) / "data") as bench:
            for number, key in enumerate(keys * repeat):
                line = progress_line("bench", time.monotonic() - started, key, number, total)
                print(f"{line} …", end=" ", flush=True)
                figures[key].append(await MEASURES[key](bench))
                await bench.leave_events()
                print(f"{figures[key][-1].value:.3f}", flush=True)
    return figures


def report(figures: dict[str, list[Figure]]) -> dict[str, Any]:
    """Prints the table; returns the content of ``bench.json``."""
    medians: dict[str, Any] = {}
    raw: dict[str, Any] = {}
    print(f"\n{'figure':26}{'min':>10}{'median':>10}{'max':>10}   target")
    for key, taken in figures.items():
        values = sorted(figure.value for figure in taken)
        median = statistics.median(values)
        verdict = _verdict(key, median)
        print(f"{key:26}{values[0]:10.3f}{median:10.3f}{values[-1]:10.3f}   {verdict}")
        medians[key] = round(median, 4)
        raw[key] = {
            "min": round(values[0], 4),
            "max": round(values[-1], 4),
            "repeats": len(values),
            "raw_medians": {
                name: round(statistics.median(figure.raw[name] for figure in taken), 3)
                for name in taken[0].raw
            },
        }
        print("    " + ", ".join(f"{k} {v:g}" for k, v in raw[key]["raw_medians"].items()))
    return medians | {"details": raw, "machine": machine(), "taken_on": f"{datetime.now(UTC):%F}"}


def machine() -> dict[str, Any]:
    """The machine of the figures."""
    return {
        "cpu": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _cpu_model() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    return platform.processor() or "unknown"


def _verdict(key: str, median: float) -> str:
    if key not in BARS:
        return "no target"
    sign, bar = BARS[key]
    holds = median >= bar if sign == ">=" else median <= bar
    return f"{sign} {bar} {'met' if holds else 'NOT MET'}"


def at_design_pace(key: str, kept: dict[str, Any]) -> float | None:
    """A figure in milliseconds as it would be on a machine whose empty handler serves ``DESIGN_NOOP_PER_S``.

    None for a ratio, which needs no such translation. The verdict is on the figure as measured.
    """
    if not key.endswith("_ms"):
        return None
    noop_per_s: float = kept["details"]["hold_http_vs_noop"]["raw_medians"]["noop_per_s"]
    median: float = kept[key]
    return median * noop_per_s / DESIGN_NOOP_PER_S


#: Markers around the table of figures in a document.
_BEGIN, _END = "<!-- figures: begin. Written by make bench. -->\n", "<!-- figures: end -->"


def table(kept: dict[str, Any]) -> str:
    """The figures of a ``bench.json`` as a table for people: what, target, median, spread, raw figures."""
    told = kept["machine"]
    lines = [
        f"Taken on {kept['taken_on']}: {told['cpu_count']} × {told.get('cpu', told['machine'])}, "
        f"{told['memory_gib']:g} GiB, {told['system']}, Python {told['python']}.",
        "",
        "| key | measured | target | median | at the design's pace | least to most | raw medians |",
        "|---|---|---|---|---|---|---|",
    ]
    for key, measure in MEASURES.items():
        taken = kept["details"][key]
        how = " ".join((measure.__doc__ or "").split())
        verdict = _verdict(key, kept[key])
        spread = f"{taken['min']:.4g} to {taken['max']:.4g} ({taken['repeats']} ×)"
        raw = ", ".join(f"{name} {value:,.4g}" for name, value in taken["raw_medians"].items())
        paced = at_design_pace(key, kept)
        pace = "" if paced is None else f"{paced:.3g}"
        lines.append(
            f"| `{key}` | {how} | {verdict} | {kept[key]:.4g} | {pace} | {spread} | {raw} |"
        )
    return "\n".join(lines) + "\n"


def write_table(document: Path, kept: dict[str, Any]) -> None:
    """Put the table in its place in the document. Raises ValueError if the document has none."""
    before, begin, rest = document.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{document} has no place for the figures: {_BEGIN.strip()} … {_END}")
    document.write_text(f"{before}{begin}\n{table(kept)}\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), metavar="KEY")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--output", type=Path, default=REPO / "bench.json")
    parser.add_argument("--document", type=Path, default=REPO / "docs" / "performance.md")
    options = parser.parse_args()
    keys = options.only or list(MEASURES)
    figures = uvloop.run(measure_all(keys, max(1, options.repeat)))
    kept = report(figures)
    if options.only is None:
        options.output.write_text(json.dumps(kept, indent=2) + "\n")
        write_table(options.document, kept)
        print(f"\nbench: the figures are in {options.output}, their table in {options.document}")
    else:
        print("\nbench: nothing was written, because only some figures were taken")


if __name__ == "__main__":
    main()
