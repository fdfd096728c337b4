"""Databases of a test's own on the session's servers, where no other process's worker reaches."""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import msgspec

from engine import migrate
from engine.config import Settings
from engine.embedded import StoreUrls


async def make_world(
    settings: Settings, stores: StoreUrls, name: str, *, redis_database: int, **changes: object
) -> Settings:
    """Settings (with ``changes``) of an empty, migrated world called ``name``.

    It may be emptied at any time (FLUSHDB): nobody else lives there.
    """
    postgres_url = _with_path(stores.postgres_url, name)
    await asyncio.to_thread(migrate.migrate, postgres_url)
    return msgspec.structs.replace(
        settings,
        postgres_url=postgres_url,
        redis_url=_with_path(stores.redis_url, str(redis_database)),
        mongo_url=stores.mongo_url,
        mongo_database=name,
        **changes,
    )


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + path))
