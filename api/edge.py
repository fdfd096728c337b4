"""Around the application: what every request gets, whatever its route.

Plain ASGI, because it sits on every request: a request id, counting and timing, what pages elsewhere
may do (api.cors), a refusal of bodies that are not JSON, and replay of POSTs that carry an Idempotency-Key. Bookings keep their keys in
PostgreSQL with the money (engine.bookings); every other POST keeps its answer in Redis for 24 h.
"""

import contextlib
import hashlib
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, HTTPScope, Message, Receive, Scope, Send
from msgspec import Struct
from prometheus_client import Counter, Histogram

from api.auth import Tokens
from api.conventions import BODY_SIZE_MAX, PLAN_SIZE_MAX, ClientGone, whole_body
from api.cors import Cors
from api.problems import PROBLEM_JSON, encode_problem
from engine import tracing
from engine.errors import Conflict, FrontrowError, InvalidInput, Unavailable
from engine.logs import REQUEST_ID, request_id, served_ids
from engine.runtime import Runtime
from engine.stores.pipeline import Argument

REQUESTS = Counter(
    "frontrow_http_requests",
    "Requests by route and class of status.",
    ["method", "route", "status_class"],
)
#: Apart from the routes: each of their hundred with each of these would be thousands of series.
RESPONSES = Counter("frontrow_http_responses", "Responses by status.", ["status"])
REQUEST_SECONDS = Histogram(
    "frontrow_http_request_seconds",
    "Time from the request's arrival to the end of its response.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
#: Those that the API answers with.
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
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})
_ANSWERS_KEPT_S = 24 * 3600
_IN_FLIGHT_S = 60
#: How nginx counts requests that nobody waits for any more.
_CLIENT_GONE = 499
#: Pages whose forms a browser sends, or a mail program in its place.
_FORMS = ("/sandbox/", "/mail/unsubscribe/", "/b/", "/w/", "/tickets/")
_KEY_LENGTH_MAX = 255
_KEEP_NO_ANSWER = frozenset({"/v1/bookings", "/v1/bookings/lookup", "/v1/live/tickets"})
_KEEP_NO_ANSWER_UNDER = "/v1/auth/"


class _Kept(Struct, frozen=True):
    fingerprint: str
    status: int = 0
    headers: list[tuple[str, str]] = []
    body: str = ""
    #: Whose answer it was, for counting: nobody routes what comes from memory.
    route: str = _UNMATCHED


