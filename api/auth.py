"""Authentication: bearer tokens of buyers, and the organiser's key.

A buyer is the subject of a token; possession of the token is the whole ownership rule. Verified tokens are
cached by their text, because a buyer sends the same one many times and checking a signature costs more than
the rest of a hold.

Clocks of servers differ, so nothing depends on a token's time of issue, and a token is accepted for half a
minute after its end.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import jwt
import msgspec
from litestar.connection import ASGIConnection
from msgspec import Struct

from engine.base.addresses import Address, client_address, client_network, is_among
from engine.base.caching import Bounded
from engine.base.config import Settings
from engine.base.errors import NotAllowed, NotAuthenticated
from engine.base.model import new_id
from engine.limits.guessing import Guesses

AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
#: Key in a request's state: the buyer whose token the edge has verified.
BUYER_ID: Final = "buyer_id"
_ALGORITHM = "HS256"
_AUDIENCE: Final = "frontrow"
_LEEWAY_S: Final = 30
#: How long after its end a guest's token may be renewed, if its guest has a booking or waits for one.
_RENEWABLE_S: Final = 400 * 86_400
#: A token has some 250 characters; a longer text is refused unread.
_TOKEN_LENGTH_MAX: Final = 2_000
NEEDS_KEY: Final = (
    "This needs the organiser's key, the value of FRONTROW_ORGANISER_KEY; send it as "
    "'Authorization: Bearer <key>'."
)


class _Claims(Struct, frozen=True):
    """``ver``: the token version of the person's account; 0 of a guest. ``aud``: older tokens have none, and
    can only be renewed.
    """

    sub: str
    exp: float
    ver: int = 0
    aud: str | None = None


class Renewable(Struct, frozen=True):
    """A guest's token that was issued here. ``is_past``: it gives no access any more."""

    subject: str
    is_past: bool
    has_expired: bool


