"""Ordinary requests take the short cut to handlers that need nothing of the framework."""

from typing import Any

import pytest
from litestar import Litestar, Request, post

from api.doors import Doors
from api.short_cuts import SHORT_CUT, ShortCut

_SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}]


def _is_open(*headers: tuple[bytes, bytes]) -> bool:
    scope: Any = {"headers": list(headers)}
    return ShortCut.is_open_to(scope, dict(headers))


def test_ordinary_requests_take_the_short_cut() -> None:
    assert _is_open((b"host", b"tickets.example:8000"), (b"authorization", b"Bearer x"))
    assert _is_open((b"host", b"[::1]:8000"))
    assert _is_open()


@pytest.mark.parametrize("host", [b"a b", b"tickets.example/", b"x\xff", b"<x>"])
def test_a_request_with_a_strange_host_goes_through_the_framework(host: bytes) -> None:
    assert not _is_open((b"host", host))


def test_a_request_with_a_repeated_header_goes_through_the_framework() -> None:
    assert not _is_open((b"idempotency-key", b"a"), (b"idempotency-key", b"b"))


async def _guard(*_: Any) -> None: ...


@post("/guarded", security=_SECURITY, opt=SHORT_CUT, guards=[_guard])
async def guarded(request: Request[Any, Any, Any]) -> None: ...


@post("/plain", security=_SECURITY, opt=SHORT_CUT)
async def plain(request: Request[Any, Any, Any]) -> None: ...


@post("/open", opt=SHORT_CUT)
async def open_to_all(request: Request[Any, Any, Any]) -> None: ...


def test_a_handler_with_a_guard_has_no_short_cut() -> None:
    with pytest.raises(TypeError, match="guarded"):
        Doors(Litestar([guarded], openapi_config=None))


def test_only_buyers_routes_have_a_short_cut() -> None:
    doors = Doors(Litestar([plain, open_to_all], openapi_config=None))
    found = []
    for path in ("/plain", "/open"):
        scope: Any = {"path": path, "method": "POST"}
        way = doors.find(scope)
        assert way is not None
        assert way.door is not None
        found.append(way.door.short_cut is not None)
    assert found == [True, False]
