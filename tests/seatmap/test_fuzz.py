"""Hostile clients, against a gateway of their own: none of them may affect anybody else.

Whatever they send, they get an HTTP 4xx, a documented close code, or at worst the
end of the connection; the process logs nothing and keeps nothing of them; and a watcher that behaves
properly gets every change on one connection, from one snapshot.
"""

import asyncio
import base64
import contextlib
import os
import re
import socket
import struct
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import psutil
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime
from loadtest.clients.framing import split
from tests.conftest import (
    REPO,
    House,
    end_process,
    make_event,
    role_command,
    role_environment,
    until_ready,
)
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity

WAIT_S = 60
#: The gateway's own limit; only waiting can show it.
HANDSHAKE_S = 10
#: Close codes for connections that the gateway refuses or that the client closed.
CODES = {1000, 1002, 1005, 1007, 1009, 4400, 4401, 4404, 4429}
#: A client that closes with one of these codes gets it back.
PRIVATE_CODES = set(range(3000, 5000))
ASK = b'{"type":"snapshot"}'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


# The wire


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """A client's frame, valid or not; ``length`` is the length that it claims, if not the true one."""
    said = len(payload) if length is None else length
    first, mask = (0x80 if fin else 0) | rsv << 4 | opcode, 0x80 if masked else 0
    if said < 126:
        head = struct.pack("!BB", first, mask | said)
    elif said < 1 << 16:
        head = struct.pack("!BBH", first, mask | 126, said)
    else:
        head = struct.pack("!BBQ", first, mask | 127, said)
    return head + (bytes(4) if masked else b"") + payload


Headers = list[tuple[str, str]]


