"""PostgreSQL's roles (``sql/roles.sql``) and their rights (``sql/grants.sql``).

======== ======================================================= ===========================
owner    owns the schema, migrates it, backs it up               FRONTROW_POSTGRES_OWNER_URL
sell     serves buyers: functions write, it only reads           FRONTROW_POSTGRES_URL
house    the organiser's work, and accounts                      FRONTROW_POSTGRES_HOUSE_URL
worker   the worker                                              FRONTROW_POSTGRES_WORKER_URL
readonly people who inspect the data; sees no secrets            (not used by our processes)
======== ======================================================= ===========================

Each is a separate login, so that an attacker with a statement in one of them cannot become another, as
with ``SET ROLE``. Their names share a prefix: ``frontrow_owner``, ``frontrow_sell``, …
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from engine.base.places import SQL

if TYPE_CHECKING:
    import asyncpg

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

ROLES = ("owner", "sell", "house", "worker", "readonly")
ROLES_FILE = SQL / "roles.sql"
GRANTS_FILE = SQL / "grants.sql"
_OWNER = "_owner"


def statements(prefix: str, passwords: Mapping[str, str] | None = None) -> str:
    """SQL for a superuser, in Frontrow's database, that creates the roles ``prefix``_owner and so on.

    With ``passwords`` by role: for a server that is ours alone. There the owner may create databases and
    end other sessions' statements, and only the owner may connect to PostgreSQL's own databases.
    """
    parts = [f"SET frontrow.prefix = {_literal(prefix)};", ROLES_FILE.read_text().strip()]
    for role, password in (passwords or {}).items():
        parts.append(f"ALTER ROLE {_name(prefix, role)} PASSWORD {_literal(password)};")
    if passwords:
        owner = _name(prefix, "owner")
        parts += [
            f"ALTER ROLE {owner} CREATEDB;",
            f"GRANT pg_monitor, pg_signal_backend TO {owner};",
            "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;",
            f"GRANT CONNECT ON DATABASE postgres TO {owner};",
        ]
    return "\n\n".join(parts) + "\n"


def script(postgres_url: str | None) -> str:
    """``statements`` for an operator's own server, and how to give the logins their passwords."""
    database = urlsplit(postgres_url or "").path.strip("/") or "frontrow"
    prefix = prefix_of(postgres_url or "") or unquote(database)
    head = (
        "-- For a superuser, in Frontrow's database: frontrow migrate --roles | "
        f"psql --dbname={database} --set=ON_ERROR_STOP=1\n-- Then give each login a password of its "
        "own, in psql, which never sends a password unencrypted:\n"
        + "".join(f"--   \\password {_name(prefix, role)}\n" for role in ROLES)
        + "-- and let the owner migrate: FRONTROW_POSTGRES_OWNER_URL=… frontrow migrate\n\n"
    )
    return head + statements(prefix)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(prefix: str, role: str) -> str:
    return '"' + f"{prefix}_{role}".replace('"', '""') + '"'


def prefix_of(owner_url: str) -> str | None:
    """``frontrow`` of ``postgresql://frontrow_owner@…``; None when one user does everything."""
    user = unquote(urlsplit(owner_url).username or "")
    return user.removesuffix(_OWNER) if user.endswith(_OWNER) and user != _OWNER else None


async def grant(connection: "Connection", owner_url: str) -> bool:
    """Give each role its rights, and no more, in the transaction of ``connection``, which is the owner's.
    False: there are no roles; one user does everything.

    Raises what the driver raises.
    """
    prefix = prefix_of(owner_url)
    if prefix is None:
        return False
    names = [f"{prefix}_{role}" for role in ROLES]
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_roles WHERE rolname = ANY($1)", names
    )
    if found < len(ROLES):
        return False
    await connection.execute(GRANTS_FILE.read_text())
    return True


__all__ = ["GRANTS_FILE", "ROLES", "ROLES_FILE", "grant", "prefix_of", "script", "statements"]
