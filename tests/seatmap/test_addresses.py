"""Whose connection it is, as far as the kernel still knows."""

from typing import Any

import pytest

from seatmap.server import _address_of


class _Connection:
    def __init__(self, peer: Any) -> None:
        self._peer = peer

    @property
    def remote_address(self) -> Any:
        if isinstance(self._peer, Exception):
            raise self._peer
        return self._peer


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"),
        (None, ""),
        # What uvloop's transport says once its socket is gone.
        (AttributeError("'NoneType' object has no attribute 'getpeername'"), ""),
    ],
    ids=["there", "unknown", "gone"],
)
def test_a_connection_that_is_gone_has_no_address(peer: Any, address: str) -> None:
    connection: Any = _Connection(peer)
    assert _address_of(connection) == address
