"""Every list that pages by cursor refuses an invalid one with 400 and not with a 5xx."""

import httpx
import pytest

from tests.conftest import House
from tests.support.http import ORGANISER, Buyer, Json, problem_of

pytestmark = pytest.mark.contract

#: Cursors of other lists, of the time before versions, and values that a database driver fails on.
FORGED = [
    "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsOTk5OTk5OTk5OTksMV0",
    "WyIwMDAxLTAxLTAxVDAwOjAwOjAwIiwieCJd",
    "WzEsWyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsOTk5OTk5OTk5OTksMV1d",
    "WzEsWyI5OTk5LTEyLTMxVDIzOjU5OjU5LTE0OjAwIiwwLDFdXQ",
    "WzEsIm5vdC1hbi1pZCJd",
    "WzEsWzEwMjUsMV1d",
    "WzEsbnVsbF0",
    "nonsense",
]


@pytest.fixture(scope="module")
async def lists(stack_http: httpx.AsyncClient) -> list[str]:
    """The paths of all operations that take a cursor."""
    document: Json = (await stack_http.get("/schema/openapi.json")).json()
    return [
        path
        for path, item in document["paths"].items()
        if any(p["name"] == "cursor" for p in item.get("get", {}).get("parameters", []))
    ]


async def test_every_list_refuses_an_invalid_cursor(
    http: httpx.AsyncClient, lists: list[str], house: House, ada: Buyer
) -> None:
    assert len(lists) >= 8
    for path in lists:
        address = path.replace("{event_id}", house.event_id)
        assert "{" not in address, f"say here what to use for it: {path}"
        for cursor in FORGED:
            params = {"cursor": cursor}
            answer = await http.get(address, headers=ada.auth, params=params)
            if answer.status_code == 403:
                answer = await http.get(address, headers=ORGANISER, params=params)
            problem_of(answer, 400, "invalid-request")
