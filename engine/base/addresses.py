"""The address of a client, also behind trusted proxies that forward it."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

#: Headers that proxies add to the requests that they forward.
PROXY_TRAITS = frozenset(
    {
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
        "forwarded",
        "via",
        "true-client-ip",
        "cf-connecting-ip",
    }
)

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


@lru_cache(maxsize=8)
def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Parse the addresses and networks of a setting. Raises ValueError naming the wrong one."""
    return tuple(ip_network(text) for text in texts)


def client_address(
    peer: str, forwarded_for: Iterable[str], trusted: tuple[str, ...]
) -> Address | None:
    """The client's address. None: a peer without an address, such as a Unix socket's.

    ``forwarded_for`` are the X-Forwarded-For headers in their order. Each proxy appends the address of
    its peer, so they are read from the right, up to the first that is not ``trusted``: anybody may have
    written the addresses to the left of it.
    """
    address = _parse(peer)
    hops = [hop for header in forwarded_for for hop in header.split(",")]
    while address is not None and hops and is_among(address, trusted):
        before = _parse(hops.pop())
        if before is None:
            break
        address = before
    return address


def client_network(address: Address) -> str:
    """The network that counts as one client: an IPv4 address or an IPv6 /64, as given to one household."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def wide_network(address: Address) -> str:
    """The network of one subscriber or of a school: an IPv4 /24 or an IPv6 /48."""
    prefix = 48 if isinstance(address, IPv6Address) else 24
    return str(ip_network((address, prefix), strict=False))


def is_among(address: Address, networks: tuple[str, ...]) -> bool:
    """Whether ``address`` is in one of ``networks``, written as in a setting."""
    return _is_in(address, parse_networks(networks))


def may_look_inside(
    peer: str, host: str, header_names: Iterable[str], networks: tuple[str, ...]
) -> bool:
    """Whether a peer may read the operator's pages: metrics and health.

    The peer is this machine, asking by a name of this machine, or is in ``networks``; and it is no proxy.
    ``header_names`` are those of the request in lower case: the headers that a proxy adds show that it is
    one. ``host`` is checked because a web page could ask by a name that resolves to this machine.
    """
    address = _parse(peer)
    if address is None or not PROXY_TRAITS.isdisjoint(header_names):
        return False
    return is_among(address, networks) or (address.is_loopback and is_local_name(host))


def proxy_doubt(peer: str, header_names: Iterable[str], trusted: tuple[str, ...]) -> str | None:
    """What is wrong with how a request was forwarded; None when nothing is wrong.

    When something is wrong, all clients of the proxy count as one, and are limited as one.
    """
    traits = PROXY_TRAITS.intersection(header_names)
    address = _parse(peer)
    if address is None or not traits:
        return None
    if not is_among(address, trusted):
        return f"requests come with {', '.join(sorted(traits))} from {address}, which is not a trusted proxy"
    if "x-forwarded-for" not in traits:
        return f"the proxy at {address} sends {', '.join(sorted(traits))}, but no x-forwarded-for"
    return None


def is_local_name(host: str) -> bool:
    """Whether a ``Host`` header names this machine."""
    return is_local_host(
        host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    )


def is_local_host(name: str) -> bool:
    """Whether a name or an address, without a port, is this machine's."""
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _parse(text: str) -> Address | None:
    """An address with or without a port, brackets or a zone, as proxies write it."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
