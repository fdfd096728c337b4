"""People: accounts, logging in and out, who I am; and the organiser's tiers."""

import hashlib
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post, put
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.access import AccessToken
from api.auth import Tokens, buyer_id, require_organiser, sender_address
from api.conventions import AnyRequest, IfMatch, etag, read_body, required_version, runtime_of
from api.description import LIMITED, Reply, described
from api.rate_limits import admit, rate_limit_headers, take, take_for_address
from engine.base.actor import ORGANISER
from engine.base.addresses import client_network, wide_network
from engine.base.mail_addresses import checked, email_key
from engine.base.model import EmailAddress, Page
from engine.limits.rates import RateLimit, Standing
from engine.people.model import Login, Password, Person, PersonPatch, Registration, Tier

_SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}]
_ORGANISER: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}
_TOO_MANY = "Too many attempts; wait a while. Existing logins are not affected."
_NO_STORE = {"Cache-Control": "no-store"}
#: Window of ``password_attempts``, in s.
_ATTEMPTS_WINDOW_S = 900
#: Attempts on one account from all networks together that count as an attack, as a multiple of
#: ``password_attempts``: then a wide network has a fifth of them. The account's owner still gets in from any
#: other network, or with an earlier token.
_ATTACK_TIMES = 5


class AccountToken(AccessToken, frozen=True, kw_only=True):
    """Send the access token as ``Authorization: Bearer <access_token>``, and the refresh token to
    ``/v1/auth/refresh`` when that has expired. Keep only the newest of each.
    """

    refresh_token: Annotated[str, Meta(description="Good once.")]


