"""Fixtures of the live gateway's tests: a Redis without PostgreSQL behind it, one event, a gateway."""

from collections.abc import AsyncIterator

import pytest

from engine.local.embedded import EmbeddedRedis
from engine.stores.redis import RedisStore
from tests.integration.live import BoxOffice, Gateway, running_gateway


@pytest.fixture(scope="session")
async def redis_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("live"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def store(redis_server: EmbeddedRedis) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_server.url)
    yield store
    await store.close()


@pytest.fixture
async def office(store: RedisStore) -> BoxOffice:
    office = BoxOffice(store)
    await office.lay()
    return office


@pytest.fixture
async def gateway(store: RedisStore) -> AsyncIterator[Gateway]:
    async with running_gateway(store) as gateway:
        yield gateway
