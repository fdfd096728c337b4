"""Around the application: the parts that are the same for every route.

Plain ASGI, because it runs for every request: a request id, counting and timing, CORS (api.cors), caching
headers, refusals of bodies that are not JSON or whose sender has no credential (api.doors), replay of POSTs
that carry an Idempotency-Key (api.replay), and a limit on requests under way.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from api.answers import UNMATCHED, send_answer
from api.auth import BUYER_ID, Tokens, has_organiser_key
from api.bodies import ROOM, ClientGone, done_with, whole_body
from api.cors import Cors
from api.doors import Door, Doors, Needs
from api.problems import encode_problem
from api.replay import Replays, replayed_body
from engine.base import deadline, tracing
from engine.base.config import Settings
from engine.base.errors import FrontrowError, InvalidInput, NotAuthenticated, Unavailable
from engine.base.logs import REQUEST_ID, request_id, served_ids

REQUESTS = Counter(
    "frontrow_http_requests",
    "Requests by route and class of status.",
    ["method", "route", "status_class"],
)
#: Not by route: a hundred routes times all of these would be thousands of series.
RESPONSES = Counter("frontrow_http_responses", "Responses by status.", ["status"])
REQUEST_SECONDS = Histogram(
    "frontrow_http_request_seconds",
    "Time from the request's arrival to the end of its response.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
#: The statuses that the API answers with.
_STATUSES = (200, 201, 202, 204, 206, 303, 304)
_STATUSES_REFUSED = (
    400,
    401,
    402,
    403,
    404,
    405,
    406,
    409,
    412,
    413,
    415,
    422,
    428,
    429,
    499,
    500,
    503,
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
#: The status under which nginx counts requests whose client is gone.
_CLIENT_GONE = 499
#: Pages whose forms are sent by a browser, or by a mail program in its place.
_FORMS = ("/sandbox/", "/mail/unsubscribe/", "/verify/", "/b/", "/w/", "/tickets/")
#: Methods whose requests may have a body that is read.
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})
#: Answers that are the same for everybody; all others are kept by no cache, unless they say so themselves.
_PUBLIC = frozenset(
    {
        "/",
        "/events/{event_id}",
        "/tickets",
        "/favicon.ico",
        "/robots.txt",
        "/sitemap.xml",
        "/web/{name}",
        "/problems/{code}",
        "/schema",
        "/schema/{path}",
        "/schema/openapi.json",
        "/v1/events",
        "/v1/events/facets",
        "/v1/events/{event_id}",
        "/v1/events/{event_id}/layout",
        "/v1/events/{event_id}/prices",
        "/v1/events/{event_id}/prices/history",
    }
)
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_NO_STORE = (b"cache-control", b"no-store")
#: Operators must be able to look when the process is at its busiest.
_NEVER_BUSY = ("/health/", "/metrics")
_SHOWN_LENGTH_MAX = 100


class Edge:
    """The application with these parts around it.

    ``operations``: (method, route) pairs whose series exist before their first request.
    """

    def __init__(
        self, app: Litestar, state: Any, operations: Iterable[tuple[str, str]] = ()
    ) -> None:
        settings: Settings = state["settings"]
        self._app = app
        self._tokens: Tokens = state["tokens"]
        self._organiser_key = settings.organiser_key
        self._doors = Doors(app)
        self._replays = Replays(app, state)
        self._under_way, self._under_way_max = 0, settings.api_requests_max
        self._cors = Cors(settings.allowed_origins)
        self._request_timeout_s = settings.request_timeout_s
        self._series: dict[tuple[str, str, int], tuple[Any, Any, Any]] = {}
        for status in _STATUSES + _STATUSES_REFUSED:
            RESPONSES.labels(status)
        for method, route in (*operations, *((method, UNMATCHED) for method in _METHODS)):
            REQUEST_SECONDS.labels(method, route)
            for status_class in _CLASSES[1:]:
                REQUESTS.labels(method, route, status_class)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
        elif tracing.is_on():
            await self._serve_traced(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _serve_traced(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
        with tracing.request_span(parent) as span:
            status = await self._serve(scope, receive, send)
            route = scope.get("path_template") or UNMATCHED
            span.update_name(f"{scope['method']} {route}")
            span.set_attributes(
                {
                    "http.request.method": scope["method"],
                    "http.route": route,
                    "http.response.status_code": status,
                    "frontrow.request_id": served_ids(),
                }
            )

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> int:
        """Serve one request. Returns the status of its answer."""
        started = time.perf_counter()
        status = 500
        headers = dict(scope["headers"])
        served_id = request_id(headers.get(b"x-request-id", b""))
        REQUEST_ID.set(served_id)
        deadline.begin(self._request_timeout_s)
        if scope["method"] in _WITH_BODY:
            receive = self._beginning_with_body(receive)
        asked = scope
        if asked["method"] == "HEAD":
            # Answered like GET; the server sends no body for it.
            scope = {**scope, "method": "GET"}
        added = (
            (b"x-request-id", served_id),
            *self._cors.headers(scope["path"], headers.get(b"origin")),
        )

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                kept = _kept_by_caches(scope, status, headers, message["headers"])
                message["headers"] = [*map(_with_head, message["headers"]), *added, *kept]
            await send(message)

        self._under_way += 1
        try:
            await self._admit(scope, receive, counting_send, headers)
        except ClientGone:
            # An incomplete body is no request: nothing is done, and its key is still unused.
            status = _CLIENT_GONE
        finally:
            self._under_way -= 1
            if "path_template" in scope:
                asked["path_template"] = scope["path_template"]
            self._count(asked, status, time.perf_counter() - started)
        return status

    async def _admit(
        self, scope: HTTPScope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        preflight = self._cors.preflight(scope, headers)
        refusal = self._refuse_when_busy(scope) or _refuse_media_type(scope, headers)
        if preflight is not None:
            await send_answer(send, *preflight)
        elif refusal is not None:
            await send_answer(send, *encode_problem(refusal, scope["path"]))
        elif scope["method"] in _WITH_BODY:
            try:
                await self._enter(scope, receive, send, headers)
            except FrontrowError as error:
                await send_answer(send, *encode_problem(error, scope["path"]))
        else:
            await self._app(scope, receive, send)

    def _refuse_when_busy(self, scope: HTTPScope) -> FrontrowError | None:
        # A request that waits for the rest of its body costs only memory, which has its own budget.
        if self._under_way - ROOM.waiting <= self._under_way_max:
            return None
        if scope["path"].startswith(_NEVER_BUSY):
            return None
        return Unavailable("Too many requests at the moment; try again shortly.", code="overloaded")

    async def _enter(
        self, scope: HTTPScope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        """Run a request that may have a body; without the needed credential nothing of it is read."""
        way = self._doors.find(scope)
        door = way and way.door
        if way is None or door is None:
            # The framework's answer says what is wrong.
            await self._app(scope, receive, send)
            return
        if door.needs is Needs.NOBODY:
            body = await whole_body(receive, door.size_max)
            try:
                await self._app(scope, replayed_body(body), send)
            finally:
                done_with(body)
            return
        subject = self._subject(door, headers)
        scope["litestar_app"] = self._app
        if door.needs is Needs.BUYER:
            scope.setdefault("state", {})[BUYER_ID] = subject
        key = headers.get(b"idempotency-key")
        if key is None or not door.keeps or subject is None:
            short_cut = door.short_cut
            if short_cut is not None and short_cut.is_open_to(scope, headers):
                scope["path_template"] = way.template
                await short_cut.take(
                    scope, receive, send, headers=headers, parameters=way.parameters
                )
            else:
                await self._app(scope, receive, send)
            return
        event_id = way.parameters.get("event_id")
        await self._replays.serve(
            scope,
            receive,
            send,
            subject=subject,
            event_id=None if event_id is None else str(event_id),
            key=key,
            door=door,
        )

    def _subject(self, door: Door, headers: dict[bytes, bytes]) -> str | None:
        """The subject of the request. Raises NotAuthenticated. None: the route's own guard refuses, and reads
        nothing.
        """
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        if door.needs is Needs.BUYER:
            return self._tokens.subject(authorization or None)
        if has_organiser_key(authorization, self._organiser_key):
            return "organiser"
        # A wrong key is counted as a guess by the route, which refuses it.
        with suppress(NotAuthenticated):
            return self._tokens.subject(authorization) if door.needs is Needs.EITHER else None
        return None

    def _beginning_with_body(self, receive: Receive) -> Receive:
        """The time of a request begins when it is complete: a slow upload is not our delay."""

        async def receive_and_begin() -> HTTPReceiveMessage:
            message: HTTPReceiveMessage = await receive()  # type: ignore[assignment]  # HTTP only
            if message["type"] == "http.request" and not message.get("more_body", False):
                deadline.begin(self._request_timeout_s)
            return message

        return receive_and_begin

    def _count(self, scope: HTTPScope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = scope.get("path_template") or UNMATCHED
        key = (method, route, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = (
                REQUESTS.labels(method, route, _CLASSES[status // 100 - 1]),
                RESPONSES.labels(status),
                REQUEST_SECONDS.labels(method, route),
            )
        series[0].inc()
        series[1].inc()
        series[2].observe(seconds)


def _with_head(header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    """The header; of ``Allow`` with HEAD beside GET."""
    name, value = header
    if name != b"allow" or b"GET" not in value or b"HEAD" in value:
        return header
    return name, value.replace(b"GET", b"GET, HEAD")


def _kept_by_caches(
    scope: HTTPScope,
    status: int,
    asked: dict[bytes, bytes],
    given: Iterable[tuple[bytes, bytes]],
) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every answer for caches and browsers."""
    for name, _ in given:
        if name == b"cache-control":
            return (_NOSNIFF,)
    is_public = status < 400 and b"authorization" not in asked
    if is_public and scope.get("path_template") in _PUBLIC:
        return (_NOSNIFF,)
    return (_NOSNIFF, _NO_STORE)


def _refuse_media_type(scope: HTTPScope, headers: dict[bytes, bytes]) -> FrontrowError | None:
    if scope["method"] not in ("POST", "PATCH", "PUT") or scope["path"].startswith(_FORMS):
        return None
    if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
        return None
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind == b"application/json" or kind.endswith(b"+json"):
        return None
    return InvalidInput(
        f"Send the body as application/json, not {_shown(kind) or 'without a type'}.",
        code="unsupported-media-type",
    )


def _shown(sent: bytes) -> str:
    return sent[:_SHOWN_LENGTH_MAX].decode("latin-1")
