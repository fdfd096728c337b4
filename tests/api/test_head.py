"""HEAD wherever GET is, with the headers of GET and no body; Allow names it."""

import httpx
import pytest

from tests.support.http import ORGANISER

pytestmark = pytest.mark.contract

_VARY_BY_REQUEST = {"date", "x-request-id", "x-process-time"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/live",
        "/health/ready",
        "/v1/events",
        "/v1/events/facets",
        "/v1/events/01920000-0000-7000-8000-00000000dead",
        "/v1/venues",
        "/v1/mails?status=lost",
        "/web/index.js",
        "/schema",
        "/nothing/here",
    ],
)
async def test_head_is_get_without_a_body(http: httpx.AsyncClient, path: str) -> None:
    for auth in ({}, ORGANISER):
        got = await http.get(path, headers=auth)
        head = await http.head(path, headers=auth)
        assert head.status_code == got.status_code
        assert head.content == b""
        names = {name for name in got.headers if not name.startswith("ratelimit")}
        for name in names - _VARY_BY_REQUEST:
            if name == "content-length" and got.headers["content-type"].startswith("text/html"):
                continue
            assert head.headers[name] == got.headers[name], name
    # The connection is still in step.
    assert (await http.get("/health/live")).status_code == 200


async def test_head_makes_nothing_and_allow_names_it(http: httpx.AsyncClient) -> None:
    refused = await http.head("/v1/auth/guest")
    assert refused.status_code == 405
    assert "HEAD" not in refused.headers["allow"]
    for method in ("OPTIONS", "PUT"):
        allowed = (await http.request(method, "/v1/events")).headers["allow"]
        assert {"GET", "HEAD", "OPTIONS"} <= {name.strip() for name in allowed.split(",")}
