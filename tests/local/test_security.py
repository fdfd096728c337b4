"""``frontrow security``: what it reports of a deployment, and what it does not."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.errors import InvalidInput
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.local.doctor import Finding
from engine.local.security import as_a_stranger, examine
from engine.runtime import open_runtime
from tests.conftest import MakeHouse, Stack, running_stack

pytestmark = pytest.mark.integration

#: A good deployment. Its address does not answer, which is a note.
GOOD = Settings(
    public_url="https://tickets.invalid",
    live_public_url="wss://tickets.invalid",
    allowed_origins=("https://tickets.invalid",),
    organiser_key="0123456789abcdefghijklmnopqrstuvwxyz",
    smtp_url="smtps://frontrow:secret@mail.invalid:465",
    mail_from="tickets@theatre.invalid",
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(town: Settings, stores: StoreUrls) -> AsyncIterator[Stack]:
    async with running_stack(town, stores) as running:
        yield running


async def found(settings: Settings, level: str = "bad") -> list[str]:
    return [f.what for f in [one async for one in examine(settings)] if f.level == level]


async def test_a_good_deployment_has_no_bad_finding(tmp_path: Path) -> None:
    assert await found(msgspec.structs.replace(GOOD, data_dir=str(tmp_path))) == []


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"public_url": "http://tickets.invalid"}, "FRONTROW_PUBLIC_URL"),
        ({"live_public_url": "ws://tickets.invalid"}, "FRONTROW_LIVE_PUBLIC_URL"),
        ({"allowed_origins": ("http://localhost:8000",)}, "FRONTROW_ALLOWED_ORIGINS"),
        ({"sandbox": "allow"}, "FRONTROW_SANDBOX"),
        ({"smtp_url": ""}, "FRONTROW_SMTP_URL"),
        ({"unlimited_networks": ("127.0.0.0/8",)}, "FRONTROW_UNLIMITED_NETWORKS"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "FRONTROW_TRUSTED_PROXIES"),
        ({"trusted_proxies": ()}, "FRONTROW_TRUSTED_PROXIES"),
        ({"metrics_networks": ("0.0.0.0/1",)}, "FRONTROW_METRICS_NETWORKS"),
    ],
    ids=str,
)
async def test_each_weakness_is_named(change: dict[str, object], named: str) -> None:
    (bad,) = await found(msgspec.structs.replace(GOOD, **change))
    assert bad.startswith(named)


async def test_a_local_installation_has_no_bad_finding() -> None:
    assert await found(Settings()) == []
    assert "this deployment is not public" in await found(Settings(), "note")


async def test_files_that_others_can_read_are_named(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({}))
    secrets.chmod(0o644)
    (bad,) = await found(msgspec.structs.replace(GOOD, data_dir=str(tmp_path)))
    assert str(secrets) in bad


def test_an_address_that_shows_strangers_too_much_is_reported(stack: Stack) -> None:
    # Without a proxy, and from the machine itself: the worst possible public address.
    bad = [finding.what for finding in as_a_stranger(stack.api_url)]
    assert any("strict-transport-security" in what for what in bad)
    assert any("/metrics answers 200 to a stranger" in what for what in bad)


def test_an_address_that_does_not_answer_is_a_note() -> None:
    (note,) = as_a_stranger("https://tickets.invalid")
    assert isinstance(note, Finding)
    assert note.level == "note"


async def test_the_sandbox_sells_in_public_only_if_allowed(
    settings: Settings, stores: StoreUrls, make_house: MakeHouse
) -> None:
    house = await make_house()
    hold = await house.hold(new_id(), 1)
    public = msgspec.structs.replace(settings, public_url="https://tickets.invalid")
    async with open_runtime(public, role="test") as runtime:
        with pytest.raises(InvalidInput, match="FRONTROW_SANDBOX=allow") as refused:
            await runtime.sales.checkout.book(new_id(), new_id(), house.request(hold))
    assert refused.value.code == "unknown-payment-provider"
    allowed = msgspec.structs.replace(public, sandbox="allow")
    buyer = new_id()
    async with open_runtime(allowed, role="test") as runtime:
        hold = await runtime.holds.place(house.event_id, buyer, seats=[2])
        answer, _ = await runtime.sales.checkout.book(buyer, new_id(), house.request(hold))
    assert answer.outcome == "confirmed"
