"""The functions of ``sql/functions``: one file for each, with the function's name, applied whenever it
has changed.

``schema_functions`` records the applied files: name, sha256 of the file, applied_at. Functions are not part
of the schema's history: the last release that migrates leaves its functions. docs/decisions/0036 says what
that means for processes of another release.
"""

import graphlib
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from msgspec import Struct

from engine.base.places import SQL

if TYPE_CHECKING:
    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FUNCTIONS = SQL / "functions"

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('frontrow functions', 0))"
_TABLE = """
CREATE TABLE IF NOT EXISTS schema_functions (
  name       text PRIMARY KEY,
  sha256     text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)"""
# A migration may have dropped a function, to change the type of a parameter.
_KNOWN = """
SELECT name, sha256, EXISTS (
  SELECT FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname = s.name) AS is_there
FROM schema_functions s ORDER BY name"""
_REMEMBER = """
INSERT INTO schema_functions (name, sha256) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256, applied_at = now()"""
_SIGNATURES = """
SELECT oid, oid::regprocedure::text AS signature FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname = $1"""
_TRIGGERS = """
SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass) FROM pg_trigger t
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.pronamespace = 'public'::regnamespace AND p.proname = $1 AND NOT t.tgisinternal"""


class FunctionError(Exception):
    """PostgreSQL refuses a file. The message is one line: the file, and the reason."""


class FunctionFile(Struct, frozen=True):
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def words(self) -> set[str]:
        """All words that may be names, without comments."""
        return set(re.findall(r"\w+", re.sub(r"--.*", "", self.text)))


class FunctionState(Struct, frozen=True):
    name: str
    #: pending: new, changed or missing; obsolete: no file defines it any more.
    state: Literal["applied", "pending", "obsolete"]


def read_functions(folder: Path | None = None) -> list[FunctionFile]:
    """The files, each after those of the functions that it calls: PostgreSQL checks the bodies of SQL
    functions when they are created. Raises FunctionError when they call each other in a cycle.
    """
    paths = sorted((folder or FUNCTIONS).glob("*.sql"))
    files = {path.stem: FunctionFile(path.stem, path.read_text()) for path in paths}
    calls = {name: sorted(file.words() & files.keys() - {name}) for name, file in files.items()}
    try:
        return [files[name] for name in graphlib.TopologicalSorter(calls).static_order()]
    except graphlib.CycleError as error:
        raise FunctionError(f"functions call each other: {', '.join(error.args[1])}") from None


async def apply_functions(connection: "Connection") -> list[str]:
    """Make the database's functions equal to the files, in the caller's transaction: new and changed files
    are applied, functions without a file are dropped. Processes that do so at the same time wait for each
    other.

    Returns the names of the functions that changed. Raises FunctionError, and what the driver raises.
    """
    await connection.execute(_LOCK)
    await connection.execute("SET LOCAL search_path = public")
    await connection.execute(_TABLE)
    changed = [state for state in await _states(connection) if state.state != "applied"]
    files = {file.name: file for file in read_functions()}
    for state in changed:
        if state.state == "obsolete":
            await _forget(connection, state.name)
    for state in changed:
        if state.state == "pending":
            await _put(connection, files[state.name])
    return [state.name for state in changed]


async def function_states(connection: "Connection") -> list[FunctionState]:
    """The state of each function, in the order in which they are applied; raises what the driver raises."""
    if await connection.fetchval("SELECT to_regclass('public.schema_functions')") is None:
        return [FunctionState(file.name, "pending") for file in read_functions()]
    return await _states(connection)


async def drop_functions(connection: "Connection") -> None:
    """Drop every applied function, and their record, when no schema is left for them to work on."""
    await connection.execute(_LOCK)
    await connection.execute(_TABLE)
    for row in await connection.fetch("SELECT name FROM schema_functions"):
        await _forget(connection, row["name"])
    await connection.execute("DROP TABLE schema_functions")


async def _states(connection: "Connection") -> list[FunctionState]:
    rows = await connection.fetch(_KNOWN)
    applied = {row["name"]: row["sha256"] for row in rows if row["is_there"]}
    files = {file.name: file.sha256 for file in read_functions()}
    return [
        *(
            FunctionState(name, "applied" if applied.get(name) == sha256 else "pending")
            for name, sha256 in files.items()
        ),
        *(FunctionState(row["name"], "obsolete") for row in rows if row["name"] not in files),
    ]


async def _put(connection: "Connection", file: FunctionFile) -> None:
    import asyncpg  # noqa: PLC0415 - slow to import, and not needed to read files

    try:
        if not await _replace(connection, file):
            await _drop(connection, file.name)
            await connection.execute(file.text)
    except asyncpg.PostgresError as error:
        raise FunctionError(f"functions/{file.name}.sql{_line(file, error)}: {error}") from error
    if len(await connection.fetch(_SIGNATURES, file.name)) != 1:
        raise FunctionError(
            f"functions/{file.name}.sql: defines no function {file.name}, or several"
        )
    await connection.execute(_REMEMBER, file.name, file.sha256)


async def _replace(connection: "Connection", file: FunctionFile) -> bool:
    """Replace the function. False: PostgreSQL cannot, or has created another one beside it, because its
    parameters or its result type have changed."""
    import asyncpg  # noqa: PLC0415 - slow to import, and not needed to read files

    await _drop_triggers(connection, file.name)
    try:
        async with connection.transaction():
            await connection.execute(file.text)
    except asyncpg.InvalidFunctionDefinitionError:
        return False
    return len(await connection.fetch(_SIGNATURES, file.name)) == 1


async def _forget(connection: "Connection", name: str) -> None:
    import asyncpg  # noqa: PLC0415 - slow to import, and not needed to read files

    try:
        await _drop(connection, name)
    except asyncpg.PostgresError as error:
        raise FunctionError(f"function {name}, which no file defines any more: {error}") from error
    await connection.execute("DELETE FROM schema_functions WHERE name = $1", name)


async def _drop(connection: "Connection", name: str) -> None:
    """Drop the function of that name, and its triggers. PostgreSQL refuses if other objects need it."""
    await _drop_triggers(connection, name)
    for row in await connection.fetch(_SIGNATURES, name):
        await connection.execute(f"DROP ROUTINE {row['signature']}")


async def _drop_triggers(connection: "Connection", name: str) -> None:
    for row in await connection.fetch(_TRIGGERS, name):
        await connection.execute(row[0])


def _line(file: FunctionFile, error: Any) -> str:
    """The line in the file, if PostgreSQL gives a position."""
    if not error.position:
        return ""
    return f", line {file.text.count(chr(10), 0, int(error.position) - 1) + 1}"


__all__ = [
    "FUNCTIONS",
    "FunctionError",
    "FunctionFile",
    "FunctionState",
    "apply_functions",
    "drop_functions",
    "function_states",
    "read_functions",
]
