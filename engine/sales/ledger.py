"""The ledger: PostgreSQL's decisions about bookings, in batches of one transaction each.

Commands that arrive while a batch is under way leave together in the next one (``engine.base.batch``). The
set-based functions in ``sql/functions`` give every member its own outcome: a lost seat fails only its
own booking. This module knows no Redis, gateways or retries; its callers do.
"""

import asyncio
from collections.abc import Hashable, Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, NamedTuple

import asyncpg
import msgspec
from msgspec import Meta, Struct

from engine.base.actor import Actor
from engine.base.batch import Batcher
from engine.base.model import Booking, BookingStatus, Buyer, utc_from_ms
from engine.holds.building import PaymentHold
from engine.live.scripts import Settlement
from engine.sales.marks import email_mark
from engine.sales.payments.free import FREE
from engine.stores.postgres import Postgres

#: For the buyer of a booking that had expired when its payment arrived, and whose seats somebody else has.
LATE_NOTE: Final = (
    "The payment arrived after the seats were sold to somebody else; it is refunded in full."
)


class PaymentChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay. The sandbox knows five cards; no money moves."""

    provider: Annotated[str, Meta(max_length=40, examples=["sandbox"])]
    token: Annotated[
        str,
        Meta(
            max_length=255,
            description="`tok_visa` pays; `tok_declined` and `tok_insufficient_funds` are declined; "
            "`tok_3ds` waits for the buyer's approval; `tok_timeout` gets no answer for a while. "
            "`tok_visa_card_4242` is a token of the card 4242; each token may have such an ending.",
            examples=["tok_visa"],
        ),
    ]


#: Of a booking that costs nothing.
NO_PAYMENT: Final = PaymentChoice(FREE, "")


class BookingRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """``payment`` may be missing where the hold costs nothing, and has no effect there."""

    hold_id: str
    buyer: Buyer
    payment: PaymentChoice | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a checkout. Stored under its idempotency key and given again on a retry."""

    outcome: Literal["confirmed", "pending", "declined", "expired"]
    booking: Booking
    #: One sentence for the buyer when it is not confirmed.
    detail: str = ""
    decline_code: str | None = None


class Reserve(Struct, frozen=True, kw_only=True):
    booking_id: str
    buyer_id: str
    key: str
    fingerprint: bytes
    reference: str
    request_id: str
    request: BookingRequest
    hold: PaymentHold
    amount: int
    card_mark: str | None = None

    @property
    def payment(self) -> PaymentChoice:
        """As asked for; where it costs nothing, none, whatever was asked for."""
        if self.amount == 0:
            return NO_PAYMENT
        assert self.request.payment is not None, "The checkout insists on it."
        return self.request.payment

    @property
    def email_mark(self) -> str:
        """The mark of the mailbox that the tickets go to."""
        return email_mark(self.request.buyer.email)

    def marks(self) -> list[str]:
        """The marks that this booking counts for, beside its buyer."""
        return [self.email_mark] if self.card_mark is None else [self.email_mark, self.card_mark]

    def touches(self) -> Iterable[Hashable]:
        """The keys that no two members of one batch may share."""
        event_id = self.hold.event_id
        yield self.buyer_id
        yield from self.marks()
        yield (event_id, self.hold.hold_id)
        for seat_no in self.hold.seats:
            yield (event_id, seat_no)


class ReserveCommand(NamedTuple):
    """PostgreSQL's type ``reserve_command``, field by field: a ``Reserve`` at its place (``ord``, from 1)."""

    ord: int
    event_id: str
    booking_id: str
    hold_id: str
    buyer_id: str
    reference: str
    deadline: datetime
    amount_minor: int
    email: str
    name: str
    provider: str
    token: str
    key: str
    fingerprint: bytes
    request_id: str
    email_mark: str
    card_mark: str | None


