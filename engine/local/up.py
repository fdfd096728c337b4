"""``frontrow up``: everything on one machine, from one terminal, ended by Ctrl-C.

Order: check, own the data directory, stores, migrations, demo (once), then API, live gateway and
worker side by side. Ending is the same order backwards. Nothing is left running: each child is in
its own session and dies with this process (see ``engine.local.embedded``).

A child that dies is started again; one that keeps dying ends everything, with its reason.
"""

import asyncio
import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
from msgspec import Struct

from engine.base.config import Settings, data_path, is_given, quiet
from engine.base.data_folder import AlreadyRunning, StartError, kept_secret
from engine.base.places import PROJECT
from engine.base.signing import dev_mail_key
from engine.base.store_urls import StoreUrls, running_urls
from engine.local import embedded
from engine.local.terminal import Log, progress_bar

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
#: A child may die this often within the window; once more, and everything is stopped.
RESTARTS_MAX = 3
RESTARTS_WINDOW_S = 60.0
_POLL_S = 0.05
_SANDBOX_CARDS = (
    ("tok_visa", "pays"),
    ("tok_declined", "is declined"),
    ("tok_insufficient_funds", "is declined for lack of funds"),
    ("tok_3ds", "asks the buyer to confirm first"),
    ("tok_timeout", "gives no answer at first"),
)


class Role(Struct, frozen=True):
    """One of our own processes. ``setting`` prefixes the settings of its host and port."""

    name: str
    title: str
    setting: str
    #: What it imports, and may import before the stores are there.
    imports: tuple[str, ...]

    def port(self, settings: Settings) -> int:
        return int(getattr(settings, f"{self.setting}_port"))

    def host(self, settings: Settings) -> str:
        return str(getattr(settings, f"{self.setting}_host"))

    async def is_ready(self, settings: Settings) -> bool:
        """Whether it runs and ``GET /health/ready`` answers 200."""
        host = self.host(settings)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - no binding
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(host, self.port(settings))
                try:
                    writer.write(
                        b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n"
                        b"Connection: close\r\n\r\n"
                    )
                    status = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status.split(b" ")[1:2] == [b"200"]

    @property
    def module(self) -> str:
        """What to run: by name, because the engine knows nothing of those above it."""
        return {"api": "api", "live": "seatmap", "worker": "engine.worker"}[self.name]

    def command(self, settings: Settings) -> list[str]:
        """The command line that runs it on its own."""
        return [sys.executable, "-m", self.module]


ROLES = (
    Role("api", "the API", "api", ("api.app", "api.serving", "uvloop", "httptools")),
    Role("live", "the live gateway", "live", ("seatmap.server", "uvloop")),
    Role("worker", "the worker", "worker", ("engine.worker.__main__",)),
)


# --- before anything is started ------------------------------------------------------------


def check_ports(settings: Settings) -> None:
    """Refuse to start where one of our ports is taken or two are the same."""
    seen: dict[int, str] = {}
    for role in ROLES:
        port, variable = role.port(settings), f"FRONTROW_{role.setting.upper()}_PORT"
        if port in seen:
            raise StartError(f"{seen[port]} and {variable} are both {port}; change one of them")
        seen[port] = variable
        check_port(role, settings)


def check_port(role: Role, settings: Settings) -> None:
    """Raise StartError when the role's port is taken, saying by whom where that can be known."""
    port = role.port(settings)
    if role.name == "live" and settings.live_reuse_port:
        return  # Another gateway may be there already.
    if not embedded.port_is_free(port, role.host(settings)):
        raise StartError(
            f"port {port} of {role.title} is taken{_occupant(port)}; stop that program, or choose "
            f"another port, for example FRONTROW_{role.setting.upper()}_PORT={port + 1000}"
        )


def _occupant(port: int) -> str:
    import psutil  # noqa: PLC0415 - only to word an error

    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            if listening and connection.laddr[1:] == (port,) and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by {name} (process {connection.pid})"
    return ""


# --- what the children are told ------------------------------------------------------------


#: Logins of PostgreSQL by who else than everybody uses them. The owner's is nobody's: no process that
#: serves has it, whatever it finds.
_LOGINS = {"postgres_house_url": "api", "postgres_worker_url": "worker", "postgres_owner_url": ""}


