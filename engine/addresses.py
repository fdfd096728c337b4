"""Whose request it is: the address of a client, also behind proxies that we trust to tell it."""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


@lru_cache(maxsize=8)
def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Addresses and networks as they stand in a setting. Raises ValueError naming the wrong one."""
    return tuple(ip_network(text) for text in texts)


def client_address(
    peer: str, forwarded_for: Iterable[str], trusted: tuple[str, ...]
) -> Address | None:
    """Who is at the other end. None: a peer without an address, such as a Unix socket's.

    ``forwarded_for`` are the X-Forwarded-For headers in their order. Each proxy appends whom it
    heard, so they are read from the right, and no further than the first that is not ``trusted``:
    whatever stands to the left of it, anybody may have written.
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
    """What counts as one client: an IPv4 address or an IPv6 /64, as given to one household."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def wide_network(address: Address) -> str:
    """What one provider hands out at once: an IPv4 /24 or an IPv6 /48."""
    bits = 48 if isinstance(address, IPv6Address) else 24
    return str(ip_network((address, bits), strict=False))


def is_among(address: Address, networks: tuple[str, ...]) -> bool:
    """Whether ``address`` is in one of ``networks``, as they stand in a setting."""
    return _is_in(address, parse_networks(networks))


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