def upgrade_headers() -> Headers:
    return [
        ("Host", "localhost"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", base64.b64encode(os.urandom(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
    ]


def request(
    path: str, headers: Headers | None = None, method: str = "GET", version: str = "HTTP/1.1"
) -> bytes:
    lines = [f"{method} {path} {version}"]
    lines += [f"{name}: {value}" for name, value in (headers or upgrade_headers())]
    return "\r\n".join((*lines, "", "")).encode("latin-1", "replace")


class Answer(msgspec.Struct):
    """The result of a connection."""

    #: Status of the HTTP response; None without one.
    status: int | None = None
    #: Code of the close frame; None without a frame, 1005 for a frame without code.
    code: int | None = None
    frames: list[tuple[int, bytes]] = []


def read_answer(data: bytes) -> Answer:
    if not data:
        return Answer()
    head, _, rest = data.partition(b"\r\n\r\n")
    first = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
    assert first is not None, data
    status = int(first[1])
    if status != 101:
        return Answer(status)
    frames, _ = split(rest)
    codes = [int.from_bytes(p[:2], "big") or 1005 for opcode, p in frames if opcode == CLOSE]
    assert len(codes) <= 1, "nothing may follow a close"
    return Answer(status, codes[0] if codes else None, frames)


class Line:
    """A connection on a bare socket."""

    def __init__(self, socket_: socket.socket) -> None:
        self.socket = socket_
        self._loop = asyncio.get_running_loop()
        self.data = b""

    async def send(self, *chunks: bytes) -> None:
        """Send. Gives up quietly when the gateway has closed the connection."""
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                await self._loop.sock_sendall(self.socket, chunk)

    @contextlib.asynccontextmanager
    async def sending(self, *chunks: bytes) -> AsyncIterator["asyncio.Task[None]"]:
        """Send in the background, until the block ends."""
        task = asyncio.create_task(self.send(*chunks))
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def read(self) -> bool:
        """Read some more; False at the end of the connection."""
        try:
            data = await self._loop.sock_recv(self.socket, 1 << 16)
        except ConnectionError:
            data = b""
        self.data += data
        return bool(data)

    async def greeted(self) -> "Line":
        """Read until the map is there."""
        async with asyncio.timeout(WAIT_S):
            while b'"watching"' not in self.data:
                assert await self.read(), self.data
        return self

    async def end(self, *, half_close: bool = True) -> Answer:
        """Read everything up to the end of the connection."""
        if half_close:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(WAIT_S):
            while await self.read():
                pass
        return read_answer(self.data)

    async def closed(self) -> Answer:
        """Read until the gateway has closed the connection, which it must do first."""
        async with asyncio.timeout(WAIT_S):
            while await self.read():
                answer = read_answer(self.data)
                if answer.code is not None:
                    return answer
        return read_answer(self.data)

    def reset(self) -> None:
        """Reset the connection without a close."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# The gateway, and a watcher that behaves properly


@dataclass
class Gateway:
    """A gateway process under attack, and the event that a proper client watches on it."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    house: House
    watcher: Watcher
    log_read: int = 0

    @property
    def path(self) -> str:
        return f"/v1/live/{self.house.event_id}"

    @contextlib.asynccontextmanager
    async def line(self, *first: bytes) -> AsyncIterator[Line]:
        with socket.socket() as raw:
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.port))
            line = Line(raw)
            await line.send(*first)
            yield line

    @contextlib.asynccontextmanager
    async def open_line(self, query: str = "") -> AsyncIterator[Line]:
        """A connection that is open and has its map."""
        async with self.line(request(self.path + query)) as line:
            yield await line.greeted()

    async def connections(self) -> float:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            text = (await http.get(f"http://127.0.0.1:{self.port}/metrics")).text
        lines = re.findall(r"^frontrow_live_connections{.*} (\S+)$", text, re.MULTILINE)
        return sum(map(float, lines))

    def resident_mib(self) -> float:
        resident: int = psutil.Process(self.process.pid).memory_info().rss
        return resident / 2**20

    async def unharmed(self) -> None:
        """Check that only the proper watcher is left, that it sees changes, and that nothing was logged."""
        await self._a_change_is_seen()
        assert self.watcher.map is not None
        truth = await self.house.runtime.live.reading.snapshot(self.house.event_id)
        await self.watcher.shows(truth.states, truth.areas)
        assert (self.watcher.map.epoch, self.watcher.map.seq) == (truth.epoch, truth.seq)
        assert (self.watcher.connections, self.watcher.snapshots) == (1, 1)
        async with asyncio.timeout(WAIT_S):
            while await self.connections() != 1:
                await asyncio.sleep(0.01)
        assert self.process.poll() is None
        assert self._new_in_log() == ""

    def _new_in_log(self) -> str:
        text = self.log.read_text()
        told, self.log_read = text[self.log_read :], len(text)
        return told

    async def _a_change_is_seen(self) -> None:
        buyer, before = new_id(), self.watcher.deltas
        hold = await self.house.hold(buyer, 7)
        await self.watcher.until(lambda: self.watcher.map.states[7:8] == b"1")  # type: ignore[union-attr]  # it has one
        await self.house.runtime.holds.release(hold.hold_id, buyer)
        await self.watcher.until(lambda: self.watcher.map.states[7:8] == b"0")  # type: ignore[union-attr]  # it has one
        assert self.watcher.deltas >= before + 2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(
    settings: Settings,
    stores: StoreUrls,
    engine_runtime: Runtime,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Gateway]:
    # Messages at "warning" are for the operator; a client must not be able to fill the log.
    environment = role_environment(settings, stores, FRONTROW_LOG_LEVEL="warning")
    port = int(environment["FRONTROW_LIVE_PORT"])
    log = tmp_path_factory.mktemp("fuzz") / "live.log"
    house = House(engine_runtime, await make_event(engine_runtime))
    with log.open("wb") as file:
        process = subprocess.Popen(
            role_command("live", environment), env=environment, cwd=REPO, stdout=file, stderr=file
        )
    try:
        await until_ready(f"http://127.0.0.1:{port}")
        async with Watcher(f"ws://127.0.0.1:{port}/v1/live/{house.event_id}") as watcher:
            yield Gateway(process, port, log, house, watcher)
    finally:
        end_process(process)


# Definite errors, and their results


def without(name: str) -> Headers:
    return [pair for pair in upgrade_headers() if pair[0] != name]


def with_(name: str, value: str) -> Headers:
    return [*without(name), (name, value)]


