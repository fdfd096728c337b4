"""Rate limits over HTTP: count a request, report the client's standing in the answer, refuse.

standing = await take_for_address(_LIMIT, request)
headers = admit("Too many of these; wait a while.", standing)
"""

from collections.abc import Callable

from api.auth import network_of
from api.conventions import AnyRequest, runtime_of
from engine.base.addresses import Address, client_network, proxy_doubt
from engine.base.errors import TooManyRequests
from engine.limits.rates import (
    PROXY_DOUBT,
    PROXY_DOUBT_TTL_S,
    RateLimit,
    RateLimits,
    Standing,
    untouched,
)


class LimitExceeded(TooManyRequests):
    """A refusal that reports the client's standing, as the answer would have done."""

    def __init__(self, detail: str, *standings: Standing) -> None:
        exceeded = [standing for standing in standings if standing.exceeded]
        super().__init__(detail, retry_after_s=max(standing.reset_s for standing in exceeded))
        self.headers = rate_limit_headers(*standings)


def admit(detail: str, *standings: Standing) -> dict[str, str]:
    """The headers that report a client's standing. Raises LimitExceeded, with ``detail``, where a limit is
    exceeded.
    """
    if any(standing.exceeded for standing in standings):
        raise LimitExceeded(detail, *standings)
    return rate_limit_headers(*standings)


def rate_limit_headers(*standings: Standing) -> dict[str, str]:
    """``RateLimit`` and ``RateLimit-Policy`` of draft-ietf-httpapi-ratelimit-headers-10."""
    return {
        "RateLimit-Policy": ", ".join(
            f'"{s.limit.name}";q={s.limit.quota};w={s.limit.window_s}' for s in standings
        ),
        "RateLimit": ", ".join(
            f'"{s.limit.name}";r={s.remaining};t={s.reset_s}' for s in standings
        ),
    }


async def take(limit: RateLimit, request: AnyRequest, client: str) -> Standing:
    """Count a request of ``client``."""
    limits: RateLimits = request.app.state["limits"]
    return await limits.take(limit, client)


async def take_for_address(
    limit: RateLimit, request: AnyRequest, network: Callable[[Address], str] = client_network
) -> Standing:
    """Count a request against the address that it comes from, or against the ``network`` around it."""
    return (await take_for_network(limit, request, network))[0]


async def take_for_network(
    limit: RateLimit, request: AnyRequest, network: Callable[[Address], str] = client_network
) -> tuple[Standing, str | None]:
    """The standing, and the network that was counted; None: it is not limited."""
    _note_proxy_doubt(request)
    counted = network_of(request, network)
    if counted is None:
        return untouched(limit), None
    return await take(limit, request, counted), counted


def _note_proxy_doubt(request: AnyRequest) -> None:
    """Record for the operator that a proxy is unknown, or does not say for whom it forwards."""
    state = request.app.state
    doubt = proxy_doubt(
        request.client.host if request.client else "",
        request.headers.keys(),
        state["settings"].trusted_proxies,
    )
    if doubt is None:
        return
    noted = runtime_of(request).stores.redis.call(
        "SET", PROXY_DOUBT, doubt, "EX", PROXY_DOUBT_TTL_S
    )
    # Without Redis the record is lost, and nothing else depends on it.
    noted.add_done_callback(lambda future: future.cancelled() or future.exception())
