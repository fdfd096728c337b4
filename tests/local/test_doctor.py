"""``frontrow doctor`` examines the installation of the data folder, or what a first start would meet."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from engine.base.config import Settings
from engine.base.store_urls import StoreUrls, running_addresses
from engine.local import doctor
from engine.local.embedded import EmbeddedStores
from tests.conftest import free_port

pytestmark = pytest.mark.integration


async def _ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def test_doctor_checks_the_addresses_of_the_running_product(
    tmp_path: Path, stores: StoreUrls
) -> None:
    # The owner starts no servers: it only owns the folder. Our variables name unused ports.
    settings = Settings(
        data_dir=str(tmp_path),
        **msgspec.structs.asdict(stores),
        api_port=free_port(),
        live_port=free_port(),
        worker_port=free_port(),
    )
    assert running_addresses(settings) == {}
    owner = EmbeddedStores(settings)
    async with await asyncio.start_server(_ready, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        elsewhere = ("127.0.0.1", free_port())
        await owner.start({"api": ("127.0.0.1", port), "live": elsewhere, "worker": elsewhere})
        try:
            found = [finding async for finding in doctor._processes(settings)]
        finally:
            await owner.stop()
    assert [finding.level for finding in found] == ["good", "note", "note"]
    assert found[0].what == f"the API is ready at 127.0.0.1:{port}"
    assert found[1].what == f"the live gateway does not run at 127.0.0.1:{elsewhere[1]}"
    # The product no longer runs: now only our variables count.
    (api, *_) = [finding async for finding in doctor._processes(settings)]
    assert api.what == f"the API does not run at 127.0.0.1:{settings.api_port}"


async def test_an_examination_makes_no_installation(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = Settings(
        data_dir=str(folder), api_port=free_port(), live_port=free_port(), worker_port=free_port()
    )
    async with await asyncio.start_server(_ready, "127.0.0.1", settings.api_port):
        found = [finding async for finding in doctor.examine(settings)]
    # Another installation's API on our port is a reason not to start, not a good finding.
    (busy,) = [f for f in found if str(settings.api_port) in f.what + f.remedy]
    assert busy.level == "note"
    assert "taken" in busy.remedy
    assert any(f.what == f"there is no Frontrow in {folder}" for f in found)
    assert any("the schema is up to date" in f.what for f in found)
    assert [f for f in found if f.level == "bad"] == []
    assert not folder.exists()
