"""Whose request it is: only trusted proxies are believed."""

import pytest

from engine.base.addresses import (
    Address,
    client_address,
    client_network,
    may_look_inside,
    parse_networks,
)

TRUSTED = ("10.0.0.0/8", "::1")


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        # Claims of a peer that is no proxy of ours are ignored.
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # The client put an address in front; the proxy appended the client's real one.
        ("10.0.0.1", ["127.0.0.1, 10.9.9.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
        # A chain of proxies.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2,10.0.0.3"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        # Text that is no address ends the chain.
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        # As proxies and sockets write them.
        ("10.0.0.1", ["198.51.100.1:5123"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::7]:5123"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("fe80::1%eth0", ["2001:db8::7"], "fe80::1"),
    ],
)
def test_the_client_is_the_last_address_that_is_no_trusted_proxy(
    peer: str, headers: list[str], client: str
) -> None:
    assert str(client_address(peer, headers, TRUSTED)) == client


@pytest.mark.parametrize("peer", ["", "unix:", "testclient"])
def test_a_peer_may_have_no_address(peer: str) -> None:
    assert client_address(peer, ["198.51.100.1"], TRUSTED) is None


def test_without_trusted_proxies_the_peer_is_the_client() -> None:
    assert str(client_address("127.0.0.1", ["198.51.100.1"], ())) == "127.0.0.1"


def test_an_ipv6_household_is_one_client() -> None:
    def address(text: str) -> Address:
        found = client_address(text, [], ())
        assert found is not None
        return found

    assert client_network(address("2001:db8:1:1::7")) == client_network(address("2001:db8:1:1:f::"))
    assert client_network(address("2001:db8:1:1::7")) != client_network(address("2001:db8:1:2::7"))
    assert client_network(address("::ffff:198.51.100.1")) == "198.51.100.1"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "10.0.0.0/33"])
def test_a_wrong_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("/")[0]):
        parse_networks(("::1", text))


@pytest.mark.parametrize(
    ("peer", "host", "names", "may"),
    [
        ("127.0.0.1", "localhost:8000", (), True),
        ("::1", "[::1]:8000", ("user-agent",), True),
        ("10.20.0.7", "api:8000", (), True),
        ("10.21.0.7", "api:8000", (), False),
        ("10.20.0.7", "api:8000", ("x-forwarded-for",), False),
        # A page that sends requests to a name that resolves to this machine (DNS rebinding).
        ("127.0.0.1", "rebound.example", (), False),
        ("", "localhost", (), False),
    ],
)
def test_only_this_machine_and_named_networks_may_look_inside(
    peer: str, host: str, names: tuple[str, ...], may: bool
) -> None:
    assert may_look_inside(peer, host, names, ("10.20.0.0/16",)) is may
