"""The short cut of an on-sale's two routes: from the edge to the handler, past the framework's stack
(docs/decisions/0025).

At this point the edge has found the route by the framework's own router and knows the subject. On such a
route the framework would only pass on the request and write the answer, in a dozen calls of its own, which
took a fifth of a hold's time. An unusual request goes through the framework.
"""

import re
from inspect import signature
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Send

from api.conventions import Json, json_answer
from api.problems import on_exception, on_http_exception
from engine.base.errors import FrontrowError

#: Key in a handler's ``opt`` that makes it reachable by the short cut.
SHORT_CUT: Final = {"short_cut": True}
#: The framework refuses some hosts; requests with any but an ordinary host go to it.
_ORDINARY_HOST: Final = re.compile(rb"[A-Za-z0-9.:\[\]-]*")
_KEY_PARAMETER: Final = "idempotency_key"


class ShortCut:
    """The way to one handler, which takes the request, its path parameters, and perhaps a key."""

    def __init__(self, handler: HTTPRouteHandler) -> None:
        self._handler = handler
        self._call = handler.fn
        self._status = handler.status_code
        self._takes_key = _KEY_PARAMETER in signature(handler.fn).parameters

    @staticmethod
    def is_open_to(scope: HTTPScope, headers: dict[bytes, bytes]) -> bool:
        """Whether nothing about a request is unusual: each header once, an ordinary host."""
        sent: Any = scope["headers"]
        return len(headers) == len(sent) and (
            _ORDINARY_HOST.fullmatch(headers.get(b"host", b"")) is not None
        )

    async def take(
        self,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        *,
        headers: dict[bytes, bytes],
        parameters: dict[str, Any],
    ) -> None:
        """Run the handler and send its answer. Raises FrontrowError when it refuses."""
        scope["route_handler"] = self._handler
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        if self._takes_key:
            key = headers.get(b"idempotency-key")
            parameters = parameters | {_KEY_PARAMETER: key and key.decode("latin-1")}
        try:
            answer = await self._answer(request, parameters)
        except FrontrowError:
            raise
        except HTTPException as error:
            answer = on_http_exception(request, error).to_asgi_response(None, request)
        except Exception as error:
            answer = on_exception(request, error).to_asgi_response(None, request)
        await answer(scope, receive, send)

    async def _answer(self, request: Request[Any, Any, Any], parameters: dict[str, Any]) -> ASGIApp:
        found = await self._call(request=request, **parameters)
        if not isinstance(found, Response):
            return json_answer(found, self._status)
        if type(found) is Json:
            return found.to_asgi_response(None, request, status_code=self._status)
        return await self._handler.to_response(request.app, found, request)


def short_cut_to(handler: HTTPRouteHandler) -> ShortCut | None:
    """The short cut to a handler that asks for one; the handler must not need a step of the framework."""
    if not handler.opt.get("short_cut"):
        return None
    needed = (
        handler.resolve_guards(),
        handler.resolve_dependencies(),
        handler.resolve_middleware(),
        handler.resolve_before_request(),
        handler.resolve_after_response(),
    )
    if any(needed):
        raise TypeError(f"{handler.handler_name} needs the framework and can have no short cut")
    return ShortCut(handler)
