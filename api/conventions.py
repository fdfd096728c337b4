"""Shared by all resources: the engine that serves them, ETags and If-Match, bodies, answers."""

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from litestar import Request, Response
from litestar.params import HeaderParameter
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from api.bodies import BODY_SIZE_MAX, ClientGone, done_with, whole_body
from engine.base.documents import as_utf8
from engine.base.errors import InvalidInput, PreconditionRequired
from engine.base.wording import mistake
from engine.runtime import Runtime

T = TypeVar("T")
AnyRequest: TypeAlias = Request[Any, Any, Any]

_NO_HEADERS: Mapping[str, str] = {}
#: Bytes below which compression saves no packet.
_PACKED_SIZE_MIN = 4096

#: A proxy that compresses makes the tags weak; the version in them is the same.
_ENTITY_TAG = re.compile(r'^\s*(?:W/)?"(?P<tag>[^"]*)"\s*$')

IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="The ETag you have read.", max_length=100),
]


def runtime_of(request: AnyRequest) -> Runtime:
    """The engine of this process. Injection by the framework would cost every request of an on-sale time."""
    runtime: Runtime = request.app.state["runtime"]
    return runtime


class _Answer(ASGIResponse):
    """Status, headers and body as they go on the wire."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._status = status
        self._encoded = headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self._status, "headers": self._encoded}
        )
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


class Json(Response[T]):
    """The JSON answer of the busiest routes of an on-sale.

    Litestar's own uses type encoders, cookies and a mapping of headers, which took a tenth of a hold's time.
    """

    def to_asgi_response(
        self, app: Any, request: AnyRequest, *, status_code: int | None = None, **_: Any
    ) -> ASGIResponse:
        return json_answer(self.content, self.status_code or status_code or 200, self.headers)


def json_answer(content: Any, status: int, more: Mapping[str, str] = _NO_HEADERS) -> ASGIResponse:
    """``content`` as JSON, ready to be sent. ``more``: additional headers."""
    body = msgspec.json.encode(content)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        *[(name.lower().encode(), text.encode("latin-1")) for name, text in more.items()],
    ]
    return _Answer(status, headers, body)


async def read_body(
    request: AnyRequest, decoder: msgspec.json.Decoder[T], *, empty: bytes = b""
) -> T:
    """The request's JSON body, decoded strictly: "3" is no number. ``empty``: the value where there is no
    body.

    Raises InvalidInput.

    Instead of a handler's ``data`` parameter, which Litestar coerces and decodes in two passes.
    """
    try:
        body = await whole_body(
            request.receive, request.route_handler.resolve_request_max_body_size() or BODY_SIZE_MAX
        )
    except ClientGone:
        # The client is gone and reads no answer.
        raise InvalidInput("The connection closed before the body was whole.") from None
    try:
        return _decoded(body or empty, decoder)
    finally:
        done_with(body)


def _decoded(body: bytes | bytearray, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # A file that is sent as it is may have a byte order mark, or be UTF-16.
            if isinstance(error, msgspec.ValidationError) or (text := as_utf8(body)) == body:
                raise
            return decoder.decode(text)
    except msgspec.ValidationError as error:
        found = mistake(error, decoder.type)
        place = {"key": found.place} if found.place else {}
        raise InvalidInput(
            f"{found}.", errors=[{"message": found.advice, **place, "source": "body"}]
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The body is not JSON: {error}.") from None
    except RecursionError:
        raise InvalidInput("The body is nested too deeply.") from None


def etag(version: int) -> str:
    return f'"{version}"'


def versioned(
    body: T,
    version: int,
    *,
    status: int = 200,
    location: str | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Response[T]:
    """The answer of a resource with an ETag, and a Location where it was made or can be read."""
    where = {} if location is None else {"Location": location}
    return Response(body, status_code=status, headers={"ETag": etag(version), **where, **headers})


def required_version(if_match: str | None) -> int:
    """The version named by If-Match. Raises PreconditionRequired without it."""
    version = optional_version(if_match)
    if version is None:
        raise PreconditionRequired(
            "Send If-Match with the ETag that you read, so that no other change is overwritten."
        )
    return version


def optional_version(if_match: str | None) -> int | None:
    """The version named by If-Match; None without it. Raises InvalidInput for a value that is no ETag."""
    if if_match is None:
        return None
    if not (found := _ENTITY_TAG.match(if_match)):
        raise InvalidInput(
            f'If-Match must be an ETag of this API, for example "3"; got {if_match!r}.'
        )
    text = found["tag"]
    # A tag that was never issued matches no version, not even the first.
    return int(text) if text.isdecimal() and len(text) <= 9 else 0


def has_tag(if_none_match: str | None, tag: str) -> bool:
    """Whether a client that sends this ``If-None-Match`` already has ``tag``."""
    if if_none_match is None:
        return False
    known = (part.strip().removeprefix("W/") for part in if_none_match.split(","))
    return if_none_match.strip() == "*" or tag in known


def accepted_coding(accept_encoding: str | None, *offered: str) -> str | None:
    """The coding that ``Accept-Encoding`` prefers among those offered, the first one where it does not mind.

    None: none of them.
    """
    weights: dict[str, float] = {}
    for part in (accept_encoding or "").lower().split(","):
        coding, _, weight = part.partition(";")
        try:
            weights[coding.strip()] = float(weight.partition("=")[2] or 1)
        except ValueError:
            continue
    wanted = {coding: weights.get(coding, weights.get("*", 0)) for coding in offered}
    best = max(offered, key=wanted.__getitem__)
    return best if wanted[best] > 0 else None


def preferred_type(accept: str | None, *offered: str) -> str:
    """The media type that ``Accept`` prefers among those offered; the first one where it does not mind."""
    weights: dict[str, float] = {}
    for part in (accept or "*/*").lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[kind] = float(weight)
        except ValueError:
            continue

    def weight_of(kind: str) -> float:
        group = kind.partition("/")[0] + "/*"
        return weights.get(kind, weights.get(group, weights.get("*/*", 0)))

    return max(offered, key=weight_of)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether ``Accept-Encoding`` names gzip and does not refuse it."""
    return accepted_coding(accept_encoding, "gzip", "x-gzip") is not None


def large_json(
    request: AnyRequest, value: object, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """A response that is compressed where that saves packets and the client can read it."""
    body = msgspec.json.encode(value)
    headers = {"Vary": "Accept-Encoding", **(headers or {})}
    if len(body) >= _PACKED_SIZE_MIN and accepts_gzip(request.headers.get("accept-encoding")):
        headers["Content-Encoding"], body = "gzip", _gzipped(body)
    return Response(body, headers=headers, media_type="application/json")


@lru_cache(maxsize=64)
def _gzipped(body: bytes) -> bytes:
    # Many clients ask for the same page in the same second.
    return gzip.compress(body, 4, mtime=0)
