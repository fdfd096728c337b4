"""``frontrow doctor``: examines everything that the engine depends on, and says how to correct it.

Each examination yields findings; a finding that is not good carries the remedy. Nothing is changed,
except that embedded stores that do not run are started during the examination. Where there is no
installation, they are tried in a temporary folder: an examination does not make an installation.
"""

import asyncio
import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import click
import msgspec
from msgspec import Struct

from engine.base.config import Settings, data_path, mask
from engine.base.data_folder import StartError, is_installed
from engine.base.store_urls import POSTGRES_LOGINS, StoreUrls, running_addresses, running_urls
from engine.limits.rates import PROXY_DOUBT
from engine.local import embedded, up
from engine.local.children import check_ports
from engine.local.embedded import EmbeddedStores
from engine.stores import migrate

if TYPE_CHECKING:
    from redis.asyncio import Redis

_CONNECT_TIMEOUT_S = 5
_POSTGRES_MAJOR_MIN = 18
_REDIS_MIN = (6, 2)
_FREE_BYTES_MIN = 1 << 30
_OPEN_FILES_MIN = 4096
_ROLES_REMEDY = (
    "frontrow migrate --roles prints the SQL; then set FRONTROW_POSTGRES_URL, …_HOUSE_URL, "
    "…_WORKER_URL and …_OWNER_URL (docs/operations.md)"
)


Level = Literal["good", "note", "bad"]


class Finding(Struct, frozen=True):
    """``bad`` stops the engine or endangers sales; ``note`` is worth knowing."""

    level: Level
    what: str
    remedy: str = ""


async def run(settings: Settings) -> bool:
    """Examine, print as it goes, and return whether nothing bad was found."""
    return await report(examine(settings))


