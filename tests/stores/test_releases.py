"""Databases of earlier releases become today's (``sql/releases``)."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from engine.base.store_urls import StoreUrls
from engine.local.embedded import postgres_bin
from engine.stores import migrate
from tests.conftest import REPO
from tests.support.worlds import scratch_database

pytestmark = pytest.mark.integration

RELEASES = sorted(path for path in (REPO / "sql" / "releases").iterdir() if path.is_dir())


@pytest.mark.parametrize("release", RELEASES, ids=[path.name for path in RELEASES])
async def test_a_released_schema_migrates_to_todays(release: Path, stores: StoreUrls) -> None:
    async with scratch_database(stores.postgres_owner_url) as url:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute((release / "schema.sql").read_text())
        finally:
            await connection.close()
        await asyncio.to_thread(migrate.migrate, url)
        assert all(migration.applied for migration in migrate.status(url))
        dumped = await asyncio.to_thread(migrate.dump, url, postgres_bin())
    assert dumped == (REPO / "sql" / "schema.sql").read_text()
