"""``frontrow up``: everything on one machine, from one terminal, ended by Ctrl-C.

Order of starting: checks, ownership of the data directory, stores, migrations, demo (once), then API,
live gateway and worker side by side. Stopping uses the reverse order. Nothing is left running: each
child is in its own session and ends with this process (see ``engine.local.embedded``).

A child that dies is started again; one that keeps dying stops everything, with the reason.
"""

import asyncio
import re
import signal
import time
from collections import deque
from contextlib import suppress

import msgspec

from engine.base.config import Settings, quiet
from engine.base.data_folder import AlreadyRunning, StartError
from engine.base.signing import dev_mail_key
from engine.base.store_urls import StoreUrls, running_urls
from engine.local import embedded
from engine.local.children import (
    POLL_S,
    ROLES,
    STOP_TIMEOUT_S,
    Child,
    Role,
    ambient,
    check_port,
    check_ports,
    child_environment,
    live_url,
    organiser_key,
    page_url,
)
from engine.local.terminal import Log, progress_bar

#: How often a child may die within the window; after one more death everything is stopped.
RESTARTS_MAX = 3
RESTARTS_WINDOW_S = 60.0
_SANDBOX_CARDS = (
    ("tok_visa", "pays"),
    ("tok_declined", "is declined"),
    ("tok_insufficient_funds", "is declined for lack of funds"),
    ("tok_3ds", "asks for the buyer's confirmation"),
    ("tok_timeout", "gives no answer at first"),
)


# --- before anything is started ------------------------------------------------------------


# --- the children's environment -------------------------------------------------------------


# --- one log -------------------------------------------------------------------------------


# Lines of the stores' logs that are shown as warnings. Redis marks warnings with '#'.
_STORE_WARNING = re.compile(r"\b(WARNING|FATAL|PANIC|CRITICAL)\b|^\d+:\w .{20,32} # ")
# Redis never forks to save here, so it does not need the kernel setting that it asks for.
# The MongoDB server reports for many queries that it uses the slower of its two methods.
_STORE_CHATTER = re.compile(
    r"overcommit_memory|ready to exit|User requested shutdown|neosqlite.* fallback"
)


class _LogTail:
    """Follows a store's log file from its present end."""

    def __init__(self, server: embedded.EmbeddedServer) -> None:
        self._server = server
        self._offset = self._size()
        self._rest = ""

    def _size(self) -> int:
        try:
            return self._server.log_file.stat().st_size
        except OSError:
            return 0

    def read(self) -> list[str]:
        size = self._size()
        if size < self._offset:
            self._offset = 0
        if size == self._offset:
            return []
        with self._server.log_file.open("rb") as file:
            file.seek(self._offset)
            text = self._rest + file.read(size - self._offset).decode(errors="replace")
        self._offset = size
        *lines, self._rest = text.split("\n")
        return lines


# --- the launcher --------------------------------------------------------------------------