class ReserveSeat(NamedTuple):
    """PostgreSQL's type ``reserve_seat``: a seat of the command at ``ord``."""

    ord: int
    seat_no: int
    category_no: int
    amount_minor: int


class ReserveArea(NamedTuple):
    """PostgreSQL's type ``reserve_area``: places for the command at ``ord``; ``amount_minor`` of one place."""

    ord: int
    area_no: int
    category_no: int
    quantity: int
    amount_minor: int


class Reserved(Struct, frozen=True):
    outcome: str
    booking_id: str
    seats: list[int]
    areas: list[int]
    created_at: datetime


class Confirm(Struct, frozen=True, kw_only=True):
    event_id: str
    booking_id: str
    provider_ref: str | None
    answer: Answer


class Ended(Struct, frozen=True):
    """The result of confirm or of an end: the settlement for Redis, and the outbox row with the same content."""

    outcome: str
    settlement: Settlement | None
    outbox_id: Any
    status: str | None = None
    version: int | None = None


class Ledger:
    def __init__(self, postgres: Postgres) -> None:
        self._pg = postgres
        self._reserving: Batcher[Reserve, Reserved] = Batcher(
            "reserve",
            self.reserve_batch,
            conflicts=Reserve.touches,
            bulkhead=postgres.bulkhead,
            event_of=lambda c: c.hold.event_id,
        )
        self._confirming: Batcher[Confirm, Ended] = Batcher(
            "confirm",
            self.confirm_batch,
            conflicts=lambda c: (c.booking_id,),
            bulkhead=postgres.bulkhead,
            event_of=lambda c: c.event_id,
        )
        self._delivering: Batcher[tuple[str, Any], None] = Batcher(
            "delivered",
            self._delivered_batch,
            linger_s=0.2,
            bulkhead=postgres.bulkhead,
            event_of=lambda delivered: delivered[0],
        )
        self._answering: Batcher[tuple[str, str, str, Answer], None] = Batcher(
            "answer",
            self._answer_batch,
            bulkhead=postgres.bulkhead,
            event_of=lambda kept: kept[0],
        )

    async def drain(self) -> None:
        """Wait for all commands under way."""
        for batcher in (self._reserving, self._confirming, self._answering, self._delivering):
            await batcher.drain()

    async def reserve(self, command: Reserve) -> Reserved:
        """A pending booking on the hold's places, or the outcome that says why not.

        Raises OutcomeUnknown when the connection was lost, or time ran out, while it was under way;
        Unavailable when PostgreSQL is away, or the event's rows are locked: nothing was done.
        """
        return await self._reserving.submit(command)

    async def confirm(self, command: Confirm) -> Ended:
        """Confirm a paid booking: confirmed, already, refund-due or unknown. Raises as ``reserve``."""
        return await self._confirming.submit(command)

    async def end(
        self,
        event_id: str,
        booking_id: str,
        *,
        to: BookingStatus,
        actor: Actor,
        version: int | None = None,
        note: str | None = None,
        decline_code: str | None = None,
        answer: Answer | None = None,
    ) -> Ended:
        """Decline, expire or cancel: ended, stale, not-due, refused or unknown. Raises Unavailable."""
        rows = await self._pg.fetch(
            "bookings.end_bookings",
            [event_id],
            [booking_id],
            [version],
            to.value,
            actor.label,
            [note],
            [decline_code],
            [answer],
            event_id=event_id,
        )
        return _ended(rows[0])

    async def answer(self, event_id: str, buyer_id: str, key: str, answer: Answer) -> None:
        """Store the answer to a key, unless it has one. Raises Unavailable."""
        await self._answering.submit((event_id, buyer_id, key, answer))

    def delivered(self, event_id: str, outbox_id: Any) -> None:
        """Delete an outbox row soon; if that fails, the relay delivers it again, which is harmless."""
        self._delivering.submit((event_id, outbox_id)).add_done_callback(_forget_failure)

    async def reserve_batch(self, commands: list[Reserve]) -> list[Reserved | Exception]:
        return [result for part in _apart(commands) for result in await self._reserve(part)]

    async def _reserve(self, commands: list[Reserve]) -> list[Reserved]:
        rows = await self._pg.fetch("bookings.reserve", *_reserve_arguments(commands))
        return [
            Reserved(
                row["outcome"],
                str(row["booking_id"]),
                row["seats"] or [],
                row["areas"] or [],
                row["created_at"],
            )
            for row in sorted(rows, key=lambda row: row["ord"])
        ]

    async def confirm_batch(self, commands: list[Confirm]) -> list[Ended | Exception]:
        rows = await self._pg.fetch(
            "bookings.confirm",
            [c.event_id for c in commands],
            [c.booking_id for c in commands],
            [c.provider_ref for c in commands],
            [c.answer for c in commands],
            "gateway",
            LATE_NOTE,
        )
        return [_ended(row) for row in sorted(rows, key=lambda row: row["ord"])]

    async def _delivered_batch(self, delivered: list[tuple[str, Any]]) -> list[None]:
        await self._pg.fetch("outbox.settled", *map(list, zip(*delivered, strict=True)))
        return [None] * len(delivered)

    async def _answer_batch(self, answers: list[tuple[str, str, str, Answer]]) -> list[None]:
        columns = zip(*answers, strict=True)
        await self._pg.fetch("bookings.answer_keys", *map(list, columns))
        return [None] * len(answers)


