"""Parameters of an address are read strictly: a wrong one is refused with what to send, never ignored."""

import httpx
import pytest

from engine.base.model import new_id
from tests.support.http import ORGANISER, problem_of

pytestmark = pytest.mark.contract

_LIMIT = "send a whole number from 1 to 100"
_YES_OR_NO = "send true or false"
_MOMENT = "send a date and time with its time zone, like 2027-05-01T20:00:00Z"
_PLACE = "send latitude and longitude in degrees, as in near=52.5,13.4"
_RADIUS = "send a number above 0 and of at most 20000"
_ONCE = "it is given more than once; send one value"


@pytest.mark.parametrize(
    ("query", "key", "advice"),
    [
        ("limit=0", "limit", _LIMIT),
        ("limit=ten", "limit", _LIMIT),
        ("limit=", "limit", _LIMIT),
        ("limit=5&limit=6", "limit", _ONCE),
        ("available=perhaps", "available", _YES_OR_NO),
        ("available=", "available", _YES_OR_NO),
        ("available=null", "available", _YES_OR_NO),
        ("available=NULL", "available", _YES_OR_NO),
        ("available=2", "available", _YES_OR_NO),
        ("available=true&available=false", "available", _ONCE),
        ("q=a&q=b", "q", _ONCE),
        ("near=abc", "near", _PLACE),
        ("near=", "near", _PLACE),
        ("near=52.5", "near", _PLACE),
        ("near=52.5,13.4,1", "near", _PLACE),
        ("near=nan,nan", "near", _PLACE),
        ("near=1_0,2", "near", _PLACE),
        ("near=inf,0", "near", _PLACE),
        ("near=91,0", "near", "latitude is -90 to 90, longitude -180 to 180"),
        ("near=0,-181", "near", "latitude is -90 to 90, longitude -180 to 180"),
        ("near=1,2&radius_km=-3", "radius_km", _RADIUS),
        ("near=1,2&radius_km=0", "radius_km", _RADIUS),
        ("near=1,2&radius_km=nan", "radius_km", _RADIUS),
        ("near=1,2&radius_km=inf", "radius_km", _RADIUS),
        ("near=1,2&radius_km=null", "radius_km", _RADIUS),
        ("from=yesterday", "from", _MOMENT),
        ("from=2027-05-01T20:00:00", "from", _MOMENT),
        ("from=2027-05-01", "from", _MOMENT),
        ("from=null", "from", _MOMENT),
        ("to=5", "to", _MOMENT),
        ("to=-1.5e3", "to", _MOMENT),
        ("avaliable=true", "avaliable", "there is no such parameter; did you mean available"),
        ("radius=5", "radius", "there is no such parameter; did you mean radius_km"),
    ],
)
async def test_a_wrong_parameter_is_refused_with_what_to_send(
    http: httpx.AsyncClient, query: str, key: str, advice: str
) -> None:
    problem = problem_of(await http.get(f"/v1/events?{query}"), 400, "invalid-request")
    assert problem["detail"] == f"{key}: {advice}."
    assert problem["errors"] == [{"message": advice, "key": key, "source": "query"}]


@pytest.mark.parametrize(
    "query",
    [
        "available=true",
        "available=false",
        "available=1",
        "available=0",
        "q=null",
        "city=5",
        "near=-33.9,%20151.2",
        "near=0,0&radius_km=0.5",
        "from=2027-05-01T20:00:00%2B02:00&to=2027-05-02T20:00:00Z",
        "utm_source=letter&utm_source=again",
    ],
)
async def test_what_can_be_meant_is_read(http: httpx.AsyncClient, query: str) -> None:
    answer = await http.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text


async def test_a_list_may_be_given_more_than_once(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/v1/events/availability?id={new_id()}&id={new_id()}")
    assert answer.status_code == 200, answer.text
    problem = problem_of(await http.get("/v1/events/availability?id=7"), 400, "invalid-request")
    assert problem["errors"][0]["key"] == "id"
    assert "UUID" in problem["detail"] or "list" in problem["detail"]


async def test_an_organisers_parameters_are_read_strictly_after_the_key(
    http: httpx.AsyncClient,
) -> None:
    problem_of(await http.get("/v1/mails?status=lost"), 401, "not-authenticated")
    problem = problem_of(
        await http.get("/v1/mails?status=lost", headers=ORGANISER), 400, "invalid-request"
    )
    assert problem["detail"].startswith("status: send one of queued, ")
