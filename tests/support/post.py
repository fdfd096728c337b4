"""The engine with a test's own mail server, on a database that no other worker uses."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import msgspec

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from tests.support.worlds import BLANK, postgres_logins

MAIL_FROM = "City Theatre <tickets@theatre.example>"


def database_url(urls: StoreUrls, name: str) -> str:
    """The owner's."""
    return postgres_logins(urls, name)["postgres_owner_url"]


@asynccontextmanager
async def cloned_database(urls: StoreUrls) -> AsyncIterator[str]:
    """The URL of an empty, migrated database that nobody else uses."""
    name = "test_" + new_id().replace("-", "")
    connection = await asyncpg.connect(urls.postgres_owner_url)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {BLANK}")
        yield database_url(urls, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


def post_settings(settings: Settings, urls: StoreUrls, postgres_url: str, **more: Any) -> Settings:
    """Settings with short waits and all stores. ``postgres_url``: any login of that database."""
    fields: dict[str, Any] = {
        **postgres_logins(urls, urlsplit(postgres_url).path.strip("/")),
        "redis_url": urls.redis_url,
        "mongo_url": urls.mongo_url,
        "mail_from": MAIL_FROM,
        "mail_timeout_s": 30.0,
        "mail_retry_s": 0.02,
        "mail_per_second": 10_000.0,
        **more,
    }
    return msgspec.structs.replace(settings, **fields)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(settings, role="test") as runtime:
        yield runtime


async def statuses(runtime: Runtime) -> dict[tuple[str, str], int]:
    """How many notifications there are of each kind and status."""
    async with runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT kind, status::text, count(*) AS n FROM notifications GROUP BY 1, 2"
        )
    return {(row["kind"], row["status"]): row["n"] for row in rows}
