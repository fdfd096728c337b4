"""Pages of other origins: those that the operator allows may use the API, and can read every answer."""

import httpx
import pytest

from engine.base.model import new_id
from tests.conftest import House, Stack
from tests.support.http import Buyer, problem_of

pytestmark = pytest.mark.contract

FOREIGN = "https://elsewhere.example"


@pytest.fixture
def allowed(stack: Stack) -> str:
    """Another origin than that of the API: another name for the same machine."""
    return stack.api_url.replace("localhost", "127.0.0.1")


async def ask_first(http: httpx.AsyncClient, path: str, origin: str) -> httpx.Response:
    """What a browser sends before a POST with our headers."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,if-match",
    }
    return await http.options(path, headers=headers)


async def test_an_allowed_page_may_send_our_headers(http: httpx.AsyncClient, allowed: str) -> None:
    answer = await ask_first(http, "/v1/bookings", allowed)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers.get_list("access-control-allow-origin") == [allowed]
    names = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "if-match"} <= set(names)
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(methods)
    assert int(answer.headers["access-control-max-age"]) > 600
    assert "Origin" in answer.headers["vary"]


async def test_a_page_that_is_not_allowed_is_refused(http: httpx.AsyncClient) -> None:
    answer = await ask_first(http, "/v1/bookings", FOREIGN)
    assert "FRONTROW_ALLOWED_ORIGINS" in problem_of(answer, 403, "not-allowed")["detail"]
    assert "access-control-allow-origin" not in answer.headers
    read = await http.get("/v1/events", headers={"Origin": FOREIGN})
    assert read.status_code == 200
    assert "access-control-allow-origin" not in read.headers
    assert "Origin" in read.headers["vary"]


async def test_answers_vary_by_origin_for_caches(http: httpx.AsyncClient, house: House) -> None:
    layout = await http.get(f"/v1/events/{house.event_id}/layout")
    assert "public" in layout.headers["cache-control"]
    assert {"Origin", "Accept-Encoding"} <= set(layout.headers["vary"].split(", "))


async def test_an_allowed_page_can_read_every_answer(
    http: httpx.AsyncClient, house: House, ada: Buyer, allowed: str
) -> None:
    page = {"Origin": allowed}
    key = {"Idempotency-Key": new_id()}
    path = f"/v1/events/{house.event_id}/holds"
    first = await ada.http.post(path, json={"seats": [1]}, headers=ada.auth | page | key)
    assert first.status_code == 201
    answers = {
        "read": await http.get(f"/v1/events/{house.event_id}", headers=page),
        "made": first,
        "again from memory": await ada.http.post(
            path, json={"seats": [1]}, headers=ada.auth | page | key
        ),
        "key reused, refused at the edge": await ada.http.post(
            path, json={"seats": [2]}, headers=ada.auth | page | key
        ),
        "not JSON, refused at the edge": await http.post(
            path, content=b"seats=1", headers=page | {"Content-Type": "text/plain"}
        ),
        "bad key, refused at the edge": await ada.http.post(
            path, json={"seats": [2]}, headers=ada.auth | page | {"Idempotency-Key": "x" * 300}
        ),
        "refused by the engine": await ada.http.post(
            path, json={"seats": [1]}, headers=ada.auth | page
        ),
        "no token": await http.post(path, json={"seats": [1]}, headers=page),
        "nothing there": await http.get("/v1/nothing", headers=page),
        "wrong method": await http.put("/v1/events", json={}, headers=page),
    }
    statuses = [answer.status_code for answer in answers.values()]
    assert statuses == [200, 201, 201, 422, 415, 400, 409, 401, 404, 405]
    assert answers["again from memory"].headers["idempotency-replayed"] == "true"
    for name, answer in answers.items():
        assert answer.headers.get_list("access-control-allow-origin") == [allowed], name
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"ETag", "Location", "Retry-After", "Idempotency-Replayed"} <= set(exposed), name
        assert "access-control-allow-credentials" not in answer.headers, name


async def test_an_answer_from_memory_names_the_origin_of_the_present_request(
    house: House, ada: Buyer, stack: Stack, allowed: str
) -> None:
    path = f"/v1/events/{house.event_id}/holds"
    headers = ada.auth | {"Idempotency-Key": new_id()}
    for origin in (allowed, stack.api_url):
        answer = await ada.http.post(
            path, json={"seats": [3]}, headers=headers | {"Origin": origin}
        )
        assert answer.headers.get_list("access-control-allow-origin") == [origin]