class _Deaths:
    """Counts recent deaths of a process, and gives the wait before the next start."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()

    def add(self) -> float | None:
        """Add a death. Returns the seconds to wait; None when it died too often to try again."""
        now = time.monotonic()
        while self._times_s and self._times_s[0] < now - RESTARTS_WINDOW_S:
            self._times_s.popleft()
        self._times_s.append(now)
        died = len(self._times_s)
        return None if died > RESTARTS_MAX else 0.25 * 2.0**died


class Launcher:
    """Starts everything, watches it, stops it. ``start`` and ``watch`` raise StartError."""

    def __init__(self, settings: Settings, *, verbose: bool = False, demo: bool = True) -> None:
        self.settings = settings
        self.log = Log()
        self.stores = embedded.EmbeddedStores(settings)
        self.children = [Child(role, settings, self.log) for role in ROLES]
        self._verbose = verbose
        self._demo = demo
        self._urls: StoreUrls | None = None
        self._stopping = False
        self._deaths: dict[str, _Deaths] = {}

    async def start(self) -> None:
        """Start everything and wait until it is ready. After a StartError call ``stop``: nothing is stopped yet."""
        begun = time.monotonic()
        await self._claim()
        for child in self.children:
            await child.end_leftover()
        check_ports(self.settings)
        for child in self.children:
            await child.prepare()
        first = not (self.stores.data_dir / "postgres").exists()
        if self.stores.servers:
            titles = ", ".join(server.title for server in self.stores.servers)
            self.log.say(f"{'creating and ' if first else ''}starting {titles}")
        urls = await self.stores.start(
            {role.name: (role.host(self.settings), role.port(self.settings)) for role in ROLES}
        )
        await self._migrate(urls)
        await self._load_demo(urls)
        self._urls = urls
        self.log.say("starting API, live gateway, worker")
        for child in self.children:
            child.release(urls)
        await asyncio.gather(*(child.until_ready() for child in self.children))
        self.log.say(f"ready after {time.monotonic() - begun:.1f} s")

    async def _claim(self) -> None:
        """Become the owner of the data directory; wait for an owner that is just stopping."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while True:
            try:
                return self.stores.claim()
            except AlreadyRunning:
                if running_urls(self.settings) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(POLL_S)

    async def _migrate(self, urls: StoreUrls) -> None:
        from engine.stores import migrate  # noqa: PLC0415 - keeps a refused start quick

        try:
            applied = await asyncio.to_thread(migrate.migrate, urls.postgres_owner_url)
        except migrate.MigrationError as error:
            raise StartError(str(error)) from None
        functions = [name for name in applied if name.startswith("functions/")]
        if migrations := applied[: len(applied) - len(functions)]:
            self.log.say(f"{len(migrations)} migrations applied, the newest {migrations[-1]}")
        if functions:
            self.log.say(f"applied {len(functions)} functions")

    async def _load_demo(self, urls: StoreUrls) -> None:
        """Fill our own fresh stores with the demo. External stores are never touched."""
        marker = self.stores.data_dir / "demo.loaded"
        cluster = self.stores.data_dir / "postgres" / "PG_VERSION"
        own = {server.name for server in self.stores.servers}
        if not self._demo or not {"postgres", "mongo"} <= own:
            return
        # A marker older than the database is about an earlier database, which was deleted.
        if marker.exists() and marker.stat().st_mtime >= cluster.stat().st_mtime:
            return
        self.log.say("loading the demo")
        await load_demo(msgspec.structs.replace(self.settings, **msgspec.structs.asdict(urls)))
        marker.touch()

    async def watch(self) -> None:
        """Restart processes that die, until cancelled; StartError when one keeps dying."""
        async with asyncio.TaskGroup() as group:
            for child in self.children:
                group.create_task(self._watch_child(child))
            for server in self.stores.servers:
                group.create_task(self._watch_server(server))

    async def _watch_child(self, child: Child) -> None:
        while True:
            exit_code = await child.ended()
            role = child.role
            await self._pause_after_death(role.name, f"{role.title} ended ({exit_code})")
            await child.prepare()
            assert self._urls is not None
            child.release(self._urls)

    async def _watch_server(self, server: embedded.EmbeddedServer) -> None:
        tail = _LogTail(server)
        while True:
            while server.running:
                self._show_store_lines(server.name, tail.read())
                await asyncio.sleep(0.2)
            self._show_store_lines(server.name, tail.read())
            await self._pause_after_death(server.name, f"{server.title} ended")
            await server.start()
            self.log.say(f"{server.title} answers again")

    async def _pause_after_death(self, name: str, what: str) -> None:
        wait_s = self._deaths.setdefault(name, _Deaths()).add()
        if wait_s is None:
            raise StartError(
                f"{what}, {RESTARTS_MAX + 1} times within a minute; everything is stopped. "
                "Its last lines above say why"
            )
        self.log.say(f"{what}; starting it again in {wait_s:.1f} s")
        await asyncio.sleep(wait_s)

    def _show_store_lines(self, name: str, lines: list[str]) -> None:
        for line in lines:
            telling = _STORE_WARNING.search(line) and not _STORE_CHATTER.search(line)
            if line.strip() and (self._verbose or telling):
                self.log.line(name, line)

    async def stop(self) -> None:
        """Stop everything in order: first the processes that serve buyers, then the worker, then the stores."""
        self.stores.announce_end()
        api, live, worker = self.children
        await asyncio.gather(api.stop(), live.stop())
        await worker.stop()
        await self.stores.stop()

    def kill(self) -> None:
        """Kill everything at once, after a second signal. Sales survive that by design."""
        for child in self.children:
            child.kill()
        for server in self.stores.servers:
            server.kill()


async def load_demo(settings: Settings) -> None:
    """Load the demo into the stores that ``settings`` name, with a progress bar. Idempotent."""
    from engine.local.demo import loader  # noqa: PLC0415 - needs every driver
    from engine.runtime import open_runtime  # noqa: PLC0415

    async with open_runtime(quiet(settings), role="demo") as runtime:
        with progress_bar("demo") as on_progress:
            await loader.load_demo(runtime, on_progress)


def show_summary(settings: Settings) -> None:
    """Print the first steps: the addresses, the test cards, how to stop."""
    from rich.console import Console  # noqa: PLC0415 - rich is slow to import
    from rich.panel import Panel  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    page = page_url(settings)
    rows = Table.grid(padding=(0, 2))
    rows.add_row("[b]Page[/b]", f"[link={page}]{page}[/link]")
    rows.add_row("API reference", f"{page}/schema")
    if not settings.smtp_url:
        rows.add_row("Mails", f"{page}/dev/mail?key={dev_mail_key(settings)}")
    rows.add_row("Live maps", f"{live_url(settings)}/v1/live/<event_id>")
    ports = " ".join(str(role.port(settings)) for role in ROLES)
    rows.add_row("Metrics", f"/metrics on ports {ports}")
    rows.add_row("Organiser key", organiser_key(settings))
    rows.add_row("", "")
    for index, (token, effect) in enumerate(_SANDBOX_CARDS):
        rows.add_row("Sandbox cards" if index == 0 else "", f"{token:<24} [dim]{effect}[/dim]")
    panel = Panel(
        rows, title="Frontrow is running", subtitle="Ctrl-C stops everything", expand=False
    )
    console = Console(highlight=False, soft_wrap=False)
    with suppress(OSError):
        console.print(panel)


async def run(settings: Settings, *, verbose: bool = False, demo: bool = True) -> None:
    """Run until a signal asks to stop. StartError when something cannot start or keeps dying."""
    launcher = Launcher(settings, verbose=verbose, demo=demo)
    running = asyncio.current_task()
    assert running is not None
    loop = asyncio.get_running_loop()
    asked = 0

    def on_signal() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            running.cancel()
        else:
            launcher.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    try:
        await launcher.start()
        show_summary(settings)
        await launcher.watch()
    except asyncio.CancelledError:
        if asked == 0:
            raise
        running.uncancel()
        launcher.log.say("stopping")
    except ExceptionGroup as group:
        raise _first(group) from None
    finally:
        # The first signal has cancelled us already; a second one kills instead of cancelling.
        asked = max(asked, 1)
        await launcher.stop()
    launcher.log.say("stopped")


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


__all__ = [
    "ROLES",
    "Launcher",
    "Role",
    "ambient",
    "check_port",
    "check_ports",
    "child_environment",
    "load_demo",
    "organiser_key",
    "run",
]
