"""Simulated buyers: over HTTP, with retries and idempotency keys, recording the answers that they got.

A buyer insists: a request that the network or a 503 left open is repeated with the same hold id and
Idempotency-Key until there is an answer. Every final answer is a ``Word``; ``Crowd.words`` is compared
with the stores at the end.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from msgspec import Struct

from engine.base.model import new_id

#: Time limit of a visit, whatever dies, in s: restarts here take a few seconds.
_PATIENCE_S = 90.0
_PAUSE_MAX_S = 0.15
_TOKENS = ["tok_visa"] * 7 + ["tok_declined", "tok_timeout"]


class Word(Struct):
    """The last answer that one buyer got in one visit."""

    authorization: str
    #: "nothing": every attempt ended without a sale.
    told: Literal["confirmed", "cancelled", "nothing"] = "nothing"
    booking_id: str = ""
    seats: tuple[int, ...] = ()
    places: int = 0
    amount_minor: int = 0
    #: The checkout that was answered with 201, for a replay.
    key: str = ""
    body: dict[str, Any] = {}

    def remember(self, booking: dict[str, Any]) -> None:
        self.told = booking["status"]
        self.booking_id = booking["booking_id"]
        self.seats = tuple(item["seat_no"] for item in booking["seats"])
        self.places = sum(item["quantity"] for item in booking["areas"])
        self.amount_minor = booking["total"]["amount"]


class Complaint(Exception):
    """An answer that no buyer should ever get."""


class Crowd:
    """Buyers of one event. ``async with Crowd(...)``: they keep coming, and at the end finish their visits.

    ``leaves``: seats that none of them wants, for buyers that the test itself plays.
    """

    def __init__(
        self,
        api_url: str,
        event_id: str,
        *,
        leaves: Collection[int] = (),
        buyers: int = 6,
        seed: int = 1,
    ) -> None:
        self.event_id = event_id
        self._leaves = frozenset(leaves)
        self.words: list[Word] = []
        #: Answers by (action, status); status 0: no answer came.
        self.answers: Counter[tuple[str, int]] = Counter()
        self.http = httpx.AsyncClient(
            base_url=api_url, timeout=20, trust_env=False, limits=httpx.Limits(max_connections=100)
        )
        self._random = random.Random(seed)
        self._buyers = buyers
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Crowd":
        self._tasks = [asyncio.create_task(self._come_again()) for _ in range(self._buyers)]
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._closing = True
        if failure[0] is not None:
            for task in self._tasks:
                task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.http.aclose()
        if failure[0] is None:
            for result in results:
                if result is not None:
                    raise result

    async def until(self, is_so: Callable[["Crowd"], bool], *, timeout_s: float = 60) -> None:
        """Wait until the crowd meets a condition. Raises a buyer's complaint at once."""
        async with asyncio.timeout(timeout_s):
            while not is_so(self):
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)

    def answered(self, status: int) -> int:
        """How many requests were answered with this status; 0: those without an answer."""
        return sum(count for (_, given), count in self.answers.items() if given == status)

    def told(self, *statuses: str) -> int:
        return sum(word.told in statuses for word in self.words)

    def expect_booking(self, patron: "Patron", answer: httpx.Response) -> None:
        """Count a booking that somebody else made in this house among the promised ones."""
        word = Word(patron.authorization)
        word.remember(answer.json())
        self.words.append(word)

    # One buyer

    async def _come_again(self) -> None:
        while not self._closing:
            async with asyncio.timeout(_PATIENCE_S):
                await self._visit()

    async def _visit(self) -> None:
        guest = await self._insist("guest", "POST", "/v1/auth/guest")
        word = Word(f"Bearer {guest.json()['access_token']}")
        self.words.append(word)
        hold = await self._hold(word)
        if hold is None:
            return
        if self._random.random() < 0.1:
            # The buyer leaves; the hold is released, or was lost with Redis.
            await self._insist("release", "DELETE", f"/v1/holds/{hold['hold_id']}", word)
            return
        await self._pay(word, hold, self._random.choice(_TOKENS))
        if word.told == "confirmed" and self._random.random() < 0.15:
            path = f"/v1/bookings/{word.booking_id}/cancel"
            answer = await self._insist("cancel", "POST", path, word)
            self._expect(answer, 200)
            word.remember(answer.json())

    async def _hold(self, word: Word) -> dict[str, Any] | None:
        path = f"/v1/events/{self.event_id}"
        seats = await self._insist("seats", "GET", f"{path}/seats")
        self._expect(seats, 200)
        states = enumerate(seats.json()["states"])
        free = [n for n, digit in states if digit == "0" and n not in self._leaves]
        wanted: dict[str, Any] = {"hold_id": new_id()}
        wanted["seats"] = self._random.sample(free, min(len(free), self._random.randint(0, 3)))
        if not wanted["seats"] or self._random.random() < 0.2:
            wanted["areas"] = {"0": self._random.randint(1, 2)}
        answer = await self._insist("hold", "POST", f"{path}/holds", word, json=wanted)
        self._expect(answer, 201, 409)
        hold: dict[str, Any] = answer.json()
        return hold if answer.status_code == 201 else None

    async def _pay(self, word: Word, hold: dict[str, Any], token: str) -> None:
        body = {
            "hold_id": hold["hold_id"],
            "buyer": {"email": f"{hold['hold_id']}@example.com", "name": "Ada"},
            "payment": {"provider": "sandbox", "token": token},
        }
        key = new_id()
        headers = {"Idempotency-Key": key}
        answer = await self._insist(
            "book", "POST", "/v1/bookings", word, json=body, headers=headers
        )
        # 404, 409, 410: the hold was lost with Redis, and perhaps somebody else has its seats.
        self._expect(answer, 201, 202, 402, 404, 409, 410)
        if answer.status_code == 201:
            word.remember(answer.json())
            word.key, word.body = key, body
        elif answer.status_code == 202:
            await self._wait_for_end(word, answer.json()["booking_id"])
        elif answer.status_code == 402 and token != "tok_visa":
            await self._pay(word, hold, "tok_visa")

    async def _wait_for_end(self, word: Word, booking_id: str) -> None:
        while True:
            answer = await self._insist("ask", "GET", f"/v1/bookings/{booking_id}", word)
            self._expect(answer, 200)
            booking = answer.json()
            if booking["status"] == "confirmed":
                word.remember(booking)
            if booking["status"] != "pending":
                return
            await asyncio.sleep(_PAUSE_MAX_S)

    async def _insist(
        self, action: str, method: str, path: str, word: Word | None = None, **request: Any
    ) -> httpx.Response:
        """Repeat a request until the answer is not "later"."""
        if word is not None:
            request["headers"] = request.get("headers", {}) | {"Authorization": word.authorization}
        while True:
            try:
                answer = await self.http.request(method, path, **request)
            except httpx.TransportError:
                self.answers[action, 0] += 1
                await asyncio.sleep(_PAUSE_MAX_S)
                continue
            self.answers[action, answer.status_code] += 1
            if not _is_later(answer):
                return answer
            if "Retry-After" not in answer.headers and answer.status_code == 503:
                raise Complaint(f"{action}: 503 without Retry-After")
            # Retry-After is meant for crowds of thousands; these buyers retry sooner.
            await asyncio.sleep(self._random.uniform(0.02, _PAUSE_MAX_S))

    def _expect(self, answer: httpx.Response, *statuses: int) -> None:
        if answer.status_code not in statuses:
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise Complaint(f"{asked} answered {answer.status_code}: {answer.text[:300]}")


