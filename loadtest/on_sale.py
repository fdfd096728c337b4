"""``make load``: a headless on-sale on stores and processes of its own, with a report and a verdict.

    python -m loadtest.on_sale [--seconds 300] [--users 200] [--seats N] [--shape on-sale] [--report FILE]

Starts ``frontrow up`` in a temporary folder and on free ports, lets Locust's users buy at one event, and
runs the auditor all the time. Ends with the report's path and the verdict; exit code 1 on any
violation, divergence or failed request.
"""

import argparse
import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from engine.audit.auditor import audit
from engine.base.config import Settings
from engine.base.errors import FrontrowError
from engine.catalog.model import EventDraft
from engine.local import embedded
from engine.runtime import Runtime, open_runtime
from loadtest.figures import into_page
from loadtest.judgement import Audits, Summary, Verdict
from loadtest.processes import (
    REPO,
    check_writable,
    environment,
    free_ports,
    report_file,
    run_to_end,
)
from loadtest.shapes import SHAPES, read_seconds

_READY_S, _END_S, _CALM_S, _AUDIT_EVERY_S = 90.0, 30.0, 60.0, 2.0
#: Short, so that enough holds end within a run.
_HOLD_TTL_S, _OFFER_WINDOW_S = 15, 10
#: About half of the seats that people with the default hesitation buy, so that the waitlist is used too.
_SEATS_PER_USER_SECOND = 0.05
#: Additional users: the organiser and, as one of any two others is a buyer and one a watcher, a user
#: that compares maps, however few people there are.
_COMPANY = 2
_PER_ROW, _ROWS_PER_SECTION, _FLOOR_SHARE = 40, 10, 0.05


class NotStarted(Exception):
    """There is nothing to put under load. The message says what to check."""


