"""Common parts of all simulated people: a token, an event, and how answers count.

A documented refusal of the API (409, 402, 410, 429) is no failure: it is counted under the request's
name and its own, ``hold best → 409 seat-unavailable``. Everything else from 400 on is a failure, and so
is a good status with wrong content.
"""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import uuid4

import gevent
import msgspec
from geventhttpclient.response import HTTPConnectionClosed
from locust import FastHttpUser
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from engine.limits.proofs import solve
from loadtest import figures
from loadtest.clients.blocking import Closed, LiveConnection
from loadtest.clients.live_map import HELD, LiveMap, decoded, same_position_faults
from loadtest.shapes import storms_by
from seatmap.protocol import (
    CLOSE_GOING_AWAY,
    CLOSE_TOO_MANY,
    CLOSE_TRY_LATER,
    DeltaFrame,
    Frame,
    MapState,
    ProtocolError,
    SnapshotFrame,
)

EXPECTED = (402, 409, 410, 429)
_EXPECTED_CLOSES = (CLOSE_GOING_AWAY, CLOSE_TRY_LATER, CLOSE_TOO_MANY)
_THINK_MAX_S, _BACKOFF_MAX_S = 15.0, 5.0
#: How long after the end of a run a map may take to reach the position of the API's, in s.
QUIET_S = 25.0
_PENDING_S = 30.0
#: Servers close connections that have been silent for some seconds; a request may coincide with that.
_IDLE_S = 1.0
_CLOSED, _CLOSED_ERRORS = (
    "idle connection closed",
    (HTTPConnectionClosed, ConnectionResetError, BrokenPipeError),
)

#: Returns the fault of a good answer's body; None if there is none.
Check = Callable[[Any], str | None]


