"""Databases of a test's own on the session's servers, which no other process's worker uses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
from redis.asyncio import Redis

from engine.base.config import Settings
from engine.base.data_folder import kept_secret
from engine.base.model import new_id
from engine.base.store_urls import POSTGRES_LOGINS, StoreUrls
from engine.live.keys import base_key
from engine.runtime import Runtime
from engine.stores import roles
from engine.stores.redis import RedisStore

#: The template database: migrated, empty, and without connections.
BLANK = "blank"


async def run_step(runtime: Runtime, name: str) -> int:
    """Run one round of this step of a worker."""
    (step,) = (step for step in runtime.steps() if step.name == name)
    return await step.run_once()


async def make_world(
    settings: Settings, stores: StoreUrls, name: str, *, redis_database: int, **changes: object
) -> Settings:
    """Settings (with ``changes``) of an empty, migrated world called ``name``.

    It may be emptied at any time (FLUSHDB): nobody else uses it.
    """
    logins = postgres_logins(stores, name)
    with suppress(asyncpg.DuplicateDatabaseError):
        await _copy_of_blank(logins["postgres_owner_url"], name)
    return msgspec.structs.replace(
        settings,
        **logins,
        redis_url=_with_path(stores.redis_url, str(redis_database)),
        mongo_url=stores.mongo_url,
        mongo_database=name,
        **changes,
    )


def with_one_login(world: Settings) -> Settings:
    """The same world with one PostgreSQL login for everything: one pool, one breaker, one bulkhead."""
    return msgspec.structs.replace(
        world, postgres_url=world.postgres_owner_url, **dict.fromkeys(POSTGRES_LOGINS)
    )


async def as_redis_owner(runtime: Runtime, *command: str) -> Any:
    """Run a command as the owner of the session's Redis, which no process of the product may run."""
    where = runtime.stores.redis.client.connection_pool.connection_kwargs
    password = kept_secret(Path(runtime.settings.data_dir), "redis_password")
    owner = Redis(host=where["host"], port=where["port"], db=where["db"], password=password)
    try:
        return await owner.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py
    finally:
        await owner.aclose()


@asynccontextmanager
async def scratch_database(owner_url: str) -> AsyncIterator[str]:
    """An empty database, and its owner's URL."""
    name = f"scratch_{new_id().replace('-', '')}"
    admin = await asyncpg.connect(owner_url)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield in_database(owner_url, name)
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


async def _copy_of_blank(owner_url: str, name: str) -> None:
    connection = await asyncpg.connect(in_database(owner_url, "postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {BLANK}")
    finally:
        await connection.close()
    # The right to connect to a database is not copied with it.
    connection = await asyncpg.connect(owner_url)
    try:
        await roles.grant(connection, owner_url)
    finally:
        await connection.close()


async def keys_of(store: RedisStore, event_id: str) -> list[bytes]:
    """Every key of an event."""
    return [
        key async for key in store.client.scan_iter(match=base_key(event_id) + "*", count=10_000)
    ]


def postgres_logins(stores: StoreUrls, database: str) -> dict[str, str]:
    """The settings that name PostgreSQL's logins, in another database."""
    names = ("postgres_url", *POSTGRES_LOGINS)
    return {name: in_database(getattr(stores, name), database) for name in names}


def in_database(url: str, database: str) -> str:
    """The same login in another database of the same server."""
    return _with_path(url, database)


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + path))