class Edge:
    """The application with all of that around it.

    ``operations``, as (method, route): whose series are there before their first request.
    """

    def __init__(
        self, app: ASGIApp, state: Any, operations: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._app = app
        self._state = state
        self._cors = Cors(state["settings"].allowed_origins)
        self._series: dict[tuple[str, str, int], tuple[Any, Any, Any]] = {}
        for status in _STATUSES + _STATUSES_REFUSED:
            RESPONSES.labels(status)
        for method, route in (*operations, *((method, _UNMATCHED) for method in _METHODS)):
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
            route = scope.get("path_template") or _UNMATCHED
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
        added = (
            (b"x-request-id", served_id),
            *self._cors.headers(scope["path"], headers.get(b"origin")),
        )

        async def counting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            refusal = _refuse_media_type(scope, headers)
            preflight = self._cors.preflight(scope, headers)
            if preflight is not None:
                await _answer(counting_send, *preflight)
            elif refusal is not None:
                await _answer(counting_send, *encode_problem(refusal, scope["path"]))
            elif b"idempotency-key" in headers and _keeps_answer(scope):
                await self._replayable(scope, receive, counting_send, headers)
            else:
                await self._app(scope, receive, counting_send)
        except ClientGone:
            # Half a body is no request: nothing is done, and its key is still unused.
            status = _CLIENT_GONE
        finally:
            self._count(scope, status, time.perf_counter() - started)
        return status

    def _count(self, scope: HTTPScope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = scope.get("path_template") or _UNMATCHED
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

    async def _replayable(
        self, scope: HTTPScope, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        try:
            subject = self._subject(headers)
            key = _checked_key(headers[b"idempotency-key"])
            body = await whole_body(receive, _body_size_max(scope))
            fingerprint = hashlib.sha256(
                b"\0".join(
                    (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
                )
            ).hexdigest()
            kept = await self._claim(f"idempotency:{subject}:{key}", fingerprint)
        except FrontrowError as error:
            await _answer(send, *encode_problem(error, scope["path"]))
            return
        if kept is not None:
            scope["path_template"] = kept.route
            replay = {**dict(kept.headers), "idempotency-replayed": "true"}
            await _answer(send, kept.status, replay, kept.body.encode("latin-1"))
            return
        await self._run_and_keep(
            scope, _replayed_body(body), send, f"idempotency:{subject}:{key}", fingerprint
        )

    def _subject(self, headers: dict[bytes, bytes]) -> str:
        """Whose key it is. The organiser's, and a stranger's, are kept apart by what they sent."""
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        tokens: Tokens = self._state["tokens"]
        try:
            return tokens.subject(authorization)
        except FrontrowError:
            return hashlib.sha256(authorization.encode()).hexdigest()[:32]

    async def _claim(self, name: str, fingerprint: str) -> _Kept | None:
        """None: the key is ours to use now. Else the answer it has already been given."""
        redis = self._runtime().redis_store
        mark = msgspec.json.encode(_Kept(fingerprint))
        if await redis.call("SET", name, mark, "NX", "EX", _IN_FLIGHT_S):
            return None
        found = await redis.call("GET", name)
        if found is None:
            raise Unavailable("The first request with this Idempotency-Key has just failed; retry.")
        kept = msgspec.json.decode(found, type=_Kept)
        if kept.fingerprint != fingerprint:
            raise InvalidInput(
                "This Idempotency-Key was used for another request; make a new key for a new one.",
                code="idempotency-key-reused",
            )
        if kept.status == 0:
            raise Conflict(
                "The first request with this Idempotency-Key is still under way; retry shortly.",
                code="request-in-flight",
                retry_after=1,
            )
        return kept

    async def _run_and_keep(
        self, scope: HTTPScope, receive: Receive, send: Send, name: str, fingerprint: str
    ) -> None:
        status = 500
        sent_headers: list[tuple[str, str]] = []
        chunks: list[bytes] = []
        is_kept = False

        async def keeping_send(message: Message) -> None:
            nonlocal status, sent_headers, is_kept
            if message["type"] == "http.response.start":
                status = message["status"]
                sent_headers = [
                    (k.decode("latin-1"), v.decode("latin-1")) for k, v in message["headers"]
                ]
            elif message["type"] == "http.response.body":
                chunks.append(message["body"])
                is_kept = not message["more_body"] and status < 500 and status not in (401, 429)
                if is_kept:
                    # Before its last byte leaves: whoever has it may ask again at once.
                    body = b"".join(chunks).decode("latin-1")
                    route = scope.get("path_template") or _UNMATCHED
                    answer = _Kept(fingerprint, status, sent_headers, body, route)
                    kept = msgspec.json.encode(answer)
                    await self._remember("SET", name, kept, "EX", _ANSWERS_KEPT_S)
            await send(message)

        try:
            await self._app(scope, receive, keeping_send)
        finally:
            if not is_kept:
                await self._remember("DEL", name)

    async def _remember(self, *command: Argument) -> None:
        # Redis may be lost; then so is the memory of this answer, and the mark runs out.
        with contextlib.suppress(Unavailable):
            await self._runtime().redis_store.call(*command)

    def _runtime(self) -> Runtime:
        runtime: Runtime = self._state["runtime"]
        return runtime


def _keeps_answer(scope: HTTPScope) -> bool:
    # A token or a ticket is nobody's effect to repeat, strangers may choose the same key, and what
    # lets somebody in is written down nowhere.
    path = scope["path"]
    return (
        scope["method"] == "POST"
        and path not in _KEEP_NO_ANSWER
        and not path.startswith(_KEEP_NO_ANSWER_UNDER)
    )


def _refuse_media_type(scope: HTTPScope, headers: dict[bytes, bytes]) -> FrontrowError | None:
    if scope["method"] not in ("POST", "PATCH", "PUT") or scope["path"].startswith(_FORMS):
        return None
    if headers.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in headers:
        return None
    kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if kind == b"application/json" or kind.endswith(b"+json"):
        return None
    return InvalidInput(
        f"Send the body as application/json, not {kind.decode('latin-1') or 'without a type'}.",
        code="unsupported-media-type",
    )


def _checked_key(raw: bytes) -> str:
    key = raw.decode("latin-1")
    if not 1 <= len(key) <= _KEY_LENGTH_MAX or not key.isprintable():
        raise InvalidInput(
            f"Idempotency-Key must be 1 to {_KEY_LENGTH_MAX} printable characters.",
            code="invalid-idempotency-key",
        )
    return key


def _body_size_max(scope: HTTPScope) -> int:
    return PLAN_SIZE_MAX if scope["path"] == "/v1/venues/import" else BODY_SIZE_MAX


def _replayed_body(body: bytes) -> Receive:
    sent = False

    async def receive() -> HTTPReceiveMessage:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    if body:
        headers = {"content-type": PROBLEM_JSON, **headers, "content-length": str(len(body))}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
