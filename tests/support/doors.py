"""Two ways into the box office for simulated people: the engine in this process, and the API over HTTP.

Both return the engine's own Structs and raise its errors, so that a person behaves the same
over either of them.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import httpx
import msgspec

from engine.base import errors
from engine.base.actor import Actor, ActorKind
from engine.base.errors import FrontrowError, Unavailable
from engine.base.model import Booking, Buyer, Hold, new_id
from engine.runtime import Runtime
from engine.sales.ledger import BookingRequest, PaymentChoice
from engine.waitlist.model import Contact, Entry, Offer, Wanted, WantedPatch

T = TypeVar("T")
_VISA = PaymentChoice("sandbox", "tok_visa")


class Door(Protocol):
    async def person(self) -> str:
        """A new person's id."""

    async def hold(
        self, person: str, hold_id: str, seats: Sequence[int], areas: Mapping[int, int]
    ) -> Hold: ...

    async def release(self, person: str, hold_id: str) -> None: ...

    async def book(self, person: str, hold_id: str, key: str) -> Booking: ...

    async def cancel(self, person: str, booking_id: str) -> Booking: ...

    async def join(self, person: str, wanted: Wanted) -> Entry: ...

    async def change(self, person: str, entry: Entry, wanted: Wanted) -> Entry: ...

    async def leave(self, person: str, entry_id: str) -> None: ...

    async def accept(self, person: str, offer_id: str) -> Hold: ...

    async def decline(self, person: str, offer_id: str) -> Offer: ...


#: At most this many calls at a time reach PostgreSQL, as in a busy API process.
_AT_ONCE = 60


class EngineDoor:
    def __init__(self, runtime: Runtime, event_id: str) -> None:
        self.runtime = runtime
        self.event_id = event_id
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def person(self) -> str:
        return new_id()

    async def hold(
        self, person: str, hold_id: str, seats: Sequence[int], areas: Mapping[int, int]
    ) -> Hold:
        return await self.runtime.holds.place(
            self.event_id, person, seats=seats, areas=areas, hold_id=hold_id
        )

    async def release(self, person: str, hold_id: str) -> None:
        await self.runtime.holds.release(hold_id, person)

    async def book(self, person: str, hold_id: str, key: str) -> Booking:
        request = BookingRequest(hold_id, _buyer(hold_id), _VISA)
        async with self._room:
            answer, _ = await self.runtime.sales.checkout.book(person, key, request)
        return answer.booking

    async def cancel(self, person: str, booking_id: str) -> Booking:
        async with self._room:
            return await self.runtime.sales.cancelling.cancel(
                booking_id, actor=Actor(ActorKind.BUYER)
            )

    async def join(self, person: str, wanted: Wanted) -> Entry:
        async with self._room:
            entry, _ = await self.runtime.waitlist.entries.join(
                self.event_id, person, wanted, Contact()
            )
        return entry

    async def change(self, person: str, entry: Entry, wanted: Wanted) -> Entry:
        patch = WantedPatch(
            quantity=wanted.quantity, together=wanted.together, categories=wanted.categories
        )
        return await self.runtime.waitlist.entries.change(
            entry.entry_id, person, patch, version=entry.version
        )

    async def leave(self, person: str, entry_id: str) -> None:
        await self.runtime.waitlist.entries.leave(entry_id, person)

    async def accept(self, person: str, offer_id: str) -> Hold:
        return await self.runtime.waitlist.offers.accept(offer_id, person)

    async def decline(self, person: str, offer_id: str) -> Offer:
        return await self.runtime.waitlist.offers.decline(offer_id, person)


class HttpDoor:
    def __init__(self, http: httpx.AsyncClient, event_id: str) -> None:
        self._http = http
        self._path = f"/v1/events/{event_id}"
        self._tokens: dict[str, str] = {}

    async def person(self) -> str:
        try:
            answer = await self._http.post("/v1/auth/guest")
        except httpx.TransportError as error:
            raise Unavailable(repr(error), code="no-answer") from error
        token: str = answer.raise_for_status().json()["access_token"]
        claims = token.split(".")[1]
        person: str = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=="))["sub"]
        self._tokens[person] = token
        return person

    async def hold(
        self, person: str, hold_id: str, seats: Sequence[int], areas: Mapping[int, int]
    ) -> Hold:
        body = {"hold_id": hold_id, "seats": seats, "areas": {str(k): v for k, v in areas.items()}}
        return await self._ask(person, "POST", f"{self._path}/holds", Hold, body)

    async def release(self, person: str, hold_id: str) -> None:
        await self._ask(person, "DELETE", f"/v1/holds/{hold_id}", type(None))

    async def book(self, person: str, hold_id: str, key: str) -> Booking:
        body = {"hold_id": hold_id, "buyer": _buyer(hold_id), "payment": _VISA}
        headers = {"Idempotency-Key": key}
        return await self._ask(person, "POST", "/v1/bookings", Booking, body, headers)

    async def cancel(self, person: str, booking_id: str) -> Booking:
        return await self._ask(person, "POST", f"/v1/bookings/{booking_id}/cancel", Booking)

    async def join(self, person: str, wanted: Wanted) -> Entry:
        return await self._ask(person, "POST", f"{self._path}/waitlist", Entry, wanted)

    async def change(self, person: str, entry: Entry, wanted: Wanted) -> Entry:
        body = {"quantity": wanted.quantity, "together": wanted.together}
        headers = {"If-Match": f'"{entry.version}"'}
        path = f"/v1/waitlist/{entry.entry_id}"
        return await self._ask(person, "PATCH", path, Entry, body, headers)

    async def leave(self, person: str, entry_id: str) -> None:
        await self._ask(person, "DELETE", f"/v1/waitlist/{entry_id}", type(None))

    async def accept(self, person: str, offer_id: str) -> Hold:
        return await self._ask(person, "POST", f"/v1/offers/{offer_id}/accept", Hold)

    async def decline(self, person: str, offer_id: str) -> Offer:
        return await self._ask(person, "POST", f"/v1/offers/{offer_id}/decline", Offer)

    async def _ask(
        self,
        person: str,
        method: str,
        path: str,
        wanted: type[T],
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        sent = {"Authorization": f"Bearer {self._tokens[person]}", **(headers or {})}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            sent["Content-Type"] = "application/json"
        try:
            answer = await self._http.request(method, path, content=content, headers=sent)
        except httpx.TransportError as error:
            raise Unavailable(repr(error), code="no-answer") from error
        if not answer.is_success:
            raise _refusal(answer)
        # A 204 has no body, and then the caller needs none.
        return msgspec.json.decode(answer.content or b"null", type=wanted)


_BY_STATUS: dict[int, type[FrontrowError]] = {
    400: errors.InvalidInput,
    403: errors.NotAllowed,
    404: errors.NotFound,
    409: errors.Conflict,
    410: errors.Gone,
    412: errors.PreconditionFailed,
    503: errors.Unavailable,
}


def _refusal(answer: httpx.Response) -> FrontrowError:
    problem = answer.json()
    code = problem["type"].rpartition("/")[2]
    if code == "request-in-flight":
        return Unavailable(problem["detail"], code=code)
    kind = _BY_STATUS.get(answer.status_code)
    assert kind is not None, f"{answer.request.method} {answer.url}: {answer.text}"
    return kind(problem["detail"], code=code)


def _buyer(hold_id: str) -> Buyer:
    return Buyer(f"{hold_id}@example.com", "Ada")