class Run:
    """State shared by the people of one process: it is new for every test."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.started_at = time.monotonic()
        self.sent = figures.Sent()
        #: Buyers to whom a seat was confirmed, by ``(event_id, seat_no)``.
        self.sold: dict[tuple[str, int], str] = {}
        self._told: set[tuple[str, str]] = set()

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_at

    def is_first(self, event_id: str, what: str) -> bool:
        """Whether this is the first report of this kind for this event."""
        if (event_id, what) in self._told:
            return False
        self._told.add((event_id, what))
        return True


RUN = Run()


class Answer(NamedTuple):
    """The API's answer. ``code`` is that of the problem, for a refusal."""

    status: int
    body: Any = None
    code: str = ""
    etag: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Person(FastHttpUser):
    """A person with a guest's token and an event in mind."""

    abstract = True
    network_timeout = 30.0
    connection_timeout = 15.0

    def on_start(self) -> None:
        self._asked_at = time.monotonic()
        self.authorization = ""
        self.event_id = ""
        self.event: dict[str, Any] = {}

    @property
    def options(self) -> Any:
        return self.environment.parsed_options

    @property
    def stopping(self) -> bool:
        """The run ends: finish the work under way."""
        return bool(self._state == LOCUST_STATE_STOPPING)

    def wait_time(self) -> float:
        return self._think_s()

    def _think_s(self) -> float:
        return min(_THINK_MAX_S, random.expovariate(1 / max(0.001, self.options.think)))

    def think(self) -> None:
        """Hesitate, as people do. Raises StopUser when the run ends: nobody begins anything then."""
        if self.stopping:
            raise StopUser
        gevent.sleep(self._think_s())
        if self.stopping:
            raise StopUser

    # Asking

    def ask(
        self,
        method: str,
        path: str,
        name: str,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        check: Check | None = None,
    ) -> Answer:
        """One request, counted under ``name``."""
        sent = {"Accept": "application/json", **(headers or {})}
        if self.authorization:
            sent["Authorization"] = self.authorization
        idle_s = time.monotonic() - self._asked_at
        answer = self._ask_once(method, path, name, body, sent, check, idle=idle_s > _IDLE_S)
        if answer.code == _CLOSED:
            # As every client does; all requests of people here may be sent twice.
            answer = self._ask_once(method, path, name, body, sent, check, idle=False)
        self._asked_at = time.monotonic()
        return answer

    def _ask_once(
        self,
        method: str,
        path: str,
        name: str,
        body: Any,
        headers: dict[str, str],
        check: Check | None,
        *,
        idle: bool,
    ) -> Answer:
        """``idle``: the connection has been silent for a while, so the server may be closing it right
        now, which is nobody's failure."""
        with self.client.request(
            method, path, name=name, json=body, headers=headers, catch_response=True
        ) as response:
            answer = _answer(response)
            if answer.status == 0 and idle and isinstance(response.error, _CLOSED_ERRORS):
                answer = Answer(0, code=_CLOSED)
            if answer.status in EXPECTED or answer.code == _CLOSED:
                response.request_meta["name"] = f"{name} → {answer.status} {answer.code}"
                response.success()
            elif (fault := _fault(answer, response, check)) is not None:
                response.failure(fault)
            else:
                response.success()
        return answer

    def become_guest(self) -> None:
        """Become a new person, because limits are per person."""
        # With a token it would be the same guest again.
        self.authorization = ""
        answer = self.ask("POST", "/v1/auth/guest", "guest token")
        if answer.code == "proof-needed":
            challenge = answer.body["challenge"]
            proof = {"challenge": challenge, "nonce": solve(challenge, answer.body["bits"])}
            answer = self.ask("POST", "/v1/auth/guest", "guest token", body={"proof": proof})
        if not answer.ok:
            self.think()
            return
        self.authorization = f"Bearer {answer.body['access_token']}"

    def choose_event(self) -> bool:
        """Choose one of ``--event``, or with ``--any-event`` one of the list, and read its page. False when there
        is none."""
        named = [each.strip() for each in self.options.event.split(",") if each.strip()]
        if not named and self.options.any_event:
            listed = self.ask("GET", "/v1/events?limit=20", "list of events")
            named = [item["event_id"] for item in listed.body["items"]] if listed.ok else []
        if not named:
            return False
        self.event_id = random.choice(named)
        page = self.ask("GET", f"/v1/events/{self.event_id}", "event page")
        self.event = page.body if page.ok else {}
        return page.ok

    def seats(self) -> dict[str, Any]:
        """The map as JSON; empty when it was refused."""
        answer = self.ask("GET", f"/v1/events/{self.event_id}/seats", "map", check=_check_map)
        return answer.body if answer.ok else {}

    # Buying

    def hold(self, body: dict[str, Any], name: str) -> dict[str, Any] | None:
        """Hold seats; None when others were faster."""
        seats, sent_at = body.get("seats", []), time.monotonic()
        RUN.sent.hold(self.event_id, seats, sent_at)
        answer = self.ask(
            "POST",
            f"/v1/events/{self.event_id}/holds",
            name,
            body=body | {"hold_id": str(uuid4())},
            check=lambda held: _check_hold(body, held),
        )
        if not answer.ok:
            RUN.sent.forget(self.event_id, seats, sent_at)
            return None
        return dict(answer.body)

    def release(self, hold: dict[str, Any]) -> None:
        """Give a hold back."""
        RUN.sent.forget(self.event_id, _numbers(hold))
        self.ask("DELETE", f"/v1/holds/{hold['hold_id']}", "give a hold back")

    def pay(
        self, hold: dict[str, Any], card: str, name: str = "book", *, twice: bool = False
    ) -> dict[str, Any] | None:
        """Book a hold and wait for the outcome. Returns the confirmed booking, or None.

        ``twice``: send the same once more, which must lead to the same booking.
        """
        began = time.monotonic()
        body = {
            "hold_id": hold["hold_id"],
            "buyer": {"email": f"{hold['hold_id']}@example.com", "name": "Ada Lovelace"},
            "payment": {"provider": "sandbox", "token": card},
        }
        key = {"Idempotency-Key": str(uuid4())}
        answer = self.ask(
            "POST",
            "/v1/bookings",
            name,
            body=body,
            headers=key,
            check=lambda booking: _check_booking(hold, booking),
        )
        if answer.ok and twice:
            self.ask(
                "POST",
                "/v1/bookings",
                "book, the same again",
                body=body,
                headers=key,
                check=lambda again: _check_again(answer.body, again),
            )
        booking = answer.body if answer.ok else None
        if booking is not None and booking["status"] == "pending":
            booking = self._until_settled(booking)
        if booking is None or booking["status"] != "confirmed":
            return None
        self._bought(booking, (time.monotonic() - began) * 1000)
        return dict(booking)

    def _until_settled(self, booking: dict[str, Any]) -> dict[str, Any]:
        deadline = time.monotonic() + _PENDING_S
        while booking["status"] == "pending" and time.monotonic() < deadline:
            gevent.sleep(1.0)
            answer = self.ask("GET", f"/v1/bookings/{booking['booking_id']}", "booking")
            booking = answer.body if answer.ok else booking
        return booking

    def _bought(self, booking: dict[str, Any], ms: float) -> None:
        for seat_no in _numbers(booking):
            figures.note(self.environment, figures.SALE, figures.SEAT, ms)
            other = RUN.sold.setdefault((self.event_id, seat_no), booking["booking_id"])
            if other != booking["booking_id"]:
                figures.report(
                    self.environment, figures.SALE, figures.SEAT, ms, "a seat was sold twice"
                )

    def give_back(self, booking: dict[str, Any]) -> None:
        """Cancel a booking; from the moment of the request its seats may belong to somebody else."""
        for seat_no in _numbers(booking):
            RUN.sold.pop((self.event_id, seat_no), None)
        RUN.sent.forget(self.event_id, _numbers(booking))
        self.ask(
            "POST", f"/v1/bookings/{booking['booking_id']}/cancel", "give tickets back", body={}
        )