def ambient(role: Role) -> dict[str, str]:
    """Our environment without the logins that are not the role's."""
    foreign = {
        f"FRONTROW_{name.upper()}{form}"
        for name, user in _LOGINS.items()
        for form in ("", "_FILE")
        if user != role.name
    }
    return {name: value for name, value in os.environ.items() if name not in foreign}


def child_environment(settings: Settings, urls: StoreUrls, role: Role) -> dict[str, str]:
    """What api, live or worker gets beside ``ambient``: URLs and generated secrets."""
    data_dir = data_path(settings)
    page = page_url(settings)
    origins = (page, f"http://127.0.0.1:{settings.api_port}")
    worker = role.name == "worker"
    environment = {
        "FRONTROW_DATA_DIR": str(data_dir),
        "FRONTROW_POSTGRES_URL": urls.postgres_worker_url if worker else urls.postgres_url,
        "FRONTROW_REDIS_URL": urls.redis_url,
        "FRONTROW_MONGO_URL": urls.mongo_url,
        "FRONTROW_ORGANISER_KEY": organiser_key(settings),
        "FRONTROW_TOKEN_SECRET": settings.token_secret or kept_secret(data_dir, "token_secret"),
        "FRONTROW_PUBLIC_URL": page,
        "FRONTROW_LIVE_PUBLIC_URL": live_url(settings),
    }
    for name, user in _LOGINS.items():
        if user == role.name:
            environment[f"FRONTROW_{name.upper()}"] = getattr(urls, name)
    if not is_given("allowed_origins"):
        environment["FRONTROW_ALLOWED_ORIGINS"] = ",".join(origins)
    # What stands in a file is read from there: it need not be in anybody's environment.
    return {name: value for name, value in environment.items() if f"{name}_FILE" not in os.environ}


def organiser_key(settings: Settings) -> str:
    """The organiser's key: the configured one, else one generated and kept."""
    return settings.organiser_key or kept_secret(data_path(settings), "organiser_key")


def page_url(settings: Settings) -> str:
    """Where a browser finds the page; follows the port unless it was configured."""
    if is_given("public_url"):
        return settings.public_url
    return f"http://localhost:{settings.api_port}"


def live_url(settings: Settings) -> str:
    if is_given("live_public_url"):
        return settings.live_public_url
    return f"ws://localhost:{settings.live_port}"