@dataclass(frozen=True)
class Site:
    """The addresses of a running product."""

    api_url: str
    live_url: str
    organiser_key: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The run to play; ``think_s`` is the mean hesitation, ``report`` the HTML file to write."""

    seconds: float
    users: int
    shape: str = "on-sale"
    think_s: float = 2.0
    report: Path
    processes: int = 0


async def play(
    runtime: Runtime,
    site: Site,
    event_id: str,
    seats: int,
    plan: Plan,
    *,
    calm_s: float = _CALM_S,
) -> Verdict:
    """Locust's users at one event, with the auditor beside them, then the verdict when all is quiet:
    ``calm_s`` is how long pending work may take to end."""
    with tempfile.TemporaryDirectory(prefix="frontrow-load-") as folder:
        summary_file = Path(folder) / "summary.json"
        locust = await asyncio.create_subprocess_exec(
            *embedded.leashed(_locust(site, event_id, plan, summary_file), signal.SIGKILL),
            cwd=REPO,
            env=os.environ | {"FRONTROW_ORGANISER_KEY": site.organiser_key},
            # Ctrl-C is for this process; an interrupted run has no verdict.
            start_new_session=True,
        )
        audits = Audits()
        ended = asyncio.create_task(locust.wait())
        try:
            while not ended.done():
                audits.add(await audit(runtime.audit, event_id))
                await asyncio.wait([ended], timeout=_AUDIT_EVERY_S)
        finally:
            if not ended.done():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(locust.pid, signal.SIGKILL)
            exit_code = await ended
        summary = _summary(summary_file)
    _say("all users have left; auditing until all is quiet")
    await _last_audit(runtime, event_id, audits, calm_s)
    return Verdict(
        seats=seats,
        sold=(await runtime.live.reading.snapshot(event_id)).states.count(b"2"),
        users=plan.users,
        seconds=plan.seconds,
        entries=summary.entries,
        failures=summary.failures,
        audits=audits.rounds,
        violations=audits.found,
        locust_exit_code=exit_code,
    )


async def _last_audit(runtime: Runtime, event_id: str, audits: Audits, calm_s: float) -> None:
    """Nobody buys any more. Pending work may still end; faults that remain then are final."""
    deadline = time.monotonic() + calm_s
    while (
        left := await audit(runtime.audit, event_id, quiet=True)
    ) and time.monotonic() < deadline:
        audits.add(await audit(runtime.audit, event_id))
        await asyncio.sleep(0.5)
    audits.add(left)


def _summary(file: Path) -> Summary:
    """Empty if Locust did not get to write it."""
    if not file.exists():
        return Summary()
    return msgspec.convert(msgspec.json.decode(file.read_bytes()), Summary, strict=False)


def _locust(site: Site, event_id: str, plan: Plan, summary: Path) -> list[str]:
    distributed = ["--processes", str(plan.processes)] if plan.processes else []
    return [
        *(sys.executable, "-m", "locust", "-f", "loadtest", "--headless", "--only-summary"),
        *("--host", site.api_url, "--live-url", site.live_url, "--event", event_id),
        *("--shape", plan.shape, "-u", str(plan.users + _COMPANY), "-t", f"{plan.seconds:.0f}s"),
        *("--think", str(plan.think_s)),
        *("--html", str(plan.report), "--summary-file", str(summary), *distributed),
    ]


# A house, and a product of its own


def house(seats: int) -> dict[str, Any]:
    """A layout of this many seats in sections of up to 400, two categories, and a standing floor."""
    rows = -(-seats // _PER_ROW)
    sections = -(-rows // _ROWS_PER_SECTION)
    height = 30.0 * rows + 60.0 * sections + 200
    return {
        "format": "frontrow/1",
        "name": f"House of {seats}",
        "size": {"width": 25.0 * _PER_ROW + 80, "height": height},
        "categories": [
            {"name": "Front", "color": "#0072b2"},
            {"name": "Back", "color": "#e69f00"},
        ],
        "sections": [_section(number, seats, sections) for number in range(sections)],
        "areas": [
            {
                "name": "Floor",
                "category": "Back",
                "capacity": max(1, round(_FLOOR_SHARE * seats)),
                "shape": {
                    "type": "rectangle",
                    "x": 40,
                    "y": height - 120,
                    "width": 400,
                    "height": 80,
                },
            }
        ],
    }


def _section(number: int, seats: int, sections: int) -> dict[str, Any]:
    first = number * _ROWS_PER_SECTION * _PER_ROW
    left = min(seats - first, _ROWS_PER_SECTION * _PER_ROW)
    category = "Front" if number < sections / 3 else "Back"
    top = number * (30.0 * _ROWS_PER_SECTION + 60)
    rows = [
        {
            "label": f"R{row + 1}",
            "seats": [
                {
                    "number": str(seat + 1),
                    "x": 40.0 + 25 * seat,
                    "y": top + 40.0 + 30 * row,
                    "category": category,
                }
                for seat in range(min(_PER_ROW, left - row * _PER_ROW))
            ],
        }
        for row in range(-(-left // _PER_ROW))
    ]
    return {"name": f"Block {number + 1}", "rows": rows}


async def open_event(runtime: Runtime, seats: int) -> str:
    """A published event with short holds."""
    venue, _ = await runtime.catalog.venues.import_plan(house(seats))
    event = await runtime.catalog.create_event(
        EventDraft(
            name="The on-sale",
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=30),
            currency="EUR",
            prices={"Front": 6000, "Back": 4000},
            hold_ttl_s=_HOLD_TTL_S,
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    return event.event_id


@contextlib.asynccontextmanager
async def own_site(folder: Path) -> AsyncIterator[tuple[Runtime, Site]]:
    """``frontrow up`` in this folder, ready, and the engine beside it."""
    ports = api_port, live_port, worker_port = free_ports(3)
    key = secrets.token_hex(16)
    variables = environment(
        data_dir=folder,
        organiser_key=key,
        offer_window_s=_OFFER_WINDOW_S,
        log_level="warning",
        api_port=api_port,
        live_port=live_port,
        worker_port=worker_port,
    )
    command = [sys.executable, "-m", "engine", "up", "--no-demo", "--end-with-parent"]
    process = subprocess.Popen(  # noqa: ASYNC220  # ends with this process
        command, env=variables, cwd=REPO, stdout=sys.stderr, start_new_session=True
    )
    try:
        for port in ports:
            await asyncio.to_thread(_until_ready, f"http://127.0.0.1:{port}", process)
        settings = Settings(data_dir=str(folder), log_level="warning")
        async with open_runtime(settings, role="load") as runtime:
            yield runtime, Site(f"http://localhost:{api_port}", f"ws://localhost:{live_port}", key)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, _END_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()  # noqa: S310  # our own
            return
        time.sleep(0.1)
    raise NotStarted("the product did not start; its output is above")


async def run(plan: Plan, seats: int) -> Verdict:
    """The whole run. Raises NotStarted."""
    # Files that Locust does not get to write must not be those of an earlier run.
    plan.report.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="frontrow-load-") as folder:
        _say("starting stores and processes in a temporary folder")
        async with own_site(Path(folder)) as (runtime, site):
            event_id = await open_event(runtime, seats)
            _say(f"{seats:,} seats go on sale to {plan.users:,} people for {plan.seconds:.0f} s")
            return await play(runtime, site, event_id, seats, plan)


def _say(what: str) -> None:
    print(f"load: {what}", flush=True)


def conclude(verdict: Verdict, report: Path) -> None:
    """Print the verdict, and put it at the head of the report."""
    print(verdict.text())
    if report.exists():
        page = report.read_text(encoding="utf-8")
        report.write_text(into_page(page, verdict.html()), encoding="utf-8")
        print(f"load: the report is {report.resolve()}")


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.on_sale", description=__doc__.split("\n\n")[0] if __doc__ else None
    )
    parser.add_argument("--seconds", type=read_seconds, default=300.0)
    parser.add_argument(
        "--users", type=int, default=200, help="at most, besides an organiser and a watcher"
    )
    parser.add_argument("--seats", type=int, default=0, help="0: about to sell out in the run")
    parser.add_argument("--shape", choices=sorted(SHAPES), default="on-sale")
    parser.add_argument(
        "--think", type=read_seconds, default=2.0, help="mean hesitation in seconds"
    )
    parser.add_argument("--processes", type=int, default=0, help="Locust worker processes")
    parser.add_argument(
        "--report", type=Path, default=None, help="HTML file; else one under reports/"
    )
    options = parser.parse_args(arguments)
    if options.seconds < 1 or options.users < 1 or options.seats < 0 or options.processes < 0:
        parser.error("needs at least one second and one user; nothing may be negative")
    options.report = options.report or report_file("load")
    try:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        check_writable(options.report)
    except OSError as error:
        parser.error(f"cannot write {options.report}: {error.strerror}")
    return options


def main() -> int:
    """The exit code: 1 if anything was wrong, 2 if the run could not start."""
    options = parse_options()
    plan = Plan(
        seconds=options.seconds,
        users=options.users,
        shape=options.shape,
        think_s=options.think,
        report=options.report,
        processes=options.processes,
    )
    seats = options.seats or max(
        _PER_ROW, round(_SEATS_PER_USER_SECOND * plan.users * plan.seconds)
    )
    try:
        verdict = run_to_end(run(plan, seats))
    except NotStarted as error:
        print(f"make load: {error}", file=sys.stderr)
        return 2
    except FrontrowError as error:
        print(f"make load: it was aborted: {error}", file=sys.stderr)
        return 1
    except asyncio.CancelledError:
        print("make load: interrupted", file=sys.stderr)
        return 130
    conclude(verdict, plan.report)
    return verdict.exit_code


if __name__ == "__main__":
    sys.exit(main())