class Tokens:
    """Issues and verifies access tokens. ``ttl_s``: the lifetime of a token."""

    def __init__(
        self,
        secret: str,
        *,
        ttl_s: int,
        remembered_max: int = 50_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self.ttl_s = ttl_s
        #: The lowest valid version, by person (``engine.people.token_versions``).
        self.versions: Mapping[str, int] = {}
        self._clock = clock
        self._remembered: Bounded[str, tuple[str, float, int]] = Bounded(remembered_max)

    def issue(
        self, subject: str | None = None, *, version: int = 0, ttl_s: int | None = None
    ) -> str:
        """A token for ``subject``, or for a new guest; ``ttl_s`` if its lifetime is not the usual one."""
        now = int(self._clock())
        claims: dict[str, Any] = {
            "sub": subject or new_id(),
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + (ttl_s or self.ttl_s),
        }
        if version:
            claims["ver"] = version
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def subject(self, authorization: str | None) -> str:
        """The buyer named by an ``Authorization`` header. Raises NotAuthenticated."""
        encoded = _bearer(authorization)
        known = self._remembered.get(encoded)
        if known is None:
            known = self._verify(encoded)
        subject, ends, version = known
        if ends <= self._clock() or version < self.versions.get(subject, 0):
            raise _bad_token()
        return subject

    def version(self, authorization: str | None) -> int:
        """The token version that a good token was made with. Raises NotAuthenticated."""
        self.subject(authorization)
        return self._remembered[_bearer(authorization)][2]

    def renewable(self, authorization: str | None) -> Renewable:
        """A guest's token to renew, also when it has expired. Raises NotAuthenticated."""
        claims = self._read(_bearer(authorization))
        age_s = self._clock() - claims.exp
        # An account's token is renewed and ended by its refresh token only.
        if claims.ver > 0 or self.versions.get(claims.sub, 0) > 0 or age_s > _RENEWABLE_S:
            raise _bad_token()
        has_expired = age_s >= _LEEWAY_S
        return Renewable(claims.sub, has_expired or claims.aud is None, has_expired)

    def earlier_subject(self, authorization: str | None) -> str | None:
        """The subject of a token that is or was valid: not enough for access, but no stranger."""
        try:
            claims = self._read(_bearer(authorization))
        except NotAuthenticated:
            return None
        return claims.sub if self._clock() - claims.exp < _RENEWABLE_S else None

    def _verify(self, encoded: str) -> tuple[str, float, int]:
        claims = self._read(encoded)
        if claims.aud is None:
            raise _bad_token()
        known = (claims.sub, claims.exp + _LEEWAY_S, claims.ver)
        self._remembered[encoded] = known
        return known

    def _read(self, encoded: str) -> _Claims:
        """The claims of a token that was issued here, expired or not. Raises NotAuthenticated."""
        try:
            found = jwt.decode(encoded, self._secret, [_ALGORITHM], options=_ONLY_SIGNATURE)
            claims = msgspec.convert(found, _Claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise _bad_token() from None
        if claims.aud not in (_AUDIENCE, None) or not claims.sub:
            raise _bad_token()
        return claims


#: The other claims are checked here, by our own clock.
_ONLY_SIGNATURE: Final[Any] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_sub": False,
}


def _bearer(authorization: str | None) -> str:
    if authorization is None or not authorization.startswith("Bearer "):
        raise NotAuthenticated(
            "Send 'Authorization: Bearer <token>'; get one with POST /v1/auth/guest."
        )
    if len(authorization) > _TOKEN_LENGTH_MAX:
        raise _bad_token()
    return authorization[7:]


def _bad_token() -> NotAuthenticated:
    return NotAuthenticated(
        "The token is not valid or has expired; get a new one with POST /v1/auth/refresh if you "
        "have an account; a guest sends the old token to POST /v1/auth/guest."
    )


def buyer_id(connection: AnyConnection) -> str:
    """The buyer who sent this request."""
    known: str | None = connection.scope.get("state", {}).get(BUYER_ID)
    if known is not None:
        return known
    tokens: Tokens = connection.app.state["tokens"]
    # The raw list: building the framework's mapping of all headers costs more than the rest of this.
    for name, value in connection.scope["headers"]:
        if name == b"authorization":
            return tokens.subject(value.decode("latin-1"))
    return tokens.subject(None)


async def owner_or_organiser(connection: AnyConnection) -> str | None:
    """The buyer who sent this request; None: the organiser, who may see every buyer's. Raises NotAuthenticated."""
    try:
        return buyer_id(connection)
    except NotAuthenticated:
        if await is_organiser(connection):
            return None
        raise


async def require_organiser(connection: AnyConnection, _: Any) -> None:
    """Guard of the organiser's routes: the key from FRONTROW_ORGANISER_KEY as a bearer token."""
    if not connection.app.state["settings"].organiser_key:
        raise NotAllowed("The organiser's API is off: set FRONTROW_ORGANISER_KEY to switch it on.")
    if not connection.headers.get("authorization", "").startswith("Bearer "):
        raise NotAuthenticated(NEEDS_KEY)
    if await is_organiser(connection):
        return
    if _is_buyer(connection):
        raise NotAllowed("This needs the organiser's key; a buyer's token is not enough.")
    raise NotAuthenticated(f"That is not the organiser's key. {NEEDS_KEY}")


async def is_organiser(connection: AnyConnection) -> bool:
    """Whether the request carries the organiser's key.

    A credential that is neither that nor a buyer's token is counted as a guess. Raises TooManyRequests for a
    network that guesses.
    """
    state = connection.app.state
    key: str = state["settings"].organiser_key
    sent = connection.headers.get("authorization", "").removeprefix("Bearer ")
    if not (key and sent):
        return False
    guesses: Guesses = state["key_guesses"]
    if has_organiser_key(connection.headers.get("authorization", ""), key):
        await guesses.right(network_of(connection))
        return True
    # A buyer's token is no guess, even when it has expired.
    if not (sent.startswith("eyJ") or _is_buyer(connection)):
        await guesses.wrong(network_of(connection))
    return False


def _is_buyer(connection: AnyConnection) -> bool:
    try:
        buyer_id(connection)
    except NotAuthenticated:
        return False
    return True


def sender_address(connection: AnyConnection) -> Address | None:
    """The address that a request comes from. None: a peer without an address, such as a Unix socket's."""
    return client_address(
        connection.client.host if connection.client else "",
        connection.headers.getall("x-forwarded-for", []),
        connection.app.state["settings"].trusted_proxies,
    )


def network_of(
    connection: AnyConnection, network: Callable[[Address], str] = client_network
) -> str | None:
    """The network that a request comes from, for counting; None for a network without limits."""
    settings: Settings = connection.app.state["settings"]
    address = sender_address(connection)
    if address is None:
        # Peers of a Unix socket count as one client: an unknown client is not exempt.
        return "unknown"
    if is_among(address, settings.unlimited_networks):
        return None
    return network(address)


def has_organiser_key(authorization: str, key: str) -> bool:
    """Whether an ``Authorization`` header carries ``key``; nobody has an empty one."""
    sent = authorization.removeprefix("Bearer ")
    return bool(key) and hmac.compare_digest(sent.encode(), key.encode())