class Credentials(Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of a new account."""

    email: EmailAddress
    password: Password


class RefreshToken(Struct, frozen=True, forbid_unknown_fields=True):
    """The newest refresh token that you have."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=200)]


class TierBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's tier and weight in waitlists."""

    tier: Tier


class PersonList(Page[Person], frozen=True):
    """The accounts with an address: first the one it belongs to, then the earliest."""


_REGISTRATION = msgspec.json.Decoder(Registration)
_CREDENTIALS = msgspec.json.Decoder(Credentials)
_REFRESH_TOKEN = msgspec.json.Decoder(RefreshToken)
_PERSON_PATCH = msgspec.json.Decoder(PersonPatch)
_TIER = msgspec.json.Decoder(TierBody)


def _signed_in(
    request: AnyRequest, login: Login, status: int, headers: dict[str, str]
) -> Response[AccountToken]:
    tokens: Tokens = request.app.state["tokens"]
    ttl_s: int = request.app.state["settings"].account_token_ttl_s
    token = AccountToken(
        tokens.issue(login.person_id, version=login.version, ttl_s=ttl_s),
        ttl_s,
        refresh_token=login.refresh_token,
    )
    return Response(token, status_code=status, headers=headers | _NO_STORE)


# Rate limits


async def _take_for_account(request: AnyRequest, account: str) -> Standing:
    """Count a password that a network tries for an account, whether or not there is one."""
    quota: int = request.app.state["settings"].password_attempts
    address = sender_address(request)
    near = "unknown" if address is None else client_network(address)
    standing = await _take_attempt(request, "password-attempts", quota, account, near)
    if standing.exceeded:
        # One network alone cannot make it look like an attack from everywhere.
        return standing
    everywhere = await _take_attempt(
        request, "password-attempts-of-all", _ATTACK_TIMES * quota, account, ""
    )
    if not everywhere.exceeded:
        return standing
    wide = "unknown" if address is None else wide_network(address)
    scarce = max(1, quota // _ATTACK_TIMES)
    return await _take_attempt(request, "password-attempts", scarce, account, f"wide {wide}")


async def _take_attempt(
    request: AnyRequest, name: str, quota: int, account: str, place: str
) -> Standing:
    # Redis keeps no addresses of people.
    client = hashlib.sha256(f"{account}\0{place}".encode()).hexdigest()[:32]
    return await take(RateLimit(name, quota, _ATTEMPTS_WINDOW_S), request, client)


def _address_limit(request: AnyRequest, name: str) -> RateLimit:
    return RateLimit(name, request.app.state["settings"].logins_per_minute)


# Accounts


@post(
    "/v1/auth/register",
    tags=["Access"],
    security=[{}, {"BearerToken": []}],
    summary="Make an account",
    description=(
        "With a guest's token the account is that guest's: bookings and waitlist entries stay, "
        "and that token is no longer valid. Without one the account is a new person. The answer "
        "logs in. The address gets a mail, and belongs to the account whose link is opened first. "
        "The answer does not reveal whether anybody has the address already."
    ),
    opt=described(
        takes=Registration,
        gives={201: Reply("The account, logged in.", AccountToken, LIMITED)},
        refuses=(
            "weak-password",
            "unknown-language",
            "already-registered",
            "too-many-requests",
            "unavailable",
        ),
    ),
)
async def register(request: AnyRequest) -> Response[AccountToken]:
    person_id = buyer_id(request) if "authorization" in request.headers else None
    wanted = await read_body(request, _REGISTRATION)
    standing = await take_for_address(_address_limit(request, "registrations"), request)
    headers = admit(_TOO_MANY, standing)
    login = await runtime_of(request).people.accounts.register(wanted, person_id=person_id)
    return _signed_in(request, login, 201, headers)


@post(
    "/v1/auth/login",
    status_code=200,
    tags=["Access"],
    summary="Log in",
    description=(
        "Gives tokens of the account's own person. Bookings of a guest of the same browser stay "
        "with that guest's token: nothing is merged. Send an earlier token of the account along if you "
        "have one, expired or not: then strangers who try its passwords do not keep you out."
    ),
    opt=described(
        takes=Credentials,
        gives={200: Reply("Tokens of the account's person.", AccountToken, LIMITED)},
        refuses=("wrong-credentials", "too-many-requests", "unavailable"),
    ),
)
async def login(request: AnyRequest) -> Response[AccountToken]:
    sent = await read_body(request, _CREDENTIALS)
    by_address = await take_for_address(_address_limit(request, "logins"), request)
    admit(_TOO_MANY, by_address)
    again = await _log_in_again(request, sent, by_address)
    if again is not None:
        return again
    by_account = await _take_for_account(request, email_key(sent.email))
    headers = admit(_TOO_MANY, by_address, by_account)
    opened = await runtime_of(request).people.accounts.log_in(sent.email, sent.password)
    return _signed_in(request, opened, 200, headers)


async def _log_in_again(
    request: AnyRequest, sent: Credentials, by_address: Standing
) -> Response[AccountToken] | None:
    """The answer to a client that shows an earlier token of the account, and has its password.

    Such clients are counted apart: they get in, however many others try passwords.
    """
    tokens: Tokens = request.app.state["tokens"]
    person_id = tokens.earlier_subject(request.headers.get("authorization"))
    if person_id is None or not await runtime_of(request).people.accounts.has_address(
        person_id, sent.email
    ):
        return None
    quota: int = request.app.state["settings"].password_attempts
    standing = await _take_attempt(request, "password-attempts", quota, person_id, "known")
    if standing.exceeded:
        return None
    opened = await runtime_of(request).people.accounts.log_in_again(
        person_id, sent.email, sent.password
    )
    if opened is None:
        return None
    return _signed_in(request, opened, 200, rate_limit_headers(by_address, standing))


@post(
    "/v1/auth/refresh",
    status_code=200,
    tags=["Access"],
    summary="Exchange a refresh token",
    description=(
        "For a new access token and the next refresh token. The same token again within a minute "
        "gives the same next one, because the answer may have been lost; later it ends the login "
        "in every place that has a copy."
    ),
    opt=described(
        takes=RefreshToken,
        gives={200: Reply("The next ones.", AccountToken, LIMITED)},
        refuses=("session-ended", "too-many-requests", "unavailable"),
    ),
)
async def refresh(request: AnyRequest) -> Response[AccountToken]:
    sent = await read_body(request, _REFRESH_TOKEN)
    quota = request.app.state["settings"].guest_tokens_per_minute
    standing = await take_for_address(RateLimit("refreshes", quota), request)
    headers = admit(_TOO_MANY, standing)
    return _signed_in(
        request, await runtime_of(request).people.accounts.refresh(sent.refresh_token), 200, headers
    )


@post(
    "/v1/auth/logout",
    status_code=204,
    tags=["Access"],
    summary="Log out",
    description=(
        "Ends this login; others of the same account go on. Access tokens that were issued stay "
        "valid until they expire, a quarter of an hour at most."
    ),
    opt=described(
        takes=RefreshToken,
        gives={204: Reply("This login has ended, or had before.")},
        refuses=("unavailable",),
    ),
)
async def logout(request: AnyRequest) -> None:
    sent = await read_body(request, _REFRESH_TOKEN)
    await runtime_of(request).people.accounts.log_out(sent.refresh_token)


# Who I am


@get(
    "/v1/me",
    tags=["Access"],
    security=_SECURITY,
    summary="Who I am",
    description="Works for guests, too: they have the defaults until they set values.",
    opt=described(gives={200: Reply("You.", Person, ("ETag",))}, refuses=("unavailable",)),
)
async def read_me(request: AnyRequest) -> Response[Person]:
    return _page(await runtime_of(request).people.accounts.person(buyer_id(request)))


@patch(
    "/v1/me",
    tags=["Access"],
    security=_SECURITY,
    summary="Change my data",
    description=(
        "Needs If-Match. An account's `email` and password are changed with the present `password`; "
        "a `new_password` ends every login, and every access token. A new `email` gets a mail "
        "that asks whether it is yours; the answer does not reveal whether anybody else has it."
    ),
    opt=described(
        takes=PersonPatch,
        gives={200: Reply("You, as of now.", Person, ("ETag",))},
        refuses=(
            "weak-password",
            "unknown-language",
            "booking-mails-needed",
            "wrong-password",
            "no-account",
            "precondition-failed",
            "precondition-required",
            "too-many-requests",
            "unavailable",
        ),
    ),
)
async def patch_me(request: AnyRequest, if_match: IfMatch = None) -> Response[Person]:
    person_id = buyer_id(request)
    version = required_version(if_match)
    sent = await read_body(request, _PERSON_PATCH)
    headers: dict[str, str] = {}
    if sent.password is not None:
        headers = admit(_TOO_MANY, await _take_for_account(request, person_id))
    return _page(
        await runtime_of(request).people.accounts.change(person_id, sent, version=version), headers
    )


def _page(person: Person, headers: dict[str, str] | None = None) -> Response[Person]:
    return Response(person, headers={"ETag": etag(person.version), **_NO_STORE, **(headers or {})})


# The organiser's side


@get(
    "/v1/people",
    summary="Find somebody by their address",
    description=(
        "Registered people, ten at most; `email_proven` marks the owner. A guest is found by the "
        "id in a booking or in the waitlist."
    ),
    opt=described(gives={200: Reply("Nobody or one.", PersonList)}, refuses=("unavailable",)),
    **_ORGANISER,
)
async def find_people(
    request: AnyRequest,
    email: Annotated[
        str,
        QueryParameter(
            max_length=254,
            description="The address used to register; upper and lower case are the same.",
        ),
    ],
) -> PersonList:
    return PersonList(
        await runtime_of(request).people.accounts.find(checked(email, source="query"))
    )


@put(
    "/v1/people/{person_id:uuid}/tier",
    summary="Give somebody a tier",
    description="Counts for waitlists joined from now on; people who already wait keep their places.",
    opt=described(
        takes=TierBody,
        gives={200: Reply("The person.", Person, ("ETag",))},
        refuses=("not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def set_tier(request: AnyRequest, person_id: FromPath[UUID]) -> Response[Person]:
    sent = await read_body(request, _TIER)
    person = await runtime_of(request).people.accounts.set_tier(
        str(person_id), sent.tier, actor=ORGANISER
    )
    return _page(person)


HANDLERS = [
    register,
    login,
    refresh,
    logout,
    read_me,
    patch_me,
    find_people,
    set_tier,
]