def also(name: str, value: str, count: int = 1) -> Headers:
    return [*upgrade_headers(), *[(name, value)] * count]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"method": "POST"}, 405),
        ({"method": "DELETE"}, 405),
        ({"headers": [("Host", "localhost")]}, 426),
        ({"headers": with_("Upgrade", "h2c")}, 426),
        ({"headers": with_("Connection", "close")}, 426),
        ({"headers": with_("Sec-WebSocket-Version", "8")}, 400),
        ({"headers": without("Sec-WebSocket-Version")}, 400),
        ({"headers": without("Sec-WebSocket-Key")}, 400),
        ({"headers": with_("Sec-WebSocket-Key", "short")}, 400),
        ({"headers": also("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")}, 400),
        ({"headers": also("Sec-WebSocket-Protocol", "a b,,c")}, 400),
        ({"headers": also("Origin", "null")}, 403),
        ({"headers": also("Origin", "http://localhost", 2)}, 400),
        ({"headers": also("X-Long", "x" * 9_000)}, 431),
        ({"headers": also("X-Many", "x", 200)}, 431),
        ({"query": "?seq=" + "1" * 9_000}, 414),
        # RFC 9110 has a 5xx for this error of the client.
        ({"version": "HTTP/1.0"}, 505),
        # Bytes that are not HTTP get no HTTP answer.
        ({"version": "HTTP/2"}, None),
        ({"version": "\x16\x03\x01"}, None),
        ({"query": "?\xff"}, None),
        ({"headers": also("X-Null", "a\0b")}, None),
        ({"headers": also("Transfer-Encoding", "chunked")}, None),
        ({"headers": also("Content-Length", "5")}, None),
    ],
)
async def test_a_wrong_handshake_is_refused(
    gateway: Gateway, wrong: dict[str, Any], status: int | None
) -> None:
    path = gateway.path + wrong.pop("query", "")
    async with gateway.line(request(path, **wrong)) as line:
        assert (await line.end(half_close=False)).status == status
    await gateway.unharmed()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ([frame(TEXT, ASK, rsv=4)], 1002),
        ([frame(TEXT, ASK, rsv=1)], 1002),
        ([frame(3)], 1002),
        ([frame(11)], 1002),
        ([frame(BINARY, ASK, masked=False)], 1002),
        ([frame(PING, b"x" * 126)], 1002),
        ([frame(PING, fin=False)], 1002),
        ([frame(0, b"what does this continue?")], 1002),
        ([frame(TEXT, b"{", fin=False), frame(TEXT, ASK)], 1002),
        ([frame(CLOSE, b"\3")], 1002),
        ([frame(CLOSE, struct.pack("!H", 999))], 1002),
        ([frame(CLOSE, struct.pack("!H", 1005))], 1002),
        ([frame(CLOSE, struct.pack("!H", 1000) + b"\xff")], 1007),
        ([frame(TEXT, b"\xff")], 1007),
        ([frame(TEXT, b"\xff", fin=False), frame(0, b"{}")], 1007),
        ([frame(TEXT, b"x" * 4_097)], 1009),
        ([frame(TEXT, length=1 << 62)], 1009),
        ([frame(TEXT, length=(1 << 64) - 1)], 1009),
        ([frame(TEXT, b"x" * 3_000, fin=False), frame(0, b"x" * 3_000)], 1009),
        ([frame(TEXT, fin=False), *[frame(0, fin=False)] * 5_000], 1009),
        ([frame(TEXT, b"[" * 4_000)], 4400),
        ([frame(TEXT, b'{"type":"authenticate"}')], 4400),
        ([frame(TEXT, b'{"type":"authenticate","ticket":7}')], 4400),
        ([frame(TEXT, b'{"type":"authenticate","ticket":"%s"}' % (b"x" * 300))], 4400),
        ([frame(TEXT, rb'{"type":"authenticate","ticket":"\ud800"}')], 4400),
        ([frame(TEXT, b'{"type":"authenticate","ticket":""}')], 4401),
        ([frame(TEXT, rb'{"type":"authenticate","ticket":"\u0000"}')], 4401),
        ([frame(TEXT, b'{"type":"authenticate","ticket":"*"}')], 4401),
        ([frame(TEXT, ASK)] * 30, 4429),
        ([frame(CLOSE)], 1005),
        ([frame(CLOSE, struct.pack("!H", 1000) + b"bye")], 1000),
        ([frame(CLOSE, struct.pack("!H", 4999))], 4999),
    ],
)
async def test_a_wrong_frame_closes_the_connection(
    gateway: Gateway, sent: list[bytes], code: int
) -> None:
    async with gateway.open_line() as line:
        await line.send(b"".join(sent))
        assert (await line.closed()).code == code
    await gateway.unharmed()


