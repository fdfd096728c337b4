"""One server: choose a port, start, wait until it answers, stop, and quote its log if it fails."""

import asyncio
import os
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psutil

from engine.base.data_folder import (
    StartError,
    prepare_data_dir,
    read_json,
    write_private,
)
from engine.base.store_urls import start_time_s
from engine.local.embedded.processes import (
    POLL_S,
    STOP_TIMEOUT_S,
    Account,
    end_leftover,
    ended,
    free_port,
    leashed,
    port_is_free,
    remember_process,
)

START_TIMEOUT_S = 60.0
_LOG_BYTES_MAX = 16 * 1024 * 1024


class EmbeddedServer(ABC):
    """One server on one data directory: ``start`` returns when it answers, ``kill`` is kill -9."""

    name: ClassVar[str]
    title: ClassVar[str]
    stop_signal: ClassVar[int] = signal.SIGTERM

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / self.name
        self.log_file = data_dir / "logs" / f"{self.name}.log"
        self.port = 0
        self._pid_file = data_dir / f"{self.name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL for clients, with its password."""

    def urls(self) -> dict[str, str]:
        """Its fields of ``StoreUrls``."""
        return {f"{self.name}_url": self.url}

    @abstractmethod
    async def _prepare(self) -> None:
        """Prepare the folder for ``_command``; ``port`` is set."""

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether the server answers a request; False while it is still starting."""

    @property
    def pid(self) -> int:
        """The process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _account(self) -> Account | None:
        """The account of the server; None: our own."""
        return None

    async def start(self) -> None:
        """Start the server and wait until it answers; StartError says what is wrong."""
        prepare_data_dir(self.data_dir)
        await self._end_leftover()
        self.port = self._choose_port()
        await self._prepare()
        self._turn_log()
        self._process = self._spawn(self._command())
        remember_process(self._pid_file, self._process.pid)
        try:
            await self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    async def stop(self) -> None:
        """Stop it cleanly; kill it when it does not end in time. Safe to call twice."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self.stop_signal)
            await ended(process.pid, start_time_s(process.pid) or 0.0, STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, with all its children."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            family: list[psutil.Process] = []
            with suppress(psutil.Error):
                family = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            process.wait()
            for child in family:
                with suppress(psutil.Error):
                    child.kill()
            psutil.wait_procs(family, timeout=5)
        self._pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line of the log that names a reason, for error messages."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()[-40:]
        except OSError:
            return ""
        telling = [line for line in lines if re.search(r"FATAL|PANIC|[Ee]rror|ERROR|# ", line)]
        return (telling or lines or [""])[-1].strip()

    def _choose_port(self) -> int:
        path = self.data_dir / "ports.json"
        known = read_json(path)
        last = known.get(self.name)
        if isinstance(last, int) and port_is_free(last):
            return last
        known[self.name] = free_port()
        write_private(path, known)
        return int(known[self.name])

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        account = self._account()
        with self.log_file.open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                leashed(command, self.stop_signal, str(account or "-")),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder if account is None else "/",
                env=clean_environment(),
                # Its own session: Ctrl-C at the terminal goes to the owner only, which stops it cleanly.
                start_new_session=True,
            )

    def _turn_log(self) -> None:
        with suppress(OSError):
            if self.log_file.stat().st_size > _LOG_BYTES_MAX:
                self.log_file.replace(self.log_file.with_suffix(".log.1"))

    async def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not await self._answers():
            if self._process.poll() is not None:
                raise StartError(
                    f"{self.title} did not start: {self.last_words()} (log: {self.log_file})"
                )
            if time.monotonic() > deadline:
                raise StartError(
                    f"{self.title} gave no answer for {START_TIMEOUT_S:.0f} s; see {self.log_file}"
                )
            await asyncio.sleep(POLL_S)

    async def _end_leftover(self) -> None:
        """End a server whose owner died without stopping it."""
        if not self.running:
            await end_leftover(self._pid_file, self.title, self.stop_signal)


def clean_environment() -> dict[str, str]:
    """Our environment, without variables that would change the servers (PGDATA, PGOPTIONS …)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "FRONTROW_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


async def ask(
    opening: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    question: bytes,
    answer_bytes_min: int,
) -> bytes:
    """Send ``question`` and read the first answer; empty while no server listens."""
    try:
        reader, writer = await opening
    except OSError:
        return b""
    try:
        writer.write(question)
        async with asyncio.timeout(5):
            answer = await reader.readexactly(answer_bytes_min)
            return answer if answer_bytes_min < 16 else answer + await reader.read(4096)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
