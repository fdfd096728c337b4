"""Guessing the organiser's key over HTTP: every route that reveals whether a key is right counts guesses."""

import httpx
import pytest

from tests.conftest import House
from tests.support.http import ORGANISER, Buyer, problem_of

pytestmark = pytest.mark.contract

GUESS = {"Authorization": "Bearer not-the-key-but-long-enough-to-be-one"}


@pytest.mark.parametrize(
    ("address", "path"),
    [("203.0.113.7", "/v1/mails"), ("203.0.113.8", "/v1/events/{event_id}/prices/history")],
)
async def test_a_network_that_guesses_keys_is_limited(
    http: httpx.AsyncClient, house: House, address: str, path: str
) -> None:
    path = path.format(event_id=house.event_id)
    # As a trusted proxy forwards it.
    network = {"X-Forwarded-For": address}
    # The limit is ten per minute; a minute may end meanwhile once, but not again and again.
    for _ in range(40):
        answer = await http.get(path, headers=GUESS | network)
        if answer.status_code == 429:
            break
    problem_of(answer, 429, "too-many-requests")
    other = await http.get("/v1/mails", headers=ORGANISER | {"X-Forwarded-For": "203.0.113.9"})
    assert other.status_code == 200


async def test_a_wrong_key_is_401_and_a_buyers_token_is_403(
    http: httpx.AsyncClient, ada: Buyer
) -> None:
    problem_of(await http.get("/v1/mails", headers=GUESS), 401, "not-authenticated")
    problem_of(await http.get("/v1/mails", headers=ada.auth), 403, "not-allowed")
    counted = "frontrow_wrong_keys_total{of="
    line = next(
        line for line in (await http.get("/metrics")).text.splitlines() if line.startswith(counted)
    )
    assert float(line.split()[-1]) >= 1
