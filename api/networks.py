"""The network that a request comes from: a name for the addresses of one household, school or provider.

The name is a keyed hash, the same in every process: the stores keep no addresses. It is computed once for
each client, because every hold and every payment needs it.
"""

import base64
import hmac
from functools import lru_cache
from typing import Any

from litestar.connection import ASGIConnection

from engine.base.addresses import client_address, is_among, wide_network
from engine.base.config import Settings
from engine.base.signing import derive_key, token_secret

#: Longest forwarding header that is cached; a chain of real proxies is shorter.
_FORWARDED_LENGTH_MAX = 300


class Networks:
    """Names of networks. Empty: one that ``unlimited_networks`` exempts from limits."""

    def __init__(self, settings: Settings) -> None:
        self._trusted = settings.trusted_proxies
        self._unlimited = settings.unlimited_networks
        self._key = derive_key(token_secret(settings), "frontrow/network/1")
        self._known = lru_cache(maxsize=20_000)(self._name)

    def of(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """The network that a request comes from."""
        scope = connection.scope
        client = scope.get("client")
        # The raw list, as in api.auth.
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        peer = client[0] if client else ""
        if not forwarded:
            return self._known(peer, "")
        text = b",".join(forwarded).decode("latin-1")
        name = self._known if len(text) <= _FORWARDED_LENGTH_MAX else self._name
        return name(peer, text)

    def _name(self, peer: str, forwarded: str) -> str:
        address = client_address(peer, (forwarded,) if forwarded else (), self._trusted)
        if address is None:
            # A Unix socket's peer: an unknown client is not exempt.
            return self._hashed("unknown")
        return "" if is_among(address, self._unlimited) else self._hashed(wide_network(address))

    def _hashed(self, network: str) -> str:
        digest = hmac.digest(self._key, network.encode(), "sha256")[:9]
        return base64.urlsafe_b64encode(digest).decode()


def network(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The network that a request comes from; empty for one without limits."""
    networks: Networks = connection.app.state["networks"]
    return networks.of(connection)
