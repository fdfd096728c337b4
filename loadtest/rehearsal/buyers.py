"""What buyers do. The seed decides what each wants before anything runs (``plan``); what it
then requests depends on the answers (``visit``).
"""

import random
import uuid
from collections.abc import Generator, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from seatmap.protocol import ProtocolError, SnapshotFrame, decode

Ending = Literal["pays", "other-card", "declined", "gives-back", "walks-off"]
#: Ends of a visit; ``pending``: paid, but without an answer yet.
OUTCOMES = {
    "booked": "got their seats",
    "pending": "paid, and were still waiting for the answer",
    "refused": "asked for seats and did not get them",
    "saw-full": "saw nothing they wanted on the map and left",
    "gave-back": "held seats and gave them back",
    "walked-off": "held seats and closed the page",
    "declined": "had their card declined and gave up",
    "failed": "met an error",
}
Outcome = str
#: The steps of a visit, in order.
STEPS = {
    "event": "Event page",
    "live": "Live connection",
    "map": "Seat map",
    "token": "Guest token",
    "hold": "Hold",
    "extend": "Extend hold",
    "book": "Book and pay",
    "release": "Give hold back",
}
#: Reasons for refused holds, by problem code.
REFUSALS = {
    "seats-taken": "Chosen by hand, taken by somebody else meanwhile",
    "nothing-fits": "Best seats: nothing left that fits",
    "area-full": "Standing area full",
}
#: Retries of a buyer whose picked seats were taken.
_TRIES = 4
#: Retries of a buyer who is told to come back later.
_RETRIES = 3


class Mix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The mix of buyers. Shares are 0 to 1."""

    #: Choose on the map; the others ask for the best seats.
    by_hand: float = 0.3
    #: Hold and do not buy: half give back, half close the page, and the hold lapses.
    abandon: float = 0.08
    #: Pay with a card that is declined; half of them have another one.
    declined: float = 0.05
    #: Extend their hold before they pay.
    extend: float = 0.1


class Plan(Struct, frozen=True, kw_only=True):
    """One buyer's decisions, made beforehand. Times in seconds."""

    number: int
    arrives_s: float
    quantity: int
    by_hand: bool
    #: Picks an area if this is below the areas' share of the house.
    area_draw: float
    ending: Ending
    extends: bool
    live: bool
    choose_s: float
    pay_s: float
    seed: str


class Site(Struct, frozen=True, kw_only=True):
    """The copy as a buyer sees it."""

    event_id: str
    #: By seat_no.
    row_of: Sequence[int]
    area_capacities: Sequence[int]


class Ask(Struct, frozen=True):
    """The next request, ``after_s`` seconds after the last answer; without bytes: open the live map."""

    step: str
    request: bytes
    after_s: float = 0.0


class Answer(Struct, frozen=True):
    """``status`` 0: no answer."""

    status: int
    body: bytes


class Receipt(Struct, frozen=True, kw_only=True):
    """A confirmed purchase, as the buyer got it."""

    booking_id: str
    seats: list[int]
    places: int
    amount_minor: int


class Memory(Struct, kw_only=True):
    """The history of one buyer."""

    refusals: list[str] = []
    #: The total of the hold: the amount that the buyer agreed to pay.
    quoted_minor: int | None = None
    receipt: Receipt | None = None
    #: Sent a booking and got no outcome: it may have been made.
    unanswered: bool = False
    held: bool = False


Visit = Generator[Ask, Answer, Outcome]


def plan(
    arrivals_s: Sequence[float],
    *,
    mix: Mix,
    parties: dict[int, float],
    buyer_limit: int,
    think_s: float,
    live_every: int,
    seed: int,
) -> list[Plan]:
    """Every buyer's decisions. ``parties``: weight by size. ``live_every``: one of this many opens the live map."""
    sizes = [min(size, buyer_limit) for size in parties]
    weights = list(parties.values())
    return [
        _plan_one(number, arrives_s, mix, sizes, weights, think_s, number % live_every == 0, seed)
        for number, arrives_s in enumerate(arrivals_s)
    ]


def _plan_one(
    number: int,
    arrives_s: float,
    mix: Mix,
    sizes: list[int],
    weights: list[float],
    think_s: float,
    live: bool,
    seed: int,
) -> Plan:
    # A random number for each decision: another share of one kind does not change other decisions.
    chance = random.Random(f"buyer {seed} {number}")
    draws = [chance.random() for _ in range(6)]
    return Plan(
        number=number,
        arrives_s=arrives_s,
        quantity=chance.choices(sizes, weights)[0],
        by_hand=draws[0] < mix.by_hand,
        area_draw=draws[1],
        ending=_ending(mix, draws[2], draws[3], draws[4]),
        extends=draws[5] < mix.extend,
        live=live,
        choose_s=chance.expovariate(1.0) * think_s,
        pay_s=chance.expovariate(1.0) * think_s,
        seed=f"{seed} {number}",
    )