def _answer(response: Any) -> Answer:
    content = response.content or b""
    kind = str((response.headers or {}).get("Content-Type", ""))
    body: Any = content
    if "json" in kind:
        try:
            body = msgspec.json.decode(content)
        except msgspec.DecodeError:
            body = None
    code = body.get("type", "").rpartition("/")[2] if "problem" in kind and body else ""
    etag = str((response.headers or {}).get("ETag", ""))
    return Answer(int(response.status_code or 0), body, code, etag)


def _fault(answer: Answer, response: Any, check: Check | None) -> str | None:
    if answer.status == 0:
        return f"no answer: {type(response.error).__name__}"
    if answer.status >= 400:
        return f"{answer.status} {answer.code}"
    return check(answer.body) if check is not None and answer.ok else None


def _numbers(thing: dict[str, Any]) -> list[int]:
    """The seat numbers of a hold or a booking."""
    return [seat["seat_no"] for seat in thing["seats"]]


def _check_map(seats: dict[str, Any]) -> str | None:
    if len(seats["states"]) != seats["seat_count"]:
        return "the map has not as many seats as it says"
    return None if not seats["states"].strip("0123") else "the map has unknown states"


def _check_hold(asked: dict[str, Any], held: dict[str, Any]) -> str | None:
    if "seats" in asked and sorted(asked["seats"]) != sorted(_numbers(held)):
        return "other seats were held than were requested"
    if "best" in asked:
        places = len(held["seats"]) + sum(area["quantity"] for area in held["areas"])
        if places != asked["best"]["quantity"]:
            return "another number of places was held than was requested"
    return None


def _check_booking(hold: dict[str, Any], booking: dict[str, Any]) -> str | None:
    if sorted(_numbers(hold)) != sorted(_numbers(booking)):
        return "other seats were booked than were held"
    return None if hold["total"] == booking["total"] else "another price was paid than was quoted"


def _check_again(booking: dict[str, Any], again: dict[str, Any]) -> str | None:
    same = booking["booking_id"] == again["booking_id"]
    return None if same else "the same booking sent again became another one"


