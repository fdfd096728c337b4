"""Access: a token for anybody who asks, at a measured pace."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Any, Literal

from litestar import Request, Response, post
from msgspec import Meta, Struct

from api.auth import Tokens
from api.conventions import rate_limit_headers
from api.problems import problem_response
from engine.errors import TooManyRequests
from engine.limits import Limit, Limits, Standing, untouched


class AccessToken(Struct, frozen=True):
    """Send it as ``Authorization: Bearer <access_token>``."""

    access_token: str
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[604800])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name, not a password


@post("/v1/auth/guest", tags=["Access"], summary="A token without an account")
async def guest(request: Request[Any, Any, Any]) -> Response[AccessToken]:
    state = request.app.state
    tokens: Tokens = state["tokens"]
    standing = await _take(
        state["limits"], Limit("guest-tokens", state["settings"].guest_tokens_per_minute), request
    )
    headers = rate_limit_headers(standing)
    if standing.exceeded:
        error = TooManyRequests(
            "Too many tokens for one address; a token is good for many requests, keep it.",
            retry_after_s=standing.reset_s,
        )
        return problem_response(request, error, headers)
    token = AccessToken(tokens.issue(), tokens.ttl_s)
    return Response(token, headers={**headers, "Cache-Control": "no-store"})


async def _take(limits: Limits, limit: Limit, request: Request[Any, Any, Any]) -> Standing:
    client = client_network(request.client.host if request.client else "")
    return untouched(limit) if client is None else await limits.take(limit, client)


def client_network(host: str) -> str | None:
    """What counts as one client: an IPv4 address or an IPv6 /64, as given to one household.

    None for the machine itself: load tests run there, and so do proxies that do not say for whom they
    speak, behind which everybody would share one limit.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return None if address.is_loopback else str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return None if address.is_loopback else str(address)


HANDLERS = [guest]
