"""How speed depends on size: throughput and p99 as the site grows, drawn as pictures.

    python -m loadtest.scale [--only CURVE …] [--output scale.json] [--pictures docs/images]

Each curve varies one thing and leaves the rest as ``make bench`` has it, on stores and processes of its
own. The steps of a curve are taken up and down again (1 2 4 … 4 2 1) and each is shown by its median, so
that a machine that changes its speed bends no curve.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from msgspec import Struct

from engine.base import charts
from engine.base.model import new_id
from loadtest import fanout_bench, waitlist
from loadtest.bench import machine
from loadtest.clients import http_client
from loadtest.stack import REPO, Bench, api_process, running

#: As many connections as ``make bench`` uses for holds.
_CONNECTIONS = 128
#: A worker visits each event once in this time; a shorter measurement sees some of the visits, or all at once.
_SECONDS_IDLE = 15.0

Point = dict[str, float]


class Panel(Struct, frozen=True):
    """A title and the measures drawn under it, on one scale that begins at 0."""

    title: str
    measures: Sequence[str]


class Curve(Struct, frozen=True):
    """One growing quantity: its steps, the measurement of a step, and the panels drawn of it."""

    title: str
    #: The growing quantity; the label of the axis.
    axis: str
    steps: Sequence[int]
    measure: Callable[[Bench, int], Awaitable[Point]]
    panels: Sequence[Panel]
    #: Upwards only, if a step takes minutes.
    there_and_back: bool = True


async def _hold(ports: Sequence[int], bench: Bench, event_ids: Sequence[str], count: int) -> Point:
    """``count`` holds of two seats, spread over the ports and the events."""
    tokens = itertools.cycle(bench.tokens)
    seats: dict[str, itertools.count[int]] = {e: itertools.count(0, 2) for e in event_ids}
    requests = []
    for event_id in itertools.islice(itertools.cycle(event_ids), count):
        first = next(seats[event_id])
        requests.append(http_client.hold(event_id, [first, first + 1], next(tokens), new_id()))
    shares = [requests[number :: len(ports)] for number in range(len(ports))]
    results = await asyncio.gather(
        *(
            http_client.run("127.0.0.1", port, http_client.share(share, _CONNECTIONS // len(ports)))
            for port, share in zip(ports, shares, strict=True)
        )
    )
    for result in results:
        if set(result.statuses) != {201}:
            raise RuntimeError(f"expected 201 only, saw {dict(result.statuses)}")
    latencies = [one for result in results for one in result.latencies_s]
    cuts = statistics.quantiles(latencies, n=100)
    elapsed_s = max(result.elapsed_s for result in results)
    return {
        "holds_per_s": count / elapsed_s,
        "hold_p50_ms": 1000 * cuts[49],
        "hold_p99_ms": 1000 * cuts[98],
    }


async def with_api_processes(bench: Bench, count: int) -> Point:
    """Holds in one event of 20,000 seats, with buyers spread over this many API processes."""
    async with contextlib.AsyncExitStack() as ending:
        ports = [bench.api_port]
        ports += [await ending.enter_async_context(api_process(bench)) for _ in range(count - 1)]
        event_id = await bench.event(20_000)
        await _hold(ports, bench, [event_id], 1_000)
        return await _hold(ports, bench, [await bench.event(20_000)], 8_000)


async def in_a_house_of(bench: Bench, seats: int) -> Point:
    """Holds in one event with this many seats."""
    event_id = await _house(bench, seats)
    await bench.runtime.live.rebuilding.rebuild(event_id)
    point = await _hold([bench.api_port], bench, [event_id], min(seats // 2 - 1, 4_000))
    # The same house is used again in the next turn, empty: holds are not in PostgreSQL.
    await _forget(bench, event_id)
    return point


_HOUSES: dict[int, str] = {}


async def _house(bench: Bench, seats: int) -> str:
    if seats not in _HOUSES:
        _HOUSES[seats] = await bench.event(seats)
    return _HOUSES[seats]


async def _forget(bench: Bench, event_id: str) -> None:
    keys = [
        key
        async for key in bench.runtime.stores.redis.client.scan_iter(
            match=f"{{{event_id}}}*", count=10_000
        )
    ]
    for key in keys:
        await bench.runtime.stores.redis.call("DEL", key)


async def with_open_events(bench: Bench, count: int) -> Point:
    """Holds while this many events are open, in up to 20 of them; and the cost at rest."""
    crowded = min(count, 20)
    await _open(bench, count - crowded)
    fresh = [await bench.event(8_000 // crowded) for _ in range(crowded)]
    before = bench.server_cpu_s()
    await asyncio.sleep(_SECONDS_IDLE)
    idle = (bench.server_cpu_s() - before) / _SECONDS_IDLE
    _OPEN.extend(fresh)
    point = await _hold([bench.api_port], bench, fresh, 3_900)
    return point | {"idle_cpu_percent": 100 * idle}


_OPEN: list[str] = []


async def _open(bench: Bench, count: int) -> None:
    while len(_OPEN) < count:
        _OPEN.append(await bench.event(100))


async def with_watchers(bench: Bench, count: int) -> Point:
    """Delay of seat changes to watchers while 100 buyers a second hold and pay."""
    figure = await fanout_bench.propagation(bench, count, bookings_per_s=100, seconds=8)
    return {
        "propagation_p50_ms": figure.raw["p50_ms"],
        "propagation_p99_ms": figure.value,
        "gateway_cpu_percent": 100 * figure.raw["gateway_cpu_share"],
    }


async def with_a_line_of(_: Bench, people: int) -> Point:
    """Joins, ranks and rounds of a waitlist with this many entries."""
    figures = await waitlist.measure(people, min(1_000, people // 4))
    return {
        "joins_per_s": figures["joins_per_s_long"],
        "rank_p99_ms": figures["rank_p99_ms"],
        "round_p99_ms": figures["round_p99_ms"],
    }


CURVES: dict[str, Curve] = {
    "api_processes": Curve(
        "API processes on two cores",
        "API processes",
        (1, 2, 3, 4),
        with_api_processes,
        (Panel("Holds per second", ["holds_per_s"]), Panel("Hold, p99, ms", ["hold_p99_ms"])),
    ),
    "seats": Curve(
        "Seats of the house",
        "seats",
        (500, 2_000, 20_000, 200_000),
        in_a_house_of,
        (Panel("Holds per second", ["holds_per_s"]), Panel("Hold, p99, ms", ["hold_p99_ms"])),
    ),
    "open_events": Curve(
        "Events on sale at once",
        "open events",
        (1, 10, 100, 1_000),
        with_open_events,
        (
            Panel("Holds per second", ["holds_per_s"]),
            Panel("Hold, p99, ms", ["hold_p99_ms"]),
            Panel("CPU at rest, % of one core", ["idle_cpu_percent"]),
        ),
        there_and_back=False,
    ),
    "watchers": Curve(
        "People watching one event",
        "watchers",
        (100, 1_000, 5_000, 10_000),
        with_watchers,
        (
            Panel("Seat change to watcher, ms", ["propagation_p50_ms", "propagation_p99_ms"]),
            Panel("CPU of the gateway, % of one core", ["gateway_cpu_percent"]),
        ),
    ),
    "waitlist": Curve(
        "People in one waitlist",
        "people in line",
        (1_000, 10_000, 100_000),
        with_a_line_of,
        (
            Panel("Joins per second", ["joins_per_s"]),
            Panel("p99, ms", ["rank_p99_ms", "round_p99_ms"]),
        ),
        there_and_back=False,
    ),
}


async def measure(name: str) -> dict[int, Point]:
    """The medians of the measurements, by step of a curve."""
    async with _bench() as bench:
        return await _follow(bench, name, CURVES[name])


@contextlib.asynccontextmanager
async def _bench() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="frontrow-scale-") as folder:
        # The embedded PostgreSQL may run as another user than the one who made the folder.
        os.chmod(folder, 0o755)  # noqa: S103
        _OPEN.clear()
        _HOUSES.clear()
        async with running(Path(folder) / "data") as bench:
            yield bench


async def _follow(bench: Bench, name: str, curve: Curve) -> dict[int, Point]:
    turns = [*curve.steps, *(reversed(curve.steps) if curve.there_and_back else ())]
    points: dict[int, list[Point]] = {step: [] for step in curve.steps}
    # A process that has just started is slower.
    await _hold([bench.api_port], bench, [await bench.event(6_000)], 2_900)
    for step in turns:
        points[step].append(await curve.measure(bench, step))
        seen = ", ".join(f"{key} {value:,.1f}" for key, value in points[step][-1].items())
        print(f"  {name} {step}: {seen}", flush=True)
    return {
        step: {key: statistics.median(p[key] for p in taken) for key in taken[0]}
        for step, taken in points.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="+", choices=list(CURVES), metavar="CURVE")
    parser.add_argument("--output", type=Path, default=REPO / "scale.json")
    parser.add_argument("--pictures", type=Path, default=REPO / "docs" / "images")
    options = parser.parse_args()
    for name in options.only or CURVES:
        # One by one, so that finished curves are kept if a later one fails.
        _keep(name, uvloop.run(measure(name)), options.output, options.pictures)


def _keep(name: str, points: dict[int, Point], output: Path, pictures: Path) -> None:
    kept: dict[str, Any] = json.loads(output.read_text()) if output.exists() else {}
    kept["machine"] = machine()
    kept[name] = {
        "taken_on": f"{datetime.now(UTC):%F}",
        "points": {
            str(step): {key: round(value, 2) for key, value in point.items()}
            for step, point in points.items()
        },
    }
    output.write_text(json.dumps(kept, indent=2) + "\n")
    curve = CURVES[name]
    (pictures / f"scale-{name.replace('_', '-')}.svg").write_text(picture(curve, points))


def picture(curve: Curve, points: Mapping[int, Point]) -> str:
    """A curve as SVG. The steps are equidistant, because they grow by factors."""
    gap = 100 / (len(points) - 1) if len(points) > 1 else 0.0
    columns = [charts.Mark(gap * number, _short(step)) for number, step in enumerate(points)]
    panels = []
    for panel in curve.panels:
        drawn = [
            charts.Curve(
                name=name.removesuffix("_ms").replace("_", " "),
                color=color,
                points=[(gap * n, point[name]) for n, point in enumerate(points.values())],
                dotted=True,
            )
            for color, name in zip(charts.COLORS, panel.measures, strict=False)
        ]
        panels.append(
            charts.Panel(
                title=panel.title,
                scale=charts.even(max(value for one in drawn for _, value in one.points)),
                write=_short,
                curves=drawn,
                columns=columns,
                axis=curve.axis,
                names=drawn if len(drawn) > 1 else (),
            )
        )
    frame = charts.Frame(across=len(panels), panel_width=360, plot_height=170)
    return charts.picture(curve.title, panels, frame)


def _short(value: float) -> str:
    """``200k``, ``1,500``, ``0.5``."""
    if value >= 10_000 and value % 1000 == 0:
        return f"{value / 1000:g}k"
    return f"{value:,.0f}" if value >= 1 or not value or math.isclose(value, 1) else f"{value:g}"


if __name__ == "__main__":
    main()
