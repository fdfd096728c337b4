"""Who is asking: bearer tokens of buyers, and the organiser's key.

A buyer is the subject of a token; having the token is the whole ownership rule. Verified tokens are
remembered by their text, because a buyer sends the same one many times and checking a signature costs
more than the rest of a hold.
"""

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.security.jwt import Token

from engine.addresses import Address, client_address, client_network, is_among
from engine.config import Settings
from engine.errors import NotAllowed, NotAuthenticated
from engine.guessing import Guesses
from engine.model import new_id

AnyConnection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
_ALGORITHM = "HS256"


class Tokens:
    """Issues and verifies access tokens. ``ttl_s``: how long one is good for."""

    def __init__(self, secret: str, *, ttl_s: int, remembered_max: int = 50_000) -> None:
        self._secret = secret
        self.ttl_s = ttl_s
        self._remembered: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._remembered_max = remembered_max

    def issue(self, subject: str | None = None, *, ttl_s: int | None = None) -> str:
        """A token for ``subject``, or for somebody new; ``ttl_s`` if not as long as others."""
        expires = datetime.now(UTC) + timedelta(seconds=ttl_s or self.ttl_s)
        return Token(exp=expires, sub=subject or new_id()).encode(self._secret, _ALGORITHM)

    def subject(self, authorization: str | None) -> str:
        """The buyer named by an ``Authorization`` header. Raises NotAuthenticated."""
        if authorization is None or not authorization.startswith("Bearer "):
            raise NotAuthenticated(
                "Send 'Authorization: Bearer <token>'; get one with POST /v1/auth/guest."
            )
        encoded = authorization[7:]
        known = self._remembered.get(encoded)
        if known is None:
            known = self._verify(encoded)
        if known[1] <= time.time():
            raise _bad_token()
        return known[0]

    def _verify(self, encoded: str) -> tuple[str, float]:
        try:
            token = Token.decode(encoded, self._secret, _ALGORITHM)
        except NotAuthorizedException:
            raise _bad_token() from None
        known = (token.sub, token.exp.timestamp())
        self._remembered[encoded] = known
        if len(self._remembered) > self._remembered_max:
            self._remembered.popitem(last=False)
        return known


def _bad_token() -> NotAuthenticated:
    return NotAuthenticated(
        "The token is not valid or has expired; get a new one with POST /v1/auth/refresh if you "
        "have an account, else with POST /v1/auth/guest."
    )


def buyer_id(connection: AnyConnection) -> str:
    """The buyer who sent this request."""
    tokens: Tokens = connection.app.state["tokens"]
    # The raw list: building the framework's mapping of all headers costs more than the rest of this.
    for name, value in connection.scope["headers"]:
        if name == b"authorization":
            return tokens.subject(value.decode("latin-1"))
    return tokens.subject(None)


async def require_organiser(connection: AnyConnection, _: Any) -> None:
    """Guard of the organiser's routes: the key from FRONTROW_ORGANISER_KEY as a bearer token."""
    if not connection.app.state["settings"].organiser_key:
        raise NotAllowed("The organiser's API is off: set FRONTROW_ORGANISER_KEY to switch it on.")
    if not connection.headers.get("authorization", "").startswith("Bearer "):
        raise NotAuthenticated("Send 'Authorization: Bearer <organiser key>'.")
    if await is_organiser(connection):
        return
    if _is_buyer(connection):
        raise NotAllowed("This is the organiser's; a buyer's token does not open it.")
    raise NotAuthenticated("That is not the organiser's key.")


async def is_organiser(connection: AnyConnection) -> bool:
    """Whether the request carries the organiser's key.

    What is neither that nor a buyer's token is a guess, and counted. Raises TooManyRequests for a network
    that guesses.
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
    # A token of a buyer, though it has expired, is no guess.
    if not (sent.startswith("eyJ") or _is_buyer(connection)):
        await guesses.wrong(network_of(connection))
    return False


def _is_buyer(connection: AnyConnection) -> bool:
    try:
        buyer_id(connection)
    except NotAuthenticated:
        return False
    return True


def network_of(
    connection: AnyConnection, network: Callable[[Address], str] = client_network
) -> str | None:
    """The network that a request comes from, for counting; None where no limit counts."""
    settings: Settings = connection.app.state["settings"]
    address = client_address(
        connection.client.host if connection.client else "",
        connection.headers.getall("x-forwarded-for", []),
        settings.trusted_proxies,
    )
    if address is None:
        # A Unix socket's peer. They count as one client: nobody is exempt by being unknown.
        return "unknown"
    if is_among(address, settings.unlimited_networks):
        return None
    return network(address)


def has_organiser_key(authorization: str, key: str) -> bool:
    """Whether an ``Authorization`` header carries ``key``; nobody has an empty one."""
    sent = authorization.removeprefix("Bearer ")
    return bool(key) and hmac.compare_digest(sent.encode(), key.encode())
