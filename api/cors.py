"""CORS: which pages of other origins may use the API (FRONTROW_ALLOWED_ORIGINS), for every answer.

It wraps everything else, so that refusals, and replayed answers, carry the headers of the page that asks now.
Files under ``/web/`` are public and send such headers themselves.
"""

from collections.abc import Collection

from litestar.types import HTTPScope

from api.openapi import HEADERS
from api.problems import encode_problem
from engine.base.errors import NotAllowed

Headers = dict[bytes, bytes]
RawHeaders = tuple[tuple[bytes, bytes], ...]
Answer = tuple[int, dict[str, str], bytes]

_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id"
)
_EXPOSED = ", ".join([*HEADERS, "Date", "X-Request-Id"]).encode()
_PREFLIGHT_KEPT_S = 7200


class Cors:
    def __init__(self, allowed_origins: Collection[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").encode() for origin in allowed_origins)
        self._is_open = b"*" in self._allowed

    def _allows(self, origin: bytes) -> bool:
        return self._is_open or origin in self._allowed

    def headers(self, path: str, origin: bytes | None) -> RawHeaders:
        """The headers of every answer to a request of a page at ``origin``."""
        if path.startswith("/web/"):
            return ()
        # Also without an origin: a cache must not give a page of another origin an answer that it kept for
        # ours.
        vary = () if self._is_open else ((b"vary", b"Origin"),)
        if origin is None or not self._allows(origin):
            return vary
        allowed = b"*" if self._is_open else origin
        return (
            *vary,
            (b"access-control-allow-origin", allowed),
            (b"access-control-expose-headers", _EXPOSED),
        )

    def preflight(self, scope: HTTPScope, headers: Headers) -> Answer | None:
        """The answer to a browser's preflight request; None for any other request."""
        origin = headers.get(b"origin")
        if scope["method"] != "OPTIONS" or origin is None:
            return None
        if b"access-control-request-method" not in headers:
            return None
        if not self._allows(origin):
            refusal = NotAllowed(
                f"Pages from {origin[:100].decode('latin-1')} may not use this API; "
                "its operator allows origins in FRONTROW_ALLOWED_ORIGINS."
            )
            return encode_problem(refusal, scope["path"])
        allowed = {
            "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
            "access-control-allow-headers": _REQUEST_HEADERS,
            "access-control-max-age": str(_PREFLIGHT_KEPT_S),
        }
        return 204, allowed, b""
