"""One site for all tests of this folder; each begins with everything running."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.adversity.site import Site, open_site
from tests.clusters import copy_cluster
from tests.conftest import let_it_be_over


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def _site(tmp_path_factory: pytest.TempPathFactory, cluster: Path) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("adversity")
    copy_cluster(cluster, folder)
    async with open_site(folder) as site:
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(_site: Site) -> AsyncIterator[Site]:
    await _site.heal()
    await let_it_be_over(_site.runtime)
    yield _site
    # Whatever a failed test left broken must not spoil the next.
    for proxy in _site.links.values():
        proxy.mend()


@pytest_asyncio.fixture(loop_scope="session")
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the site's API."""
    async with httpx.AsyncClient(base_url=site.api_url, timeout=60, trust_env=False) as client:
        yield client