async def report(findings: AsyncIterator[Finding]) -> bool:
    """Print findings as they come; return whether none of them is bad."""
    healthy = True
    async for finding in findings:
        healthy = healthy and finding.level != "bad"
        _show(finding)
    return healthy


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding; a part is examined after the parts that it depends on."""
    for finding in _machine(settings):
        yield finding
    installed = not EmbeddedStores(settings).servers or is_installed(data_path(settings))
    async for finding in _installation(settings) if installed else _first_start(settings):
        yield finding


async def _installation(settings: Settings) -> AsyncIterator[Finding]:
    started = running_urls(settings) is None
    try:
        async with embedded.stores(settings) as urls:
            if started:
                yield Finding("good", "embedded stores start (and stop again after this)")
            async for finding in _stores(settings, urls):
                yield finding
    except StartError as error:
        yield Finding("bad", "embedded stores do not start", str(error))
    async for finding in _processes(settings):
        yield finding


async def _first_start(settings: Settings) -> AsyncIterator[Finding]:
    """What ``frontrow up`` would meet here. The processes that answer belong to another installation."""
    yield Finding(
        "note",
        f"there is no Frontrow in {data_path(settings)}",
        "frontrow up makes one; FRONTROW_DATA_DIR names the folder of another one",
    )
    with tempfile.TemporaryDirectory(prefix="frontrow-doctor-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - under root, PostgreSQL runs as another account
        trial = msgspec.structs.replace(settings, data_dir=folder)
        try:
            async with embedded.stores(trial) as urls:
                yield Finding("good", "embedded stores start (tried in a temporary folder)")
                if settings.postgres_url is None:
                    await asyncio.to_thread(migrate.migrate, urls.postgres_owner_url)
                async for finding in _stores(trial, urls):
                    yield finding
        except (StartError, migrate.MigrationError) as error:
            yield Finding("bad", "embedded stores do not start", str(error))
    try:
        check_ports(settings)
    except StartError as error:
        yield Finding("note", "frontrow up could not listen here", str(error))


def _show(finding: Finding) -> None:
    mark, color = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}[
        finding.level
    ]
    click.echo(f"{click.style(mark, fg=color)} {finding.what}")
    if finding.remedy:
        click.echo(f"    → {finding.remedy}")


# --- this machine --------------------------------------------------------------------------


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("good", f"Python {platform.python_version()} on {platform.platform()}")
    folder = data_path(settings)
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        yield Finding(
            "bad",
            f"the data folder {data_path(settings)} cannot be written to",
            "make it writable, or name another one with FRONTROW_DATA_DIR",
        )
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _FREE_BYTES_MIN:
        yield Finding(
            "note", f"only {free_bytes >> 20} MiB are free on {folder}", "make room there"
        )
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if open_files < _OPEN_FILES_MIN:
        yield Finding(
            "note",
            f"a process may open {open_files} files: about as many live maps at a time",
            "raise it before a big on-sale: ulimit -n 65536",
        )


# --- the stores ----------------------------------------------------------------------------


async def _stores(settings: Settings, urls: StoreUrls) -> AsyncIterator[Finding]:
    examinations: tuple[tuple[str, str, Callable[[], AsyncIterator[Finding]]], ...] = (
        ("PostgreSQL", "FRONTROW_POSTGRES_URL", lambda: _postgres(settings, urls)),
        ("Redis", "FRONTROW_REDIS_URL", lambda: _redis(settings, urls.redis_url)),
        ("MongoDB", "FRONTROW_MONGO_URL", lambda: _mongo(settings, urls.mongo_url)),
    )
    for title, variable, examination in examinations:
        try:
            async for finding in examination():
                yield finding
        except Exception as error:  # any exception of a driver is a finding here
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            yield Finding(
                "bad", f"{title} does not answer: {mask(reason)}", f"start it, or check {variable}"
            )


async def _postgres(settings: Settings, urls: StoreUrls) -> AsyncIterator[Finding]:
    import asyncpg  # noqa: PLC0415

    url = urls.postgres_url
    connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
    try:
        version = str(await connection.fetchval("SHOW server_version")).split()[0]
        good = connection.get_server_version().major >= _POSTGRES_MAJOR_MIN
        yield Finding(
            "good" if good else "bad",
            f"PostgreSQL {version} answers at {mask(url)}",
            "" if good else f"upgrade it to {_POSTGRES_MAJOR_MIN}",
        )
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            if await connection.fetchval("SELECT current_setting($1)", name) == "off":
                yield Finding(
                    "bad",
                    f"PostgreSQL runs with {name} = off: a power cut may undo a sale",
                    f"ALTER SYSTEM SET {name} = on; then SELECT pg_reload_conf();",
                )
        allowed = int(await connection.fetchval("SELECT current_setting('max_connections')"))
        # The API has two pools.
        wanted = settings.postgres_pool_size * (len(up.ROLES) + 1)
        if wanted > allowed:
            yield Finding(
                "note",
                f"one api, live and worker may open {wanted} connections, "
                f"PostgreSQL allows {allowed}",
                "raise max_connections, or lower FRONTROW_POSTGRES_POOL_SIZE",
            )

        async def clock_s() -> float:
            moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
            return moment.timestamp()

        yield await _clock("PostgreSQL", clock_s, settings)
        if not await connection.fetchval(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ):
            for finding in _in_the_clear("PostgreSQL", url, "sslmode=verify-full&sslrootcert=…"):
                yield finding
    finally:
        await connection.close()
    async for finding in _logins(urls):
        yield finding
    yield await asyncio.to_thread(_migrations, settings, urls.postgres_owner_url)


async def _logins(urls: StoreUrls) -> AsyncIterator[Finding]:
    """Whether each part of the product has the rights it needs, and no more (``engine.stores.roles``)."""
    import asyncpg  # noqa: PLC0415

    logins = [urls.postgres_url, *(getattr(urls, name) for name in POSTGRES_LOGINS)]
    names = set()
    for url in sorted(set(logins)):
        connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
        try:
            row = await connection.fetchrow(
                "SELECT current_user::text AS name, rolsuper FROM pg_roles WHERE rolname = current_user"
            )
        finally:
            await connection.close()
        assert row is not None
        names.add(row["name"])
        if row["rolsuper"]:
            yield Finding(
                "note",
                f"PostgreSQL's user {row['name']} is a superuser: an attacker who gets a statement "
                "into Frontrow could read files and run programs there",
                _ROLES_REMEDY,
            )
    if len(names) == len(logins):
        yield Finding("good", f"PostgreSQL's logins are separate: {', '.join(sorted(names))}")
    else:
        yield Finding(
            "note",
            f"PostgreSQL's user {' or '.join(sorted(names))} serves several roles: "
            "selling, organising, the worker and migrating have no logins of their own",
            _ROLES_REMEDY,
        )


def _in_the_clear(title: str, url: str, remedy: str) -> Iterator[Finding]:
    """The finding for a store on another machine that is used without TLS."""
    host = (urlsplit(url).hostname or "").lower()
    if host and not host.startswith(("127.", "%2f", "/")) and host not in ("localhost", "::1"):
        yield Finding(
            "note",
            f"{title} at {host} is used without TLS: passwords and people's data are sent unencrypted",
            f"add to its URL: {remedy}",
        )


def _migrations(settings: Settings, url: str) -> Finding:
    try:
        known = migrate.status(url)
        functions = migrate.function_states(url)
    except migrate.MigrationError as error:
        return Finding("bad", f"the schema's state is unknown: {error}")
    # `up` migrates its own database by itself; another database is migrated only on command.
    level: Level = "note" if settings.postgres_url is None else "bad"
    pending = [migration.name for migration in known if not migration.applied]
    if pending:
        return Finding(level, f"migrations are pending: {', '.join(pending)}", "frontrow migrate")
    stale = [function.name for function in functions if function.state != "applied"]
    if stale:
        what = f"functions are not those of this version: {', '.join(stale)}"
        return Finding(level, what, "frontrow migrate")
    return Finding(
        "good",
        f"the schema is up to date ({len(known)} migrations, {len(functions)} functions)",
    )


async def _redis(settings: Settings, url: str) -> AsyncIterator[Finding]:
    import redis.asyncio as aioredis  # noqa: PLC0415

    client = aioredis.Redis.from_url(
        url, socket_connect_timeout=_CONNECT_TIMEOUT_S, socket_timeout=_CONNECT_TIMEOUT_S
    )
    try:
        facts = await client.info("server")
        version = str(facts["redis_version"])
        good = tuple(int(part) for part in version.split(".")[:2]) >= _REDIS_MIN
        yield Finding(
            "good" if good else "bad",
            f"Redis {version} answers at {mask(url)}",
            "" if good else "upgrade it to 6.2 or newer; 8 is recommended",
        )
        policy = (await client.info("memory")).get("maxmemory_policy", "noeviction")
        if policy != "noeviction":
            yield Finding(
                "bad",
                f"Redis evicts keys when memory is short (maxmemory-policy {policy}): "
                "it may forget a hold that somebody is paying for",
                "CONFIG SET maxmemory-policy noeviction",
            )

        async def clock_s() -> float:
            seconds, microseconds = await client.time()
            return int(seconds) + int(microseconds) / 1e6

        yield await _clock("Redis", clock_s, settings)
        if await _may_administer(client):
            yield Finding(
                "note",
                "Redis' user has all rights, and may empty or stop the server",
                f"ACL SETUSER frontrow on >PASSWORD {embedded.REDIS_RIGHTS}; then "
                "FRONTROW_REDIS_URL=redis://frontrow:PASSWORD@…",
            )
        if not url.startswith(("rediss://", "unix://")):
            for finding in _in_the_clear("Redis", url, "rediss:// and ?ssl_ca_certs=…"):
                yield finding
        doubt = await client.get(PROXY_DOUBT)
        if doubt is not None:
            yield Finding(
                "note",
                f"in the last day {doubt.decode() if isinstance(doubt, bytes) else doubt}: if that proxy is yours, all its clients count as one",
                "name it in FRONTROW_TRUSTED_PROXIES, and let it append to X-Forwarded-For",
            )
    finally:
        await client.aclose()


async def _may_administer(client: "Redis") -> bool:
    from redis.exceptions import NoPermissionError, ResponseError  # noqa: PLC0415

    try:
        await client.acl_list()
    except NoPermissionError:
        return False
    except ResponseError:  # a Redis without users, or with renamed commands
        return True
    return True


async def _mongo(settings: Settings, url: str) -> AsyncIterator[Finding]:
    for finding in await asyncio.to_thread(lambda: list(_ask_mongo(settings, url))):
        yield finding


def _ask_mongo(settings: Settings, url: str) -> Iterator[Finding]:
    # One query needs no event loop; motor stays in the one file that owns it.
    from pymongo import MongoClient  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    with MongoClient[dict[str, Any]](
        url, serverSelectionTimeoutMS=_CONNECT_TIMEOUT_S * 1000
    ) as client:
        client.admin.command("ping")
        version = ""
        with suppress(KeyError):
            version = f" {client.server_info()['version']}"
        yield Finding("good", f"MongoDB protocol{version} answers at {mask(url)}")
        is_socket = "%2F" in urlsplit(url).netloc
        who: dict[str, Any] = {}
        with suppress(PyMongoError):
            who = client.admin.command("connectionStatus").get("authInfo", {})
    roles = [(role["db"], role["role"]) for role in who.get("authenticatedUserRoles", [])]
    if foreign := [role for role in roles if role != (settings.mongo_database, "readWrite")]:
        yield Finding(
            "note",
            "MongoDB's user has more rights than needed: "
            + ", ".join(f"{role} on {database}" for database, role in foreign),
            f"give it readWrite on {settings.mongo_database} and nothing else",
        )
    elif not roles and not is_socket:
        yield Finding(
            "note",
            "MongoDB asks for no password: anybody who reaches it can change the catalogue",
            f"make a user with readWrite on {settings.mongo_database}, and name it in FRONTROW_MONGO_URL",
        )
    if not (is_socket or url.startswith("mongodb+srv:") or "tls=true" in url or "ssl=true" in url):
        yield from _in_the_clear("MongoDB", url, "tls=true&tlsCAFile=…")


async def _clock(title: str, ask_s: Callable[[], Awaitable[float]], settings: Settings) -> Finding:
    """The difference of a store's clock from ours, by the quickest of a few round trips."""
    best_trip_s, skew_s = float("inf"), 0.0
    for _ in range(5):
        before_s = time.time()
        theirs_s = await ask_s()
        after_s = time.time()
        if after_s - before_s < best_trip_s:
            best_trip_s = after_s - before_s
            skew_s = theirs_s - (before_s + after_s) / 2
    shown = f"{title}'s clock differs by {skew_s * 1000:+.1f} ms, a round trip takes "
    shown += f"{best_trip_s * 1000:.2f} ms"
    if abs(skew_s) - best_trip_s / 2 > settings.clock_skew_max_s:
        return Finding(
            "bad",
            shown,
            "deadlines of holds are off by that much: synchronise both machines by NTP (chrony)",
        )
    return Finding("good", shown)


# --- our own processes ---------------------------------------------------------------------


async def _processes(settings: Settings) -> AsyncIterator[Finding]:
    # The running product's record in the data folder is more reliable than our variables.
    listening = running_addresses(settings)
    for role in up.ROLES:
        if role.name in listening:
            settings = role.at(settings, *listening[role.name])
        address = f"{role.host(settings)}:{role.port(settings)}"
        if await role.is_ready(settings):
            yield Finding("good", f"{role.title} is ready at {address}")
        elif embedded.port_is_free(role.port(settings), role.host(settings)):
            yield Finding("note", f"{role.title} does not run at {address}", "frontrow up")
        else:
            yield Finding(
                "bad",
                f"{role.title} is not ready at {address}",
                f"read its log, and the answer of curl http://{address}/health/ready",
            )


__all__ = ["Finding", "Level", "examine", "report", "run"]