# --- one log -------------------------------------------------------------------------------


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of any length; an over-long one comes in pieces."""
    rest = b""
    while chunk := await stream.read(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > 1_000_000:
            whole, rest = [*whole, rest], b""
        for line in whole:
            yield line.decode(errors="replace").rstrip()
    if rest:
        yield rest.decode(errors="replace").rstrip()


# What the stores' own words mean to somebody who watches the log. Redis marks warnings with '#'.
_STORE_WARNING = re.compile(r"\b(WARNING|FATAL|PANIC|CRITICAL)\b|^\d+:\w .{20,32} # ")
# Redis never forks to save here, so it does not need what it asks for.
# The MongoDB server says of many queries that it answers them the slower of its two ways.
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


class Child:
    """One of our own processes, while it runs. Its output goes to the log line by line."""

    def __init__(self, role: Role, settings: Settings, log: Log) -> None:
        self.role = role
        self._settings = settings
        self._log = log
        self._pid_file = data_path(settings) / f"{role.name}.pid"
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self.last_lines: deque[str] = deque(maxlen=50)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def ended(self) -> int:
        """Wait for its end; returns the exit code (negative: the signal that ended it)."""
        assert self._process is not None
        return await self._process.wait()

    async def end_leftover(self) -> None:
        await embedded.end_leftover(self._pid_file, self.role.title, signal.SIGKILL)

    async def prepare(self) -> None:
        """Start it as far as it can come without stores: its imports. ``release`` lets it go on."""
        command = [sys.executable, "-m", "engine.local.prefork", self.role.name, *self.role.imports]
        self._process = await asyncio.create_subprocess_exec(
            # Killed, not asked: without its launcher nobody would see it hang on a port.
            *embedded.leashed(command, signal.SIGKILL),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
            # Lines reach the terminal when they are written, not when a buffer is full.
            env=ambient(self.role) | {"PYTHONUNBUFFERED": "1"},
        )
        embedded.remember_process(self._pid_file, self._process.pid)
        self._reader = asyncio.create_task(self._copy_output(self._process))

    def release(self, urls: StoreUrls) -> None:
        """Let it run, now that the stores are there."""
        assert self._process is not None
        assert self._process.stdin is not None
        environment = child_environment(self._settings, urls, self.role)
        order = {"environment": environment, "argv": [self.role.module]}
        # One that has died meanwhile is found by whoever waits for it.
        with suppress(OSError):
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.close()

    async def _copy_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            self.last_lines.append(line)
            self._log.line(self.role.name, line)

    async def until_ready(self) -> None:
        """Return when it answers that it is ready; StartError tells why it never will."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not await self.role.is_ready(self._settings):
            if not self.running:
                raise StartError(f"{self.role.title} did not start: {await self._reason()}")
            if time.monotonic() > deadline:
                port = self.role.port(self._settings)
                raise StartError(
                    f"{self.role.title} was not ready within {READY_TIMEOUT_S:.0f} s; "
                    f"ask it why: curl http://localhost:{port}/health/ready"
                )
            await asyncio.sleep(_POLL_S)

    async def _reason(self) -> str:
        """Its last line that says something."""
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=1)
        said = [line.strip() for line in self.last_lines if line.strip()]
        return said[-1] if said else f"it ended with code {await self.ended()}"

    async def stop(self) -> None:
        """Ask it to end, and make it end when it takes too long."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._log.say(f"{self.role.title} did not end in time; killing it")
                self.kill()
                await process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=1)
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()


class _Deaths:
    """Counts how often something died lately, and says how long to wait before the next try."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque()

    def add(self) -> float | None:
        """Seconds to wait; None when it died too often to try again."""
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
        """Everything up and ready, or a StartError (with nothing stopped yet: call ``stop``)."""
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
        urls = await self.stores.start()
        await self._migrate(urls)
        await self._load_demo(urls)
        self._urls = urls
        self.log.say("starting API, live gateway, worker")
        for child in self.children:
            child.release(urls)
        await asyncio.gather(*(child.until_ready() for child in self.children))
        self.log.say(f"ready after {time.monotonic() - begun:.1f} s")

    async def _claim(self) -> None:
        """Own the data directory; waits for an owner that is just going away."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while True:
            try:
                return self.stores.claim()
            except AlreadyRunning:
                if running_urls(self.settings) or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_POLL_S)

    async def _migrate(self, urls: StoreUrls) -> None:
        from engine.stores import migrate  # noqa: PLC0415 - keeps a refused start quick

        try:
            applied = await asyncio.to_thread(migrate.migrate, urls.postgres_owner_url)
        except migrate.MigrationError as error:
            raise StartError(str(error)) from None
        for name in applied:
            self.log.say(f"migrated {name}")

    async def _load_demo(self, urls: StoreUrls) -> None:
        """Fill our own fresh stores with the demo. Somebody else's are never touched."""
        marker = self.stores.data_dir / "demo.loaded"
        cluster = self.stores.data_dir / "postgres" / "PG_VERSION"
        own = {server.name for server in self.stores.servers}
        if not self._demo or not {"postgres", "mongo"} <= own:
            return
        # A marker older than the database speaks of one that was thrown away.
        if marker.exists() and marker.stat().st_mtime >= cluster.stat().st_mtime:
            return
        self.log.say("loading the demo")
        await load_demo(msgspec.structs.replace(self.settings, **msgspec.structs.asdict(urls)))
        marker.touch()

    async def watch(self) -> None:
        """Restart what dies until cancelled; StartError when something keeps dying."""
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
        """Stop everything in order: first who talks to buyers, then the worker, then the stores."""
        self.stores.announce_end()
        api, live, worker = self.children
        await asyncio.gather(api.stop(), live.stop())
        await worker.stop()
        await self.stores.stop()

    def kill(self) -> None:
        """For the impatient: end everything now. Sales survive that by design."""
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
    """What a person needs now: where to look, how to pay, how to stop."""
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