class Watching(Person):
    """A person with a live map; every frame is checked."""

    abstract = True

    def on_start(self) -> None:
        super().on_start()
        self.shown = LiveMap()
        self._connection: LiveConnection | None = None
        self._opening_since: float | None = None
        self._resuming = False
        self._failures = 0
        self._storms = storms_by(RUN.elapsed_s)

    def on_stop(self) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def choose_event(self) -> bool:
        """As any person; the map of another event is another map."""
        before = self.event_id
        found = super().choose_event()
        if self.event_id != before:
            self._leave()
            self.shown, self._opening_since = LiveMap(), None
        return found

    @property
    def live_url(self) -> str:
        base = self.options.live_url.rstrip("/")
        return f"{base}/v1/live/{self.event_id}" if base else str(self.event["live_url"])

    def look(self, seconds: float) -> Iterator[DeltaFrame]:
        """Read DELTAs for this many seconds; each is checked and applied; reconnects when needed."""
        try:
            if self._connection is None:
                self._connection = self._open()
            for frame in self._connection.frames(seconds):
                self._take(frame)
                if isinstance(frame, DeltaFrame):
                    yield frame
        except Closed as closed:
            self._lost(closed)
        except ProtocolError as error:
            figures.report(self.environment, figures.LIVE, "frame", 0, f"no frame: {error}")
            self.cut()

    def cut(self) -> None:
        """Lose the connection, but keep the map."""
        if self._connection is not None:
            self._connection.cut()
            self._connection = None

    def cut_in_storms(self) -> None:
        """With ``--shape storm`` every connection breaks when its time has come."""
        if self.options.shape == "storm" and (due := storms_by(RUN.elapsed_s)) > self._storms:
            self._storms = due
            self.cut()

    def _open(self) -> LiveConnection:
        self._opening_since = time.monotonic()
        self._resuming = not self.shown.lost
        return LiveConnection(self.live_url, self.shown)

    def _take(self, frame: Frame) -> None:
        now, now_ms = time.monotonic(), figures.now_ms()
        lost = self.shown.lost
        for fault in self.shown.take(frame):
            figures.report(self.environment, figures.LIVE, "delta", 0, fault)
        if self.shown.lost and not lost and self._connection is not None:
            self._connection.ask_snapshot()
        # A message that comes first means that nothing was missed.
        if self._opening_since is not None and (self._resuming or isinstance(frame, SnapshotFrame)):
            self._opened(frame, now)
        elif isinstance(frame, DeltaFrame):
            self._seen(frame, now, now_ms)
        self._tell_when_gone()

    def _opened(self, frame: Frame, now: float) -> None:
        assert self._opening_since is not None
        how = "snapshot" if isinstance(frame, SnapshotFrame) else "resumed"
        name = f"reconnect, {how}" if self._resuming else "connect"
        figures.report(self.environment, figures.LIVE, name, (now - self._opening_since) * 1000)
        self._opening_since, self._failures = None, 0

    def _seen(self, delta: DeltaFrame, now: float, now_ms: float) -> None:
        """Records its delay, unless it was sent while this user waited for an answer and could not read."""
        took_ms = max(0.0, now_ms - delta.server_time_ms)
        if now - took_ms / 1000 < self._asked_at:
            return
        figures.note(self.environment, figures.LIVE, figures.BROADCAST, took_ms)
        for seat_no, state in delta.seats:
            if state == HELD:
                age_ms = RUN.sent.age_ms(self.event_id, seat_no, now)
                if age_ms is not None:
                    figures.note(self.environment, figures.LIVE, figures.SEEN, age_ms)

    def _tell_when_gone(self) -> None:
        names = (figures.NONE_FREE, figures.SOLD_OUT)
        for name, so in zip(names, self.shown.is_lacking, strict=True):
            if so and RUN.is_first(self.event_id, name):
                figures.milestone(self.environment, name, RUN.elapsed_s)

    def _lost(self, closed: Closed) -> None:
        """Counted by name if the gateway may close so, otherwise as a failure; then wait and try again."""
        opening, self._connection, self._opening_since = self._opening_since, None, None
        if closed.code in _EXPECTED_CLOSES:
            figures.note(self.environment, figures.LIVE, f"closed → {closed.code}", 0)
        else:
            what = "connect" if opening is not None else "connection"
            figures.report(self.environment, figures.LIVE, what, 0, str(closed))
        self._failures += 1
        backoff_s = min(_BACKOFF_MAX_S, 0.25 * 2.0**self._failures) * random.uniform(0.5, 1.0)
        gevent.sleep(backoff_s if closed.wait_s is None else closed.wait_s)

    def compare(self, *, patience_s: float) -> bool | None:
        """Compare the map with the API's at the same position. True: they are equal;
        None: they did not reach the same position within the time."""
        began = deadline = time.monotonic()
        deadline += patience_s
        while True:
            truth = self._truth()
            if truth is not None and self._stands_at((truth.epoch, truth.seq)):
                assert self.shown.state is not None
                faults = same_position_faults(self.shown.state, truth)
                took_ms = (time.monotonic() - began) * 1000
                fault = faults[0] if faults else None
                figures.report(self.environment, figures.LIVE, figures.COMPARED, took_ms, fault)
                return not faults
            if time.monotonic() > deadline:
                return None

    def _stands_at(self, position: tuple[int, int]) -> bool:
        """Read until the map has this position, or a later one, for a second at most."""
        deadline = time.monotonic() + 1.0
        while (self.shown.position or (0, 0)) < position and time.monotonic() < deadline:
            for _ in self.look(0.1):
                if self.shown.position == position:
                    break
        return not self.shown.lost and self.shown.position == position

    def _truth(self) -> MapState | None:
        headers = {"Accept": "application/octet-stream"}
        answer = self.ask(
            "GET", f"/v1/events/{self.event_id}/seats", "map, to compare", headers=headers
        )
        if not answer.ok:
            gevent.sleep(0.5)
            return None
        frame = decoded(answer.body)
        assert isinstance(frame, SnapshotFrame)
        return MapState(frame.epoch, frame.seq, frame.states)
