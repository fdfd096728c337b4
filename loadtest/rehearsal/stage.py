"""The rehearsal's own stores and processes, in a folder of its own: your data are not touched."""

import asyncio
import contextlib
import secrets
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.base.config import Settings
from engine.base.data_folder import StartError
from engine.base.store_urls import StoreUrls
from engine.local import embedded
from engine.local.children import READY_TIMEOUT_S, ROLES, Role
from engine.runtime import Runtime, open_runtime
from loadtest.processes import REPO, cpu_s, environment, free_ports, own_stores

_END_S = 20.0
#: Settings that influence a sale apply to the copy too.
_KEPT = (
    *("hold_ttl_s", "hold_max_s", "hold_warning_s", "payment_window_s", "buyer_limit"),
    *("gateway_timeout_s", "reprice_interval_s", "live_tick_ms", "postgres_pool_size"),
    *("worker_tick_s", "reconcile_interval_s", "outbox_grace_s"),
)


@dataclass(frozen=True)
class Stage:
    """The copy's running product. ``pids`` by the name of each process."""

    runtime: Runtime
    settings: Settings
    urls: StoreUrls
    pids: dict[str, int]
    processes: dict[str, "subprocess.Popen[bytes]"]
    #: The folder of the processes' logs.
    logs: Path

    def check(self) -> None:
        """Raises StartError if a process has ended that should not have."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise StartError(
                    f"the copy's process {name} ended ({process.returncode}) before the sale did: "
                    f"{_last_words(self.logs, name)}"
                )

    def cpu_s(self) -> dict[str, float]:
        """User and system seconds so far, with children, by process; ended processes are left out."""
        return {name: cpu_s(pid) for name, pid in self.pids.items()}


@contextlib.asynccontextmanager
async def stage(folder: Path, yours: Settings) -> AsyncIterator[Stage]:
    """Stores, API, gateway and worker, ready; all ended and stopped at the end. Raises StartError."""
    settings = _settings(folder, yours)
    async with contextlib.AsyncExitStack() as ending:
        stores = await ending.enter_async_context(own_stores(settings))
        urls = stores.urls()
        settings = msgspec.structs.replace(settings, **msgspec.structs.asdict(urls))
        pids = {server.name: server.pid for server in stores.servers}
        runtime = await ending.enter_async_context(open_runtime(settings, role="rehearsal"))
        await runtime.stores.mongo.ensure_indexes()
        logs = folder / "logs"
        processes = ending.enter_context(_processes(settings, logs))
        for role in ROLES:
            await _until_ready(role, settings, processes[role.name], logs)
        pids |= {name: process.pid for name, process in processes.items()}
        yield Stage(runtime, settings, urls, pids, processes, logs)


def _settings(folder: Path, yours: Settings) -> Settings:
    api, live, worker = free_ports(3)
    return Settings(
        **{name: getattr(yours, name) for name in _KEPT},
        data_dir=str(folder),
        token_secret=secrets.token_urlsafe(32),
        api_port=api,
        live_port=live,
        worker_port=worker,
        public_url=f"http://localhost:{api}",
        live_public_url=f"ws://localhost:{live}",
        live_connections_per_address=1_000_000,
        live_connections_max=1_000_000,
        log_level="warning",
    )


def _environment(settings: Settings) -> dict[str, str]:
    defaults = Settings()
    changed = {
        name: value
        for name, value in msgspec.structs.asdict(settings).items()
        if value != getattr(defaults, name)
    }
    return environment(**changed)


@contextlib.contextmanager
def _processes(settings: Settings, logs: Path) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """API, gateway and worker, by name."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for role in ROLES:
            with (logs / f"{role.name}.log").open("ab") as log:
                started[role.name] = subprocess.Popen(
                    embedded.leashed(role.command(settings), signal.SIGKILL),
                    env=_environment(settings),
                    cwd=REPO,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C is for this process, which stops them at its own end.
                    start_new_session=True,
                )
        yield started
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _until_ready(
    role: Role, settings: Settings, process: "subprocess.Popen[bytes]", logs: Path
) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READY_TIMEOUT_S):
            while process.poll() is None:
                if await role.is_ready(settings):
                    return
                await asyncio.sleep(0.05)
    raise StartError(f"{role.title} of the copy did not start: {_last_words(logs, role.name)}")


def _last_words(logs: Path, name: str) -> str:
    said = (logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
    return said[-1] if said else "it printed nothing"


__all__ = ["Stage", "stage"]
