"""The product over HTTP, as a foreign program uses it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from api.problems import shown_path
from engine.base.model import new_id
from engine.catalog.model import EventDraft
from engine.runtime import Runtime
from tests.conftest import ORGANISER_KEY, Stack

Json = dict[str, Any]
ORGANISER = {"Authorization": f"Bearer {ORGANISER_KEY}"}


def problem_of(response: httpx.Response, status: int, code: str) -> Json:
    """The problem in a response, after checking that it is complete (RFC 9457)."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: Json = response.json()
    assert problem["type"] == f"/problems/{code}", problem
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == shown_path(response.request.url.path)
    if status in (429, 503):
        assert int(response.headers["retry-after"]) >= 1
        assert problem["retry_after"] == int(response.headers["retry-after"])
    if status == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")
    return problem


@dataclass(frozen=True)
class Buyer:
    """A person with a token, and their requests."""

    http: httpx.AsyncClient
    auth: dict[str, str]

    async def hold(
        self, event_id: str, *seats: int, floor: int = 0, **headers: str
    ) -> httpx.Response:
        body = {"seats": list(seats), "areas": {"0": floor} if floor else {}}
        return await self.hold_raw(event_id, body, **headers)

    async def hold_raw(self, event_id: str, body: Any, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"/v1/events/{event_id}/holds", json=body, headers=self.auth | named(headers)
        )

    async def book(
        self,
        hold_id: str,
        token: str = "tok_visa",
        key: str | None = None,
        *,
        buyer: Json | None = None,
    ) -> httpx.Response:
        body = booking_body(hold_id, token)
        return await self.http.post(
            "/v1/bookings",
            json=body if buyer is None else body | {"buyer": buyer},
            headers=self.auth | {"Idempotency-Key": key or new_id()},
        )

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, headers=self.auth, params=params)

    async def post(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.post(path, headers=self.auth | named(headers))

    async def delete(self, path: str) -> httpx.Response:
        return await self.http.delete(path, headers=self.auth)


def named(headers: dict[str, str]) -> dict[str, str]:
    """``if_match`` is the header if-match."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def booking_body(hold_id: str, token: str = "tok_visa") -> Json:
    return {
        "hold_id": hold_id,
        "buyer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "payment": {"provider": "sandbox", "token": token},
    }


@pytest_asyncio.fixture(scope="session")
async def stack_http(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as client:
        yield client


@pytest.fixture
def http(request: pytest.FixtureRequest) -> httpx.AsyncClient:
    """A client of the product under test: the stack of the town, or the site."""
    adverse = request.node.get_closest_marker("adversity")
    client: httpx.AsyncClient = request.getfixturevalue("site_http" if adverse else "stack_http")
    return client


async def new_buyer(http: httpx.AsyncClient) -> Buyer:
    token = (await http.post("/v1/auth/guest")).json()
    return Buyer(http, {"Authorization": f"{token['token_type']} {token['access_token']}"})


@pytest_asyncio.fixture
async def ada(http: httpx.AsyncClient) -> Buyer:
    return await new_buyer(http)


@pytest_asyncio.fixture
async def bob(http: httpx.AsyncClient) -> Buyer:
    return await new_buyer(http)


@pytest.fixture
def key() -> str:
    return new_id()


async def seats_of(http: httpx.AsyncClient, event_id: str) -> Json:
    response = await http.get(f"/v1/events/{event_id}/seats")
    assert response.status_code == 200, response.text
    seats: Json = response.json()
    return seats


async def publish_event(runtime: Runtime, venue_id: str, **fields: Any) -> str:
    """An event on sale in a venue with the layout of ``small_house``. Returns its id."""
    usual: Json = {
        "name": "A play",
        "venue_id": venue_id,
        "starts_at": datetime(2031, 5, 1, 20, tzinfo=UTC),
        "currency": "EUR",
        "prices": {"Front": 5000, "Back": 3000},
    }
    draft = EventDraft(**{**usual, **fields})
    event = await runtime.catalog.create_event(draft)
    await runtime.events.publishing.publish(event.event_id)
    return event.event_id
