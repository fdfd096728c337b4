"""A live connection for a Locust user: blocks only its own greenlet.

``websocket-client`` waits on plain sockets, which Locust has made cooperative, and answers pings
itself; ``seatmap.protocol`` decodes the frames.
"""

import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import websocket

from loadtest.clients.live_map import LiveMap, decoded
from seatmap.protocol import Encoding, Frame

_CONNECT_S = 15.0
_RECONNECT_IN = re.compile(r"reconnect in (\d+) ms")


class Closed(Exception):
    """The connection is over. ``code`` is the gateway's, None if the network ended it."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(f"closed {code}: {reason}" if code else f"broken: {reason}")
        self.code = code
        found = _RECONNECT_IN.search(reason)
        #: How long the gateway asks to stay away, in s, if it does.
        self.wait_s = int(found[1]) / 1000 if found else None


class LiveConnection:
    """One open map. ``position`` resumes where ``shown`` stands. Raises Closed when it cannot open."""

    def __init__(self, url: str, shown: LiveMap) -> None:
        position = None if shown.lost else shown.position
        query = (
            "" if position is None else "?" + urlencode({"epoch": position[0], "seq": position[1]})
        )
        shown.reconnected()
        try:
            self._socket = websocket.create_connection(
                url + query,
                timeout=_CONNECT_S,
                subprotocols=[Encoding.BINARY],
                # The origin of a page would have to be allowed; this client is no page.
                suppress_origin=True,
            )
        except websocket.WebSocketBadStatusException as error:
            raise Closed(None, f"the handshake was answered with {error.status_code}") from error
        except (OSError, websocket.WebSocketException) as error:
            raise Closed(None, type(error).__name__) from error

    def frames(self, seconds: float) -> Iterator[Frame]:
        """The frames that come within this time. Raises Closed, and ProtocolError for an invalid frame."""
        deadline = time.monotonic() + seconds
        while (left_s := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                opcode, data = self._socket.recv_data()
            except websocket.WebSocketTimeoutException:
                return
            except (OSError, websocket.WebSocketException) as error:
                raise Closed(None, type(error).__name__) from error
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                raise Closed(int.from_bytes(data[:2]) or None, data[2:].decode(errors="replace"))
            yield decoded(bytes(data))

    def ask_snapshot(self) -> None:
        """Ask for the whole map again."""
        self._send('{"type": "snapshot"}')

    def _send(self, text: str) -> None:
        try:
            self._socket.send(text)
        except (OSError, websocket.WebSocketException) as error:
            raise Closed(None, type(error).__name__) from error

    def cut(self) -> None:
        """End the connection as a lost network does: without a close frame."""
        if self._socket.sock is not None:
            self._socket.sock.close()

    def close(self) -> None:
        """Send a close frame, and do not wait for the answer."""
        try:
            self._socket.settimeout(1.0)
            self._socket.send_close()
        except (OSError, websocket.WebSocketException):
            pass
        finally:
            self._socket.shutdown()
