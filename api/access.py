"""Access: a token for anybody who asks, at a measured pace; under pressure, at the price of some work."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Request, Response, post
from msgspec import Meta, Struct

from api.auth import Tokens, network_of
from api.conventions import rate_limit_headers, read_body
from api.description import LIMITED, Reply, described
from api.problems import problem_response
from engine.base.addresses import Address, client_network, proxy_doubt
from engine.base.errors import FrontrowError, TooManyRequests
from engine.limits.proofs import NONCE_LENGTH_MAX, Proof, Proofs
from engine.limits.rates import PROXY_DOUBT, PROXY_DOUBT_TTL_S, Limit, Limits, Standing, untouched
from engine.people.accounts import People

AnyRequest = Request[Any, Any, Any]

#: Leading zero bits of a proof: where more than usual is asked for, and where much more. A slow
#: telephone tries 60,000 nonces a second: the harder one takes it a quarter of a second, and one time in
#: two thousand more than two.
_BITS: Final = (12, 14)
#: What a network gets with proofs, as a multiple of what it gets without.
_PROVEN_TIMES: Final = 20
_RENEWALS_PER_MINUTE: Final = 20
_BODY_SIZE_MAX: Final = 1024


class AccessToken(Struct, frozen=True):
    """Send it as ``Authorization: Bearer <access_token>``."""

    access_token: str
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[604800])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name, not a password


class ProofOfWork(Proof, frozen=True, forbid_unknown_fields=True):
    """What was found for the challenge of a `proof-needed`."""

    challenge: Annotated[str, Meta(max_length=100)]
    nonce: Annotated[
        str,
        Meta(
            max_length=NONCE_LENGTH_MAX,
            description="SHA-256 of challenge and nonce, as UTF-8, begins with `bits` zero bits.",
        ),
    ]


class GuestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty, but after a `proof-needed`."""

    proof: ProofOfWork | None = None


_GUEST_REQUEST = msgspec.json.Decoder(GuestRequest)


@post(
    "/v1/auth/guest",
    tags=["Access"],
    security=[{}, {"BearerToken": []}],
    summary="A token without an account",
    request_max_body_size=_BODY_SIZE_MAX,
    description=(
        "With a guest's token: a fresh one of the same guest. One that has expired is renewed, too, "
        "until what its guest booked, or waits for, has been over for thirty days. While many ask, "
        "`proof-needed` carries a challenge: find its nonce, and ask again."
    ),
    opt=described(
        takes=GuestRequest,
        takes_nothing_too=True,
        gives={
            201: Reply(
                "A token for somebody new, or a fresh one of the same guest.", AccessToken, LIMITED
            )
        },
        refuses=("proof-needed", "too-many-requests", "unavailable"),
    ),
)
async def guest(request: AnyRequest) -> Response[AccessToken]:
    sent = await read_body(request, _GUEST_REQUEST) if _has_body(request) else GuestRequest()
    if "authorization" in request.headers:
        return await _renewed(request)
    standing, refusal, subject = await _admit(request, sent)
    headers = rate_limit_headers(standing)
    if refusal is not None:
        return problem_response(request, refusal, headers)
    return _token(request, subject, headers)


async def _renewed(request: AnyRequest) -> Response[AccessToken]:
    state = request.app.state
    tokens: Tokens = state["tokens"]
    people: People = state["runtime"].people
    known = tokens.renewable(request.headers["authorization"])
    limits: Limits = state["limits"]
    standing = await limits.take(Limit("token-renewals", _RENEWALS_PER_MINUTE), known.subject)
    headers = rate_limit_headers(standing)
    if standing.exceeded:
        return problem_response(request, _too_many(standing), headers)
    if known.is_past:
        await people.check_renewable(known.subject, has_expired=known.has_expired)
    return _token(request, known.subject, headers)


def _token(
    request: AnyRequest, subject: str | None, headers: dict[str, str]
) -> Response[AccessToken]:
    tokens: Tokens = request.app.state["tokens"]
    token = AccessToken(tokens.issue(subject), tokens.ttl_s)
    return Response(token, headers={**headers, "Cache-Control": "no-store"})


async def _admit(
    request: AnyRequest, sent: GuestRequest
) -> tuple[Standing, FrontrowError | None, str | None]:
    """Whether a stranger gets a token: where they stand, or the refusal, and for whom it is, if that
    follows from a proof.
    """
    settings, limits = request.app.state["settings"], request.app.state["limits"]
    quota: int = settings.guest_tokens_per_minute
    near, network = await _take(Limit("guest-tokens", quota), request)
    if network is None or not (near.exceeded or await _all_exceed(request)):
        return near, None, None
    proofs: Proofs = request.app.state["proofs"]
    subject = await proofs.redeem(sent.proof, network) if sent.proof else None
    if subject is not None:
        proven = await limits.take(Limit("guest-tokens-proven", _PROVEN_TIMES * quota), network)
        return proven, _too_many(proven) if proven.exceeded else None, subject
    pressed = await limits.take(Limit("guest-tokens-pressed", 2 * quota), network)
    return near, proofs.needed(network, _BITS[pressed.exceeded]), None


async def _all_exceed(request: AnyRequest) -> bool:
    """Count a stranger whose network has not had its own share.

    What one network asks for beyond it counts only there: it must not put everybody else to work.
    """
    quota: int = request.app.state["settings"].guest_tokens_of_all_per_minute
    limits: Limits = request.app.state["limits"]
    return (await limits.take(Limit("guest-tokens-of-all", quota), "all")).exceeded


def _has_body(request: AnyRequest) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


def _too_many(standing: Standing) -> TooManyRequests:
    return TooManyRequests(
        "Too many tokens for one address; a token is good for many requests, keep it.",
        retry_after_s=standing.reset_s,
    )


async def take_for_address(
    limit: Limit,
    request: AnyRequest,
    network: Callable[[Address], str] = client_network,
) -> Standing:
    """Count a request against the address that it comes from, or against the ``network`` around it."""
    return (await _take(limit, request, network))[0]


async def _take(
    limit: Limit, request: AnyRequest, network: Callable[[Address], str] = client_network
) -> tuple[Standing, str | None]:
    """The standing, and the network that was counted; None: it is not limited."""
    _note_proxy_doubt(request)
    counted = network_of(request, network)
    if counted is None:
        return untouched(limit), None
    limits: Limits = request.app.state["limits"]
    return await limits.take(limit, counted), counted


def _note_proxy_doubt(request: AnyRequest) -> None:
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