def _ending(mix: Mix, abandons: float, declined: float, coin: float) -> Ending:
    if abandons < mix.abandon:
        return "gives-back" if coin < 0.5 else "walks-off"
    if declined < mix.declined:
        return "other-card" if coin < 0.5 else "declined"
    return "pays"


# A visit


class _Problem(Struct):
    type: str = ""
    retry_after: float = 2.0

    @property
    def code(self) -> str:
        return self.type.rpartition("/")[2]


class _Token(Struct):
    access_token: str


class _HeldPlace(Struct):
    seat_no: int = -1
    quantity: int = 1


class _Money(Struct):
    amount: int


class _Hold(Struct):
    total: _Money


class _Booking(Struct):
    booking_id: str
    status: str
    seats: list[_HeldPlace]
    areas: list[_HeldPlace]
    total: _Money


_PROBLEM = msgspec.json.Decoder(_Problem)
_TOKEN = msgspec.json.Decoder(_Token)
_HOLD = msgspec.json.Decoder(_Hold)
_BOOKING = msgspec.json.Decoder(_Booking)


def request(method: str, path: str, token: str = "", body: object = None, *extra: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *extra]
    payload = b""
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        payload = msgspec.json.encode(body)
        lines += ["Content-Type: application/json"]
    if method != "GET":
        lines += [f"Content-Length: {len(payload)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


def visit(mind: Plan, site: Site, memory: Memory) -> Visit:
    """One buyer from the event page to the tickets; returns how it ended."""
    page = yield from _patient(Ask("event", request("GET", f"/v1/events/{site.event_id}")))
    if page.status != 200:
        return "failed"
    if mind.live:
        yield Ask("live", b"")
    answer = yield from _patient(Ask("token", request("POST", "/v1/auth/guest")))
    if answer.status != 201:
        return "failed"
    buyer = _Buyer(mind, site, memory, _TOKEN.decode(answer.body).access_token)
    outcome = yield from buyer.take_seats()
    if outcome is None:
        outcome = yield from buyer.decide()
    return outcome


def _patient(ask: Ask) -> Generator[Ask, Answer, Answer]:
    """Come back when told to."""
    for _ in range(_RETRIES):
        answer = yield ask
        if answer.status not in (429, 503):
            break
        ask = Ask(ask.step, ask.request, _PROBLEM.decode(answer.body).retry_after)
    return answer


class _Buyer:
    def __init__(self, mind: Plan, site: Site, memory: Memory, token: str) -> None:
        self._mind, self._site, self._memory, self._token = mind, site, memory, token
        self._chance = random.Random(f"choices {mind.seed}")
        self._hold_id = self._new_id()
        places = len(site.row_of) + sum(site.area_capacities)
        self._in_area = mind.area_draw * places < sum(site.area_capacities)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._chance.getrandbits(128), version=4))

    def take_seats(self) -> Generator[Ask, Answer, Outcome | None]:
        """Look at the map and hold. Returns the end of the visit, or None with a hold."""
        for attempt in range(_TRIES):
            seen = yield from self._look()
            if seen is None:
                return "failed"
            wanted = self._choose(seen)
            # Thousands think at once, each with its map of the house in memory.
            del seen
            if wanted is None:
                return "refused" if self._memory.refusals else "saw-full"
            path = f"/v1/events/{self._site.event_id}/holds"
            self._hold_id = self._new_id()
            ask = request("POST", path, self._token, {**wanted, "hold_id": self._hold_id})
            think_s = self._mind.choose_s if attempt == 0 else self._mind.choose_s / 2
            answer = yield from _patient(Ask("hold", ask, think_s))
            if answer.status == 201:
                self._memory.held = True
                self._memory.quoted_minor = _HOLD.decode(answer.body).total.amount
                return None
            if answer.status not in (409, 429, 503):
                return "failed"
            self._memory.refusals.append(self._reason(answer))
            # Only a buyer who picked seats can pick others.
            if answer.status != 409 or "seats" not in wanted:
                return "refused"
        return "refused"

    def _reason(self, answer: Answer) -> str:
        code = _PROBLEM.decode(answer.body).code
        if code != "seat-unavailable":
            return code
        if self._in_area:
            return "area-full"
        return "seats-taken" if self._mind.by_hand else "nothing-fits"

    def _look(self) -> Generator[Ask, Answer, bytes | None]:
        path = f"/v1/events/{self._site.event_id}/seats"
        ask = request("GET", path, "", None, "Accept: application/octet-stream")
        answer = yield from _patient(Ask("map", ask))
        if answer.status != 200:
            return None
        try:
            frame = decode(answer.body)
        except ProtocolError:
            return None
        return frame.states if isinstance(frame, SnapshotFrame) else None

    def _choose(self, states: bytes) -> dict[str, Any] | None:
        """The seats or places to request, after a look at the map; None if nothing suits."""
        quantity = self._mind.quantity
        if self._in_area:
            capacities = self._site.area_capacities
            (area,) = self._chance.choices(range(len(capacities)), capacities)
            return {"areas": {str(area): quantity}}
        if states.count(b"0") < quantity:
            return None
        if not self._mind.by_hand:
            return {"best": {"quantity": quantity}}
        return {"seats": pick(states, self._site.row_of, quantity, self._chance)}

    def decide(self) -> Generator[Ask, Answer, Outcome]:
        """Pay, or not, as the buyer's plan says."""
        mind = self._mind
        if mind.extends:
            path = f"/v1/holds/{self._hold_id}/extend"
            yield from _patient(Ask("extend", request("POST", path, self._token), mind.pay_s / 2))
        if mind.ending == "walks-off":
            return "walked-off"
        if mind.ending == "gives-back":
            yield from self._give_back(mind.pay_s)
            return "gave-back"
        if mind.ending == "pays":
            return (yield from self._book("tok_visa", mind.pay_s))
        outcome = yield from self._book("tok_declined", mind.pay_s)
        if outcome != "declined":
            return outcome
        if mind.ending == "other-card":
            return (yield from self._book("tok_visa", mind.pay_s / 2))
        yield from self._give_back(mind.pay_s / 2)
        return "declined"

    def _give_back(self, after_s: float) -> Generator[Ask, Answer, None]:
        path = f"/v1/holds/{self._hold_id}"
        yield from _patient(Ask("release", request("DELETE", path, self._token), after_s))

    def _book(self, card: str, after_s: float) -> Generator[Ask, Answer, Outcome]:
        body = {
            "hold_id": self._hold_id,
            "buyer": {
                "email": f"buyer{self._mind.number}@rehearsal.example",
                "name": f"Buyer {self._mind.number}",
            },
            "payment": {"provider": "sandbox", "token": card},
        }
        key = f"Idempotency-Key: {self._hold_id}-{card}"
        ask = request("POST", "/v1/bookings", self._token, body, key)
        self._memory.unanswered = True
        answer = yield from _patient(Ask("book", ask, after_s))
        self._memory.unanswered = answer.status not in (201, 402, 409, 410)
        match answer.status:
            case 201:
                self._memory.receipt = _receipt(_BOOKING.decode(answer.body))
                return "booked"
            case 202:
                return "pending"
            case 402:
                return "declined"
            case 409 | 410:
                self._memory.refusals.append(f"booking: {_PROBLEM.decode(answer.body).code}")
                return "refused"
        return "failed"


def _receipt(booking: _Booking) -> Receipt:
    return Receipt(
        booking_id=booking.booking_id,
        seats=[seat.seat_no for seat in booking.seats],
        places=len(booking.seats) + sum(area.quantity for area in booking.areas),
        amount_minor=booking.total.amount,
    )


def pick(
    states: bytes, row_of: Sequence[int], quantity: int, chance: random.Random
) -> list[int] | None:
    """Seats as people pick them: side by side, preferably in front; otherwise the first free ones.

    None when fewer than ``quantity`` are free.
    """
    start = int(len(states) * chance.random() ** 1.5)
    needle = b"0" * quantity
    for first, end in ((start, len(states)), (0, min(len(states), start + quantity))):
        at = states.find(needle, first, end)
        while at >= 0:
            if row_of[at] == row_of[at + quantity - 1]:
                return list(range(at, at + quantity))
            at = states.find(needle, at + 1, end)
    free = [seat_no for seat_no, state in enumerate(states) if state == ord("0")]
    return free[:quantity] if len(free) >= quantity else None


__all__ = ["OUTCOMES", "REFUSALS", "STEPS", "Mix", "Plan", "Site", "pick", "plan", "visit"]
