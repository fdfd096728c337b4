"""The processes that the launcher starts: their roles, environments and lives."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
from msgspec import Struct

from engine.base.config import Settings, data_path, is_given
from engine.base.data_folder import StartError, kept_secret
from engine.base.places import PROJECT
from engine.base.store_urls import StoreUrls
from engine.local import embedded
from engine.local.terminal import Log

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05


class Role(Struct, frozen=True):
    """One of our own processes. ``setting`` prefixes the settings of its host and port."""

    name: str
    title: str
    setting: str
    #: Modules that it may import before the stores run.
    imports: tuple[str, ...]

    def port(self, settings: Settings) -> int:
        return int(getattr(settings, f"{self.setting}_port"))

    def host(self, settings: Settings) -> str:
        return str(getattr(settings, f"{self.setting}_host"))

    def at(self, settings: Settings, host: str, port: int) -> Settings:
        """The settings, with this address for the role."""
        return msgspec.structs.replace(
            settings, **{f"{self.setting}_host": host, f"{self.setting}_port": port}
        )

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
        """The module to run: by name, because the engine must not import packages above it."""
        return {"api": "api", "live": "seatmap", "worker": "engine.worker"}[self.name]

    def command(self, settings: Settings) -> list[str]:
        """The command line that runs it on its own."""
        return [sys.executable, "-m", self.module]


ROLES = (
    Role("api", "the API", "api", ("api.app", "api.serving", "uvloop", "httptools")),
    Role("live", "the live gateway", "live", ("seatmap.server", "uvloop")),
    Role("worker", "the worker", "worker", ("engine.worker.__main__",)),
)


def check_ports(settings: Settings) -> None:
    """Refuse to start when one of our ports is taken or two are the same."""
    seen: dict[int, str] = {}
    for role in ROLES:
        port, variable = role.port(settings), f"FRONTROW_{role.setting.upper()}_PORT"
        if port in seen:
            raise StartError(f"{seen[port]} and {variable} are both {port}; change one of them")
        seen[port] = variable
        check_port(role, settings)


def check_port(role: Role, settings: Settings) -> None:
    """Raise StartError when the role's port is taken, naming the program if it is known."""
    port = role.port(settings)
    if role.name == "live" and settings.live_reuse_port:
        return  # Another gateway may use it already.
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


#: Logins of PostgreSQL by the roles that use them. No role has the owner's: no serving process gets it.
_LOGINS = {"postgres_house_url": "api", "postgres_worker_url": "worker", "postgres_owner_url": ""}


def ambient(role: Role) -> dict[str, str]:
    """Our environment without the logins of other roles."""
    foreign = {
        f"FRONTROW_{name.upper()}{form}"
        for name, user in _LOGINS.items()
        for form in ("", "_FILE")
        if user != role.name
    }
    return {name: value for name, value in os.environ.items() if name not in foreign}


def child_environment(settings: Settings, urls: StoreUrls, role: Role) -> dict[str, str]:
    """The environment of api, live or worker beside ``ambient``: URLs and generated secrets."""
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
    # A secret in a file is read from there: it need not be in any environment.
    return {name: value for name, value in environment.items() if f"{name}_FILE" not in os.environ}


def organiser_key(settings: Settings) -> str:
    """The organiser's key: the configured one, else the generated one."""
    return settings.organiser_key or kept_secret(data_path(settings), "organiser_key")


def page_url(settings: Settings) -> str:
    """The address of the page; follows the port unless it was configured."""
    if is_given("public_url"):
        return settings.public_url
    return f"http://localhost:{settings.api_port}"


def live_url(settings: Settings) -> str:
    if is_given("live_public_url"):
        return settings.live_public_url
    return f"ws://localhost:{settings.live_port}"


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
        """Wait until it ends; returns the exit code (negative: the signal that ended it)."""
        assert self._process is not None
        return await self._process.wait()

    async def end_leftover(self) -> None:
        await embedded.end_leftover(self._pid_file, self.role.title, signal.SIGKILL)

    async def prepare(self) -> None:
        """Start it up to its imports, which need no stores. ``release`` lets it go on."""
        command = [sys.executable, "-m", "engine.local.prefork", self.role.name, *self.role.imports]
        self._process = await asyncio.create_subprocess_exec(
            # Killed, not asked: without its launcher nobody would notice it blocking a port.
            *embedded.leashed(command, signal.SIGKILL),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
            # Unbuffered, so that lines reach the terminal when they are written.
            env=ambient(self.role) | {"PYTHONUNBUFFERED": "1"},
        )
        embedded.remember_process(self._pid_file, self._process.pid)
        self._reader = asyncio.create_task(self._copy_output(self._process))

    def release(self, urls: StoreUrls) -> None:
        """Let it run, now that the stores answer."""
        assert self._process is not None
        assert self._process.stdin is not None
        environment = child_environment(self._settings, urls, self.role)
        order = {"environment": environment, "argv": [self.role.module]}
        # A child that has died meanwhile is noticed by the caller that waits for it.
        with suppress(OSError):
            self._process.stdin.write(msgspec.json.encode(order) + b"\n")
            self._process.stdin.close()

    async def _copy_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            self.last_lines.append(line)
            self._log.line(self.role.name, line)

    async def until_ready(self) -> None:
        """Wait until it reports that it is ready. StartError says why it never will."""
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
            await asyncio.sleep(POLL_S)

    async def _reason(self) -> str:
        """Its last line that is not empty."""
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=1)
        said = [line.strip() for line in self.last_lines if line.strip()]
        return said[-1] if said else f"it ended with code {await self.ended()}"

    async def stop(self) -> None:
        """Ask it to end, and kill it when it takes too long."""
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
