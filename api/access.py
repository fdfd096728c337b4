"""Access: a token for anybody who asks, at a measured pace."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from litestar import Request, Response, post
from msgspec import Meta, Struct

from api.auth import Tokens, network_of
from api.conventions import rate_limit_headers
from api.problems import problem_response
from engine.addresses import Address, client_network, proxy_doubt
from engine.errors import TooManyRequests
from engine.limits import PROXY_DOUBT, PROXY_DOUBT_TTL_S, Limit, Limits, Standing, untouched


class AccessToken(Struct, frozen=True):
    """Send it as ``Authorization: Bearer <access_token>``."""

    access_token: str
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[604800])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name, not a password


@post("/v1/auth/guest", tags=["Access"], summary="A token without an account")
async def guest(request: Request[Any, Any, Any]) -> Response[AccessToken]:
    state = request.app.state
    tokens: Tokens = state["tokens"]
    limit = Limit("guest-tokens", state["settings"].guest_tokens_per_minute)
    standing = await take_for_address(limit, request)
    headers = rate_limit_headers(standing)
    if standing.exceeded:
        error = TooManyRequests(
            "Too many tokens for one address; a token is good for many requests, keep it.",
            retry_after_s=standing.reset_s,
        )
        return problem_response(request, error, headers)
    token = AccessToken(tokens.issue(), tokens.ttl_s)
    return Response(token, headers={**headers, "Cache-Control": "no-store"})


async def take_for_address(
    limit: Limit,
    request: Request[Any, Any, Any],
    network: Callable[[Address], str] = client_network,
) -> Standing:
    """Count a request against the address that it comes from, or against the ``network`` around it."""
    _note_proxy_doubt(request)
    counted = network_of(request, network)
    if counted is None:
        return untouched(limit)
    limits: Limits = request.app.state["limits"]
    return await limits.take(limit, counted)


def _note_proxy_doubt(request: Request[Any, Any, Any]) -> None:
    """Keep for the operator that a proxy is not known, or does not say for whom it speaks."""
    state = request.app.state
    doubt = proxy_doubt(
        request.client.host if request.client else "",
        request.headers.keys(),
        state["settings"].trusted_proxies,
    )
    if doubt is None:
        return
    noted = state["runtime"].redis_store.call("SET", PROXY_DOUBT, doubt, "EX", PROXY_DOUBT_TTL_S)
    # Without Redis nobody learns of it, and nothing else depends on it.
    noted.add_done_callback(lambda future: future.cancelled() or future.exception())


HANDLERS = [guest]