def _apart(commands: list[Reserve]) -> list[list[Reserve]]:
    """The commands in their order, in parts whose members share no mark. Usually there is one part."""
    parts: list[list[Reserve]] = [[]]
    seen: set[str] = set()
    for command in commands:
        marks = command.marks()
        if not seen.isdisjoint(marks):
            parts.append([])
            seen.clear()
        parts[-1].append(command)
        seen.update(marks)
    return parts


def _reserve_arguments(
    commands: list[Reserve],
) -> tuple[list[ReserveCommand], list[ReserveSeat], list[ReserveArea]]:
    """The arguments of ``reserve_bookings``."""
    rows: list[ReserveCommand] = []
    seats: list[ReserveSeat] = []
    areas: list[ReserveArea] = []
    for ord_, command in enumerate(commands, start=1):
        rows.append(_command_row(ord_, command))
        hold, categories = command.hold, command.hold.facts.seat_categories
        for seat_no in hold.seats:
            category_no = categories[seat_no]
            seats.append(ReserveSeat(ord_, seat_no, category_no, hold.prices[category_no]))
        for area_no, quantity in hold.areas.items():
            category_no = hold.facts.layout.areas[area_no].category
            areas.append(
                ReserveArea(ord_, area_no, category_no, quantity, hold.prices[category_no])
            )
    return rows, seats, areas


def _command_row(ord_: int, command: Reserve) -> ReserveCommand:
    hold, request = command.hold, command.request
    return ReserveCommand(
        ord=ord_,
        event_id=hold.event_id,
        booking_id=command.booking_id,
        hold_id=hold.hold_id,
        buyer_id=command.buyer_id,
        reference=command.reference,
        deadline=utc_from_ms(hold.expires_ms),
        amount_minor=command.amount,
        email=request.buyer.email,
        name=request.buyer.name,
        provider=command.payment.provider,
        token=command.payment.token,
        key=command.key,
        fingerprint=command.fingerprint,
        request_id=command.request_id,
        email_mark=command.email_mark,
        card_mark=command.card_mark,
    )


def _ended(row: asyncpg.Record) -> Ended:
    settlement = row["settlement"]
    return Ended(
        row["outcome"],
        None if settlement is None else msgspec.convert(settlement, Settlement),
        row["outbox_id"],
        row.get("status"),
        row["version"],
    )


def _forget_failure(future: "asyncio.Future[None]") -> None:
    # The outbox row stays, and the relay delivers it again, which is harmless.
    if not future.cancelled():
        future.exception()