def _is_later(answer: httpx.Response) -> bool:
    if answer.status_code == 503:
        return True
    return answer.status_code == 409 and answer.json()["type"] == "/problems/request-in-flight"


class Patron:
    """One buyer whose every step the test decides. Answers are returned unchanged."""

    def __init__(self, http: httpx.AsyncClient, event_id: str, access_token: str) -> None:
        self.http = http
        self.event_id = event_id
        self.authorization = f"Bearer {access_token}"

    @classmethod
    async def come(cls, http: httpx.AsyncClient, event_id: str) -> "Patron":
        guest = await http.post("/v1/auth/guest")
        return cls(http, event_id, guest.json()["access_token"])

    async def hold(self, *seats: int, floor: int = 0, hold_id: str | None = None) -> httpx.Response:
        body: dict[str, Any] = {"seats": list(seats), "hold_id": hold_id or new_id()}
        if floor:
            body["areas"] = {"0": floor}
        return await self._send("POST", f"/v1/events/{self.event_id}/holds", json=body)

    async def held(self, *seats: int, floor: int = 0) -> str:
        """Hold places that are known to be free; returns the hold's id."""
        answer = await self.hold(*seats, floor=floor)
        assert answer.status_code == 201, answer.text
        hold_id: str = answer.json()["hold_id"]
        return hold_id

    async def read_hold(self, hold_id: str) -> httpx.Response:
        return await self._send("GET", f"/v1/holds/{hold_id}")

    async def book(
        self, hold_id: str, key: str | None = None, token: str = "tok_visa"
    ) -> httpx.Response:
        body = {
            "hold_id": hold_id,
            "buyer": {"email": f"{hold_id}@example.com", "name": "Ada"},
            "payment": {"provider": "sandbox", "token": token},
        }
        headers = {"Idempotency-Key": key or new_id()}
        return await self._send("POST", "/v1/bookings", json=body, headers=headers)

    async def answer_of(self, hold_id: str, key: str, token: str = "tok_visa") -> httpx.Response:
        """Repeat one checkout until the answer is not "later"."""
        return await ask_until(
            lambda: self.book(hold_id, key, token), lambda answer: not _is_later(answer)
        )

    async def booked(self, hold_id: str) -> dict[str, Any]:
        """Buy a hold; waits for a bank that answers slowly."""
        answer = await self.book(hold_id)
        if answer.status_code == 202:
            booking_id = answer.json()["booking_id"]
            assert await self.ended(booking_id) == "confirmed"
            answer = await self.read(booking_id)
        else:
            assert answer.status_code == 201, answer.text
        booking: dict[str, Any] = answer.json()
        return booking

    async def read(self, booking_id: str) -> httpx.Response:
        return await self._send("GET", f"/v1/bookings/{booking_id}")

    async def ended(self, booking_id: str) -> str:
        """Wait until a booking is no longer pending. Returns its status."""
        answer = await ask_until(
            lambda: self.read(booking_id),
            lambda answer: answer.status_code == 200 and answer.json()["status"] != "pending",
        )
        status: str = answer.json()["status"]
        return status

    async def approve(self, pending: dict[str, Any], *, approve: bool = True) -> httpx.Response:
        """Approve or deny a pending booking on the bank's page, over this buyer's connection."""
        page = urlsplit(pending["next_action"]["url"]).path
        return await self.http.post(page, json={"approve": approve})

    async def cancel(self, booking_id: str) -> httpx.Response:
        return await self._send("POST", f"/v1/bookings/{booking_id}/cancel")

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = request.pop("headers", {}) | {"Authorization": self.authorization}
        return await self.http.request(method, path, headers=headers, **request)


async def ask_until(
    ask: Callable[[], Awaitable[httpx.Response]],
    is_so: Callable[[httpx.Response], bool],
    *,
    timeout_s: float = 60,
) -> httpx.Response:
    """Repeat one request until its answer is as wanted; transport errors count as "not yet"."""
    deadline = time.monotonic() + timeout_s
    answer: httpx.Response | None = None
    while time.monotonic() < deadline:
        try:
            answer = await ask()
        except httpx.TransportError:
            answer = None
        if answer is not None and is_so(answer):
            return answer
        await asyncio.sleep(0.05)
    raise TimeoutError(f"last answer: {answer.text if answer else 'none'}")
