"""TLS to the stores by their URLs: a sale over TLS, and no data to a server with a wrong certificate.

The bundled servers have no TLS: a TLS proxy is in front of each, as stunnel would be.
"""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.errors import FrontrowError
from engine.base.model import new_id
from engine.base.store_urls import POSTGRES_LOGINS, StoreUrls
from engine.runtime import Runtime, open_runtime
from engine.stores import migrate
from engine.stores.migrate import MigrationError
from tests.conftest import House, make_event
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration

_DAYS = "3650"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _make_authority(folder: Path, name: str) -> Path:
    """A certificate authority, and its certificate for ``localhost``."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    authority = ("-keyout", f"{name}-ca.key", "-out", f"{name}-ca.pem", "-subj", f"/CN={name}")
    _openssl(folder, "req", "-x509", *key, *authority, "-days", _DAYS)
    asked = ("-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
    _openssl(folder, "req", *key, *asked)
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ("-CA", f"{name}-ca.pem", "-CAkey", f"{name}-ca.key", "-CAcreateserial")
    out = ("-out", f"{name}.pem", "-days", _DAYS, "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, *out)
    return folder / f"{name}-ca.pem"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class _Front:
    """Speaks TLS to clients, and forwards their data to a server without TLS."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._url = urlsplit(url)
        self._context = context
        self.seen = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            if self._url.scheme == "postgresql":
                # PostgreSQL's clients ask first whether there is TLS.
                await reader.readexactly(8)
                writer.write(b"S")
            await writer.start_tls(self._context)
            self.seen += 1
            if self._url.port:
                behind = await asyncio.open_connection("127.0.0.1", self._url.port)
            else:
                behind = await asyncio.open_unix_connection(unquote(self._url.netloc))
            await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


def _through(url: str, port: int, query: str, host: str = "localhost") -> str:
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    scheme = "rediss" if parts.scheme == "redis" else parts.scheme
    kept = "directConnection=true&" if scheme == "mongodb" else ""
    return urlunsplit(
        parts._replace(scheme=scheme, netloc=f"{login}{at}{host}:{port}", query=kept + query)
    )


_QUERIES: dict[str, Callable[[Path], str]] = {
    "postgres": lambda ca: f"sslmode=verify-full&sslrootcert={ca}",
    "redis": lambda ca: f"ssl_ca_certs={ca}",
    "mongo": lambda ca: f"tls=true&tlsCAFile={ca}",
}


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tls")
    return {name: _make_authority(folder, name) for name in ("ours", "foreign")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(settings: Settings, stores: StoreUrls) -> Settings:
    return await make_world(settings, stores, "encrypted", redis_database=14)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fronts(
    world: Settings, authorities: dict[str, Path]
) -> AsyncIterator[dict[str, tuple[_Front, int]]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate = authorities["ours"].with_name("ours.pem")
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    async with AsyncExitStack() as ending:
        opened = {}
        for store in _QUERIES:
            front = _Front(getattr(world, f"{store}_url"), context)
            opened[store] = front, await ending.enter_async_context(front.running())
        yield opened


def _encrypted(
    world: Settings, fronts: dict[str, tuple[_Front, int]], ca: Path, **changes: Any
) -> Settings:
    urls = {
        f"{store}_url": _through(
            getattr(world, f"{store}_url"), port, _QUERIES[store](ca), **changes
        )
        for store, (_, port) in fronts.items()
    }
    for name in POSTGRES_LOGINS:
        urls[name] = _through(
            getattr(world, name), fronts["postgres"][1], _QUERIES["postgres"](ca), **changes
        )
    # A pool behind a front does not close in order, and ends only after this time.
    return msgspec.structs.replace(world, store_timeout_s=10.0, long_timeout_s=20.0, **urls)


async def test_a_sale_works_over_tls(
    world: Settings, fronts: dict[str, tuple[_Front, int]], authorities: dict[str, Path]
) -> None:
    encrypted = _encrypted(world, fronts, authorities["ours"])
    assert encrypted.postgres_owner_url is not None
    # dbmate and the driver read the same URL.
    assert await asyncio.to_thread(migrate.migrate, encrypted.postgres_owner_url) == []
    async with open_runtime(encrypted, role="test") as runtime:
        house = House(runtime, await make_event(runtime))
        buyer = new_id()
        assert (await house.book(buyer, await house.hold(buyer, 3))).outcome == "confirmed"
        assert await runtime.stores.redis.client.ping()
    assert all(front.seen for front, _ in fronts.values())


async def _asked(runtime: Runtime, store: str) -> Any:
    return await {
        "postgres": runtime.stores.view.ping,
        "redis": runtime.stores.redis.ping,
        "mongo": runtime.stores.mongo.ping,
    }[store]()


@pytest.mark.parametrize("store", _QUERIES)
@pytest.mark.parametrize("doubt", ["another authority", "another name"])
async def test_a_server_with_an_invalid_certificate_receives_nothing(
    world: Settings,
    fronts: dict[str, tuple[_Front, int]],
    authorities: dict[str, Path],
    store: str,
    doubt: str,
) -> None:
    if doubt == "another name":
        encrypted = _encrypted(world, fronts, authorities["ours"], host="127.0.0.1")
    else:
        encrypted = _encrypted(world, fronts, authorities["foreign"])
    # Both, because processes that do not serve buyers use the longer limit, and no answer will come.
    encrypted = msgspec.structs.replace(encrypted, store_timeout_s=2.0, long_timeout_s=2.0)
    async with open_runtime(encrypted, role="test") as runtime:
        with pytest.raises((FrontrowError, ssl.SSLError)):
            await _asked(runtime, store)
    if store == "postgres":
        assert encrypted.postgres_owner_url is not None
        with pytest.raises(MigrationError, match="certificate"):
            await asyncio.to_thread(migrate.migrate, encrypted.postgres_owner_url)
