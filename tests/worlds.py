"""Databases of a test's own on the session's servers, where no other process's worker reaches."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import msgspec

from engine import migrate
from engine.config import Settings
from engine.embedded import POSTGRES_LOGINS, StoreUrls


async def make_world(
    settings: Settings, stores: StoreUrls, name: str, *, redis_database: int, **changes: object
) -> Settings:
    """Settings (with ``changes``) of an empty, migrated world called ``name``.

    It may be emptied at any time (FLUSHDB): nobody else lives there.
    """
    logins = postgres_logins(stores, name)
    await asyncio.to_thread(migrate.migrate, logins["postgres_owner_url"])
    return msgspec.structs.replace(
        settings,
        **logins,
        redis_url=_with_path(stores.redis_url, str(redis_database)),
        mongo_url=stores.mongo_url,
        mongo_database=name,
        **changes,
    )


def postgres_logins(stores: StoreUrls, database: str) -> dict[str, str]:
    """The settings that name PostgreSQL's logins, in another database."""
    names = ("postgres_url", *POSTGRES_LOGINS)
    return {name: _with_path(getattr(stores, name), database) for name in names}


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + path))
