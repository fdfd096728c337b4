"""How the page gets and keeps the buyer's token: the server decides, and no buyer loses a purchase."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Page

from engine.base.model import new_id
from tests.conftest import (
    TOKEN_SECRET,
    House,
    Stack,
    end_process,
    free_port,
    start_role,
    until_ready,
)
from tests.support.pages import OpenPage

pytestmark = pytest.mark.browser

DAY = 86_400
_WHO = 'return (await api.call("GET", "/v1/me")).person_id;'


async def run(page: Page, base: str, code: str) -> Any:
    """The result of ``code``, with the page's own API layer as ``api``, for the API at ``base``."""
    within = 'const { Api } = await import("/web/api.js"); const api = new Api(base);'
    return await page.evaluate(f"async (base) => {{ {within} {code} }}", base)


def signed(subject: str, *, days_ago: float) -> str:
    claims = {"sub": subject, "aud": "frontrow", "exp": int(time.time() - days_ago * DAY)}
    return jwt.encode(claims, TOKEN_SECRET, "HS256")


async def keep(page: Page, base: str, token: str, at: str = "Date.now()") -> None:
    """Store a token as if the page had got it at ``at`` by its own clock."""
    await page.evaluate(
        f"""([base, access_token]) => localStorage.setItem(`frontrow.token.${{base}}`,
          JSON.stringify({{ access_token, at_ms: {at}, renew_ms: 3.0e8 }}))""",
        [base, token],
    )


@pytest_asyncio.fixture(scope="module")
async def pressed(stack: Stack) -> AsyncIterator[str]:
    """The URL of an API that gives one token a minute without work."""
    port = free_port()
    limits = {"FRONTROW_UNLIMITED_NETWORKS": "", "FRONTROW_GUEST_TOKENS_PER_MINUTE": "1"}
    process = start_role("api", stack.environment | {"FRONTROW_API_PORT": str(port)} | limits)
    url = f"http://localhost:{port}"
    try:
        await until_ready(url)
        yield url
    finally:
        end_process(process)


async def test_under_pressure_the_page_works_for_its_token(
    pressed: str, open_page: OpenPage
) -> None:
    people = set()
    for _ in range(3):
        page = await open_page()
        await page.goto(pressed)
        session = await page.context.new_cdp_session(page)
        # As fast as a telephone.
        await session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        code = f"api.onWork = (words) => api.said = words; const who = await (async () => {{{_WHO}}})();"
        who, said = await run(page, pressed, code + "return [who, api.said ?? null];")
        people.add(who)
    assert len(people) == 3
    assert "moment" in said


async def test_a_guest_comes_back_after_a_long_time(
    stack: Stack, house: House, open_page: OpenPage
) -> None:
    page = await open_page()
    await page.goto(stack.api_url)
    ada = new_id()
    await house.book(ada, await house.hold(ada, 1))
    await keep(page, stack.api_url, signed(ada, days_ago=8))
    found = await run(page, stack.api_url, "return (await api.bookings()).items.length;")
    assert found == 1
    assert await run(page, stack.api_url, _WHO) == ada
    # A guest without bookings is replaced by a new one.
    await keep(page, stack.api_url, signed(new_id(), days_ago=8))
    assert await run(page, stack.api_url, _WHO) not in (ada, None)


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_wrong_clock_does_not_lose_the_guest(
    stack: Stack, open_page: OpenPage, days: int
) -> None:
    page = await open_page()
    await page.goto(stack.api_url)
    async with httpx.AsyncClient(base_url=stack.api_url) as http:
        token = (await http.post("/v1/auth/guest")).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        ada = (await http.get("/v1/me", headers=headers)).json()["person_id"]
    await keep(page, stack.api_url, token, f"Date.now() + {days * DAY * 1000}")
    async with page.expect_response("**/v1/auth/guest") as renewal:
        assert await run(page, stack.api_url, _WHO) == ada
    assert (await renewal.value).status == 201
    assert await run(page, stack.api_url, _WHO) == ada


async def test_an_unreachable_server_does_not_lose_the_guest(
    stack: Stack, open_page: OpenPage
) -> None:
    page = await open_page()
    await page.goto(stack.api_url)
    token = signed(new_id(), days_ago=1)
    await keep(page, stack.api_url, token)
    await page.route("**/v1/auth/guest", lambda route: route.abort())
    code = "return await api.call('GET', '/v1/me').catch((error) => error.code);"
    assert await run(page, stack.api_url, code) == "network"
    kept = await page.evaluate(
        "base => localStorage.getItem(`frontrow.token.${base}`)", stack.api_url
    )
    assert token in kept
