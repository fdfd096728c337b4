"""Access: tokens for guests, at a limited rate; under pressure, in exchange for a proof of work."""

from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, post
from msgspec import Meta, Struct

from api.auth import Tokens
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import LIMITED, Reply, described
from api.problems import problem_response
from api.rate_limits import admit, rate_limit_headers, take, take_for_network
from engine.limits.proofs import NONCE_LENGTH_MAX, Proof, Proofs
from engine.limits.rates import RateLimit, Standing

#: Leading zero bits of a proof: under pressure, and under heavy pressure. A slow telephone tries 60,000
#: nonces a second: the harder proof takes it a quarter of a second, and once in two thousand times more than
#: two.
_BITS: Final = (12, 14)
#: Tokens that a network gets with proofs, as a multiple of the tokens that it gets without.
_PROVEN_TIMES: Final = 20
_RENEWALS_PER_MINUTE: Final = 20
_BODY_SIZE_MAX: Final = 1024
_TOO_MANY: Final = "Too many tokens for one address; keep a token, it is good for many requests."


class AccessToken(Struct, frozen=True):
    """Send it as ``Authorization: Bearer <access_token>``."""

    access_token: str
    expires_in: Annotated[int, Meta(description="Seconds.", examples=[604800])]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the scheme's name, not a password


class ProofOfWork(Proof, frozen=True, forbid_unknown_fields=True):
    """The nonce that was found for the challenge of a `proof-needed`."""

    challenge: Annotated[str, Meta(max_length=100)]
    nonce: Annotated[
        str,
        Meta(
            max_length=NONCE_LENGTH_MAX,
            description="SHA-256 of challenge and nonce, as UTF-8, begins with `bits` zero bits.",
        ),
    ]


class GuestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty, except after a `proof-needed`."""

    proof: ProofOfWork | None = None


_GUEST_REQUEST = msgspec.json.Decoder(GuestRequest)


@post(
    "/v1/auth/guest",
    tags=["Access"],
    security=[{}, {"BearerToken": []}],
    summary="A token without an account",
    request_max_body_size=_BODY_SIZE_MAX,
    description=(
        "With a guest's token: a fresh token of the same guest. An expired token is renewed, too, "
        "until thirty days after the last event that its guest has booked or waits for. While "
        "many clients ask, `proof-needed` carries a challenge: find its nonce, and ask again."
    ),
    opt=described(
        takes=GuestRequest,
        takes_nothing_too=True,
        gives={
            201: Reply(
                "A token for a new guest, or a fresh one of the same guest.", AccessToken, LIMITED
            )
        },
        refuses=("proof-needed", "too-many-requests", "unavailable"),
    ),
)
async def guest(request: AnyRequest) -> Response[AccessToken]:
    sent = await read_body(request, _GUEST_REQUEST) if _has_body(request) else GuestRequest()
    if "authorization" in request.headers:
        return await _renewed(request)
    quota: int = request.app.state["settings"].guest_tokens_per_minute
    near, network = await take_for_network(RateLimit("guest-tokens", quota), request)
    if network is None or not (near.exceeded or await _all_exceed(request)):
        return _token(request, None, rate_limit_headers(near))
    return await _under_pressure(request, sent, near, network)


async def _renewed(request: AnyRequest) -> Response[AccessToken]:
    tokens: Tokens = request.app.state["tokens"]
    known = tokens.renewable(request.headers["authorization"])
    limit = RateLimit("token-renewals", _RENEWALS_PER_MINUTE)
    headers = admit(_TOO_MANY, await take(limit, request, known.subject))
    if known.is_past:
        people = runtime_of(request).people.accounts
        await people.check_renewable(known.subject, has_expired=known.has_expired)
    return _token(request, known.subject, headers)


def _token(
    request: AnyRequest, subject: str | None, headers: dict[str, str]
) -> Response[AccessToken]:
    tokens: Tokens = request.app.state["tokens"]
    token = AccessToken(tokens.issue(subject), tokens.ttl_s)
    return Response(token, headers={**headers, "Cache-Control": "no-store"})


async def _under_pressure(
    request: AnyRequest, sent: GuestRequest, near: Standing, network: str
) -> Response[Any]:
    """A token for a proof, or a challenge. ``near``: the network's standing without proofs."""
    state = request.app.state
    quota: int = state["settings"].guest_tokens_per_minute
    proofs: Proofs = state["proofs"]
    subject = await proofs.redeem(sent.proof, network) if sent.proof else None
    if subject is not None:
        limit = RateLimit("guest-tokens-proven", _PROVEN_TIMES * quota)
        return _token(request, subject, admit(_TOO_MANY, await take(limit, request, network)))
    pressed = await take(RateLimit("guest-tokens-pressed", 2 * quota), request, network)
    refusal = proofs.needed(network, _BITS[pressed.exceeded])
    return problem_response(request, refusal, rate_limit_headers(near))


async def _all_exceed(request: AnyRequest) -> bool:
    """Count a new guest whose network has not used up its own share.

    Requests beyond that share count only for their network: one network must not make all others prove work.
    """
    quota: int = request.app.state["settings"].guest_tokens_of_all_per_minute
    return (await take(RateLimit("guest-tokens-of-all", quota), request, "all")).exceeded


def _has_body(request: AnyRequest) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


HANDLERS = [guest]