@pytest.mark.parametrize(
    "tail", [frame(0, ASK), frame(CLOSE), frame(PING) + frame(CLOSE), b"\xff" * 8]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_data_sent_before_the_handshake_is_answered_harm_nobody(
    gateway: Gateway, method: str, tail: bytes
) -> None:
    """In one packet the client is cut off; in two it may be, depending on the race."""
    handshake = request(gateway.path, method=method)

    async def interrupt(*sent: bytes) -> int | None:
        async with gateway.line(*sent) as line:
            return (await line.end(half_close=False)).status

    for _ in range(20):
        together = (interrupt(handshake + tail) for _ in range(4))
        assert set(await asyncio.gather(*together)) == {None}
        apart = (interrupt(handshake, tail) for _ in range(8))
        assert set(await asyncio.gather(*apart)) <= {None, 101, 405}
    await gateway.unharmed()


@pytest.mark.parametrize(
    "query",
    ["?ticket=", "?ticket=%00", "?ticket=%ff", "?ticket=%ED%A0%80", "?ticket=" + "x" * 4_000],
)
async def test_an_unknown_ticket_is_refused(gateway: Gateway, query: str) -> None:
    async with gateway.line(request(gateway.path + query)) as line:
        assert (await line.closed()).code == 4401
    await gateway.unharmed()


@pytest.mark.parametrize(
    "sent",
    [
        [frame(PONG, b"nobody asked")],
        [frame(TEXT, ASK[:5], fin=False), frame(PING), frame(0, ASK[5:])],
        [
            frame(TEXT, fin=False),
            *[frame(0, ASK[n : n + 1], fin=False) for n in range(19)],
            frame(0),
        ],
    ],
    ids=["pong", "ping between fragments", "byte by byte"],
)
async def test_unusual_but_valid_frames_are_accepted(gateway: Gateway, sent: list[bytes]) -> None:
    async with gateway.open_line() as line:
        await line.send(*sent, frame(TEXT, ASK), frame(PING, b"still there?"))
        async with asyncio.timeout(WAIT_S):
            while (PONG, b"still there?") not in read_answer(line.data).frames:
                assert await line.read()
        await line.send(frame(CLOSE, struct.pack("!H", 1000)))
        assert (await line.end()).code == 1000
    await gateway.unharmed()


@pytest.mark.parametrize("opcode", [PING, PONG])
async def test_control_frames_are_rate_limited_too(gateway: Gateway, opcode: int) -> None:
    """Each ping is answered: a client that never reads must not make the gateway store the answers."""
    before = gateway.resident_mib()
    flood = frame(opcode, b"x" * 125) * 1_000
    async with gateway.open_line() as line, line.sending(*[flood] * 300) as sent:
        await asyncio.wait([sent], timeout=WAIT_S)
        assert gateway.resident_mib() < before + 16
        assert (await line.end()).code in (4429, None)
    await gateway.unharmed()


# Random sessions of a fuzzer


class Session(msgspec.Struct, frozen=True):
    """The actions of one hostile client. ``{event}`` in its request is the event's path."""

    request: bytes
    chunks: tuple[bytes, ...]
    ending: str
    #: The client may have closed with any private code itself.
    garbage: bool
    close_codes: frozenset[int]


_header_names = st.sampled_from(
    [
        *(name for name, _ in upgrade_headers()),
        "Origin",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "X-Forwarded-For",
        "Content-Length",
        "Cookie",
    ]
)
_latin = st.text(st.characters(max_codepoint=255), max_size=40)
_values = st.one_of(
    _latin,
    st.sampled_from(
        [
            "websocket",
            "frontrow.v1",
            "frontrow.v1.json",
            "13",
            "-1",
            "permessage-deflate",
            "1.2.3.4",
        ]
    ),
    st.integers(1, 9_000).map(lambda n: "x" * n),
)
_numbers = st.one_of(st.integers(-2, 2**70).map(str), st.text(max_size=8))
_queries = st.one_of(
    st.just(""),
    st.lists(st.tuples(st.sampled_from(["epoch", "seq", "ticket", "x"]), _numbers), max_size=5).map(
        lambda pairs: "?" + urlencode(pairs)
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map("?{}".format),
)
_paths = st.one_of(
    st.just("{event}"),
    st.just("{event}"),
    st.uuids().map("/v1/live/{}".format),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30).map("/{}".format),
)


@st.composite
def _requests(draw: st.DrawFn) -> bytes:
    headers = upgrade_headers()
    for _ in range(draw(st.integers(0, 3))):
        name = draw(_header_names)
        match draw(st.sampled_from(["drop", "change", "add"])):
            case "drop":
                headers = [pair for pair in headers if pair[0] != name]
            case "change":
                headers = [(n, draw(_values) if n == name else v) for n, v in headers]
            case _:
                headers.append((name, draw(_values)))
    return request(
        draw(_paths) + draw(_queries),
        headers,
        draw(st.sampled_from(["GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "get", ""])),
        draw(st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/2", "", "HTTP/1.1 "])),
    )


def _to_json(body: Any) -> bytes:
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, OverflowError):
        return b'"\\ud800"'


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
_messages = st.one_of(
    _json,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["snapshot", "authenticate", "delta", "", None, 7])},
        optional={"ticket": _json, "epoch": _json},
    ),
).map(_to_json)
_payloads = st.one_of(
    st.just(ASK), _messages, st.binary(max_size=130), st.binary(min_size=4_000, max_size=4_200)
)
_seldom = st.sampled_from([False] * 7 + [True])


@st.composite
def _frames(draw: st.DrawFn) -> bytes:
    return frame(
        draw(st.sampled_from([TEXT, TEXT, TEXT, BINARY, 0, CLOSE, PING, PONG, 3, 15])),
        draw(_payloads),
        fin=not draw(_seldom),
        rsv=draw(st.integers(1, 7)) if draw(_seldom) else 0,
        masked=not draw(_seldom),
        length=draw(st.integers(0, 2**64 - 1)) if draw(_seldom) else None,
    )


@st.composite
def _sessions(draw: st.DrawFn) -> Session:
    plain = request("{event}", upgrade_headers())
    first = draw(st.one_of(st.just(plain), st.just(plain), _requests(), st.binary(max_size=60)))
    frames = draw(st.lists(_frames(), max_size=5))
    noise = draw(st.lists(st.binary(max_size=60), max_size=2)) if draw(_seldom) else []
    closes = [struct.pack("!H", code) for code in draw(st.lists(st.integers(0, 5_000), max_size=1))]
    chunks = [*frames, *(frame(CLOSE, code) for code in closes), *noise]
    return Session(
        first,
        tuple(draw(st.permutations(chunks))) * draw(st.sampled_from([1, 1, 1, 20])),
        draw(st.sampled_from(["half-close", "half-close", "wait", "reset"])),
        bool(noise) or any(f[0] & 15 == CLOSE for f in frames),
        frozenset(int.from_bytes(code, "big") for code in closes),
    )


async def _attack(gateway: Gateway, session: Session) -> Answer:
    chunks = session.request.replace(b"{event}", gateway.path.encode()), *session.chunks
    async with gateway.line() as line, line.sending(*chunks) as sent:
        if session.ending == "wait":
            # It may go on for ever; a while is enough to see that nothing worse happens.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    return await line.end(half_close=False)
            return read_answer(line.data)
        await asyncio.wait([sent], timeout=WAIT_S)
        if session.ending == "half-close":
            return await line.end()
        line.reset()
        return Answer()


def _allowed(session: Session) -> Iterator[int | None]:
    yield None
    yield from CODES
    yield from session.close_codes
    if session.garbage:
        yield from PRIVATE_CODES


# Large examples are wanted; the warning would hide their findings.
@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(st.lists(_sessions(), min_size=1, max_size=8))
@examples(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_hostile_clients_do_not_affect_other_watchers(
    gateway: Gateway, sessions: list[Session]
) -> None:
    answers = await asyncio.gather(*(_attack(gateway, session) for session in sessions))
    for session, answer in zip(sessions, answers, strict=True):
        assert answer.status in (None, 101) or 400 <= answer.status < 500, answer
        assert answer.code in set(_allowed(session)), answer
    await gateway.unharmed()


async def test_a_handshake_that_never_ends_is_ended(gateway: Gateway) -> None:
    descriptors = psutil.Process(gateway.process.pid).num_fds()
    started = time.monotonic()
    async with (
        gateway.line() as silent,
        gateway.line(request(gateway.path)[:-2]) as unfinished,
        gateway.line(b"GET") as slow,
    ):
        trickle = asyncio.create_task(_trickle(slow))
        lines = (silent, unfinished, slow)
        async with asyncio.timeout(6 * HANDSHAKE_S):
            ended = [asyncio.create_task(line.read()) for line in lines]
            assert await asyncio.gather(*ended) == [False] * 3
        trickle.cancel()
        assert time.monotonic() - started > HANDSHAKE_S - 1
        # The connections are gone at the gateway, though the clients did not close them.
        assert psutil.Process(gateway.process.pid).num_fds() <= descriptors
    await gateway.unharmed()


async def _trickle(line: Line) -> None:
    while True:
        await line.send(b" ")
        await asyncio.sleep(0.2)
