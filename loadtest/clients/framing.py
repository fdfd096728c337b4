"""WebSockets on plain sockets: the opening handshake of RFC 6455, and its frames.

Only the part that our clients need: whole frames without an extension.
"""

import base64
import hashlib
import os
from typing import Final

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
# These bytes need no secret mask, which protects proxies only.
_MASKED, _MASK = 0x80, b"\0\0\0\0"
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Broken(Exception):
    """The server does not speak WebSocket as a server must."""


def handshake(
    host: str, path: str, *, subprotocol: str | None = "frontrow.v1"
) -> tuple[bytes, bytes]:
    """The request, which any number of connections may send, and the text that its answer must contain."""
    key = base64.b64encode(os.urandom(16))
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324  # as RFC 6455 has it
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return "\r\n".join((*lines, "", "")).encode(), accept


def split(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Whole frames of a server as (opcode, payload), and the remaining bytes. Raises Broken."""
    frames, start = [], 0
    while len(data) - start >= 2:
        first, length = data[start], data[start + 1]
        if first & 0xF0 != 0x80 or length & 0x80:
            raise Broken("fragmented, masked, or with an extension that was not requested")
        head = start + 2
        if length > 125:
            size = 2 if length == 126 else 8
            length = int.from_bytes(data[head : head + size], "big")
            head += size
        if len(data) < head + length:
            break
        frames.append((first & 0x0F, data[head : head + length]))
        start = head + length
    return frames, data[start:]


def masked(opcode: int, payload: bytes) -> bytes:
    """A masked control frame of a client."""
    return bytes((0x80 | opcode, _MASKED | len(payload))) + _MASK + payload
