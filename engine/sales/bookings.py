"""Bookings: reserve, pay, confirm, settle; and how each of them ends when something dies between.

::

    (hold) ─reserve─▶ pending ─confirm─▶ confirmed ─cancel─▶ cancelled
                        ├─decline─▶ declined        (the hold is the buyer's again)
                        └─expire──▶ expired ─late payment─▶ confirmed, or refunded

PostgreSQL decides, in set-based functions that take a whole batch in one transaction. Money moves
only between reserve and confirm, outside any transaction, under the booking's id. A pending booking
is itself the note that something is unfinished: whoever finds it asks the gateway and goes on.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

import asyncpg
import msgspec
import structlog

from engine.base import deadline, metrics
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    PreconditionFailed,
    TooManyRequests,
    Unavailable,
)
from engine.base.logs import served_ids
from engine.base.model import (
    AreaItem,
    Booking,
    BookingStatus,
    Buyer,
    Money,
    NextAction,
    SeatItem,
    Ticket,
    new_id,
    utc_from_ms,
)
from engine.base.tracing import traced
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.holds.building import PaymentHold, build_items
from engine.holds.holds import DECLINES_MAX, Holds
from engine.holds.refusals import seats_taken
from engine.live.live import Live
from engine.live.messages import BookingMessage
from engine.live.scripts import Settlement
from engine.sales.ledger import (
    LATE_NOTE,
    Answer,
    BookingRequest,
    Confirm,
    Ended,
    Ledger,
    Reserve,
    Reserved,
)
from engine.sales.marks import card_mark
from engine.sales.payments import Charge, ChargeStatus, Payments, payments_unavailable
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

#: Crockford's base 32: no letter that is misread on the phone.
_REFERENCE_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_OF_BYTES = bytes(_REFERENCE_ALPHABET[byte & 31] for byte in range(256))
#: Looking a series up by its label costs more than counting; there are as many as outcomes.
_counted = cache(metrics.BOOKINGS.labels)
_LIMITS = {
    "limit-reached": "You would have more places of this event than one buyer may.",
    "email-limit-reached": "This e-mail address would have more places of this event than one buyer may, "
    "whoever books for it.",
    "card-limit-reached": "This card would have paid for more places of this event than one buyer may have.",
}
#: What is left of a request's time is kept for the answer.
_ANSWERING_S = 0.5
_DECLINES = {
    "card_declined": "The card was declined.",
    "insufficient_funds": "The card has insufficient funds.",
    "authentication_failed": "The payment was not approved.",
}


class Bookings:
    def __init__(
        self,
        *,
        postgres: Postgres,
        ledger: Ledger,
        live: Live,
        holds: Holds,
        payments: Payments,
        catalog: Catalog,
        settings: Settings,
    ) -> None:
        self._pg = postgres
        self._ledger = ledger
        self._live = live
        self._holds = holds
        self._payments = payments
        self._catalog = catalog
        self._settings = settings

    # The checkout

    @traced("book")
    async def book(
        self, buyer_id: str, key: str, request: BookingRequest, *, network: str = ""
    ) -> tuple[Answer, bool]:
        """Turn a hold into a booking and pay for it. Returns the answer and whether it is a replay.

        ``key`` is the buyer's idempotency key in this event: one key, one effect, one answer. ``network``: where the buyer
        pays from; empty for one without limits. Raises Gone (the hold has ended), NotFound, Conflict (the
        same key is under way, the event is closed, …), SeatUnavailable, LimitReached, InvalidInput (another
        body under the same key), TooManyRequests (too-many-payments), Unavailable.
        """
        gateway = self._payments.for_checkout(request.payment.provider)
        gateway.check_token(request.payment.token)
        fingerprint = hashlib.sha256(msgspec.json.encode(request)).digest()
        if self._payments.is_silent(request.payment.provider):
            # Before anything is reserved: the hold stays as it is, and what was answered stays answered.
            answer = await self._earlier_answer(buyer_id, key, fingerprint, request.hold_id)
            if answer is None:
                raise payments_unavailable()
            return answer, True
        try:
            hold = await self._holds.begin_payment(request.hold_id, buyer_id, network)
        except (Gone, NotFound, TooManyRequests):
            answer = await self._earlier_answer(buyer_id, key, fingerprint, request.hold_id)
            if answer is None:
                raise
            return answer, True
        seats, areas, total = build_items(hold.facts, hold.seats, hold.areas, hold.prices)
        command = Reserve(
            booking_id=new_id(),
            buyer_id=buyer_id,
            key=key,
            fingerprint=fingerprint,
            reference=_new_reference(),
            request_id=served_ids(),
            request=request,
            hold=hold,
            amount=total.amount,
            card_mark=card_mark(request.payment.provider, gateway.card(request.payment.token)),
        )
        reserved = await self._reserve(command)
        if reserved.outcome == "duplicate-key":
            return await self._duplicate(command), True
        if reserved.outcome != "reserved":
            raise await self._refusal(command, reserved)
        _counted("reserved").inc()
        booking = Booking(
            booking_id=command.booking_id,
            reference=command.reference,
            event_id=hold.event_id,
            hold_id=hold.hold_id,
            status=BookingStatus.PENDING,
            seats=seats,
            areas=areas,
            total=total,
            buyer=request.buyer,
            version=1,
            created_at=reserved.created_at,
            expires_at=utc_from_ms(hold.expires_ms),
        )
        answer = await self._pay(booking, command)
        # In the log, too: whoever has only that finds the booking of a request, and the reverse.
        log.info("checkout", outcome=answer.outcome, booking_id=booking.booking_id)
        return answer, False

    async def _reserve(self, command: Reserve) -> Reserved:
        try:
            return await self._ledger.reserve(command)
        except OutcomeUnknown:
            created_at = await self._was_reserved(command.booking_id)
            if created_at is not None:
                return Reserved("reserved", command.booking_id, [], [], created_at)
            await self._give_back(command.hold)
            raise
        except Unavailable:
            await self._give_back(command.hold)
            raise

    async def _was_reserved(self, booking_id: str) -> datetime | None:
        """After a connection lost around COMMIT: ask, for as long as a restart or the buyer may take."""
        for attempt in range(8):
            try:
                row = await self._pg.fetchrow("bookings.booking", booking_id)
            except Unavailable:
                pause_s = min(1.0, 0.1 * 2**attempt)
                if deadline.left_s() < pause_s + _ANSWERING_S:
                    break
                await asyncio.sleep(pause_s)
                continue
            created_at: datetime | None = row["created_at"] if row else None
            return created_at
        raise Unavailable("PostgreSQL is not reachable; retry with the same Idempotency-Key.")

    async def _give_back(self, hold: PaymentHold) -> None:
        """Make the hold an ordinary one again, if it was this checkout that took it for payment."""
        if not hold.began_here:
            return
        try:
            await self._holds.give_back(hold.event_id, hold.hold_id)
        except Unavailable:
            # It stays in payment until its deadline; a retry with the same key goes on from there.
            log.warning("hold not given back", hold_id=hold.hold_id)

    async def _duplicate(self, command: Reserve) -> Answer:
        hold = command.hold
        live = await self._pg.fetchval("bookings.live_booking_of_hold", hold.event_id, hold.hold_id)
        if live is None:
            await self._give_back(hold)
        answer = await self._earlier_answer(
            command.buyer_id, command.key, command.fingerprint, hold.hold_id, hold.event_id
        )
        if answer is None:
            raise Unavailable("The first request with this Idempotency-Key has just failed; retry.")
        return answer

    async def _refusal(self, command: Reserve, reserved: Reserved) -> FrontrowError:
        hold = command.hold
        _counted(reserved.outcome).inc()
        if reserved.outcome == "hold-booked":
            await self.settle_hold(hold.event_id, hold.hold_id)
            return Conflict(
                "This hold is being booked already; wait for that booking or cancel it.",
                code="hold-already-booked",
                booking_id=reserved.booking_id,
            )
        if reserved.outcome == "hold-expired":
            return Gone("The hold expired before it could be booked.", code="hold-expired")
        await self._give_back(hold)
        if reserved.outcome in _LIMITS:
            return LimitReached(_LIMITS[reserved.outcome])
        if reserved.outcome == "event-closed":
            return Conflict("The event is no longer on sale.", code="event-not-on-sale")
        # Redis promised what PostgreSQL had given to somebody else: correct it for everyone now.
        await self._live.reconciling.reconcile(hold.event_id)
        return seats_taken(hold.facts, reserved.seats, reserved.areas)

    async def _pay(self, booking: Booking, command: Reserve) -> Answer:
        payment = command.request.payment
        charge = await self._payments.charge(
            payment.provider, booking.booking_id, payment.token, booking.total
        )
        try:
            match charge.status:
                case ChargeStatus.CAPTURED:
                    return await self._confirm(booking, charge)
                case ChargeStatus.DECLINED | ChargeStatus.VOIDED:
                    tries_left = DECLINES_MAX - 1 - command.hold.declines
                    return await self._decline(booking, charge.decline_code, tries_left)
                case ChargeStatus.REQUIRES_ACTION:
                    answer = self._pending(booking, "redirect", payment.provider)
                case ChargeStatus.UNKNOWN:
                    answer = self._pending(booking, "wait")
            await self._ledger.answer(booking.event_id, command.buyer_id, command.key, answer)
        except Unavailable as error:
            if charge.status in (ChargeStatus.REQUIRES_ACTION, ChargeStatus.UNKNOWN):
                # The answer is right all the same; a retry waits for how the booking ends.
                log.warning("answer not kept", booking_id=booking.booking_id)
                return answer
            # It is reserved, so it is pending: the worker brings it to the end the gateway knows.
            log.warning(
                "paid or declined, not written down yet",
                booking_id=booking.booking_id,
                charge=charge.status.value,
                reason=error.detail,
            )
            return self._pending(booking, "wait")
        return answer

    def _pending(
        self, booking: Booking, kind: Literal["redirect", "wait"], provider: str = ""
    ) -> Answer:
        detail = (
            "Your bank wants you to approve the payment: open next_action.url."
            if kind == "redirect"
            else "The payment gateway has not answered yet; we keep asking. Read the booking again."
        )
        assert booking.expires_at is not None
        action = self._action(booking.booking_id, kind, provider, booking.expires_at)
        return Answer(
            outcome="pending",
            booking=msgspec.structs.replace(booking, next_action=action),
            detail=detail,
        )

    def _action(
        self, booking_id: str, kind: Literal["redirect", "wait"], provider: str, until: datetime
    ) -> NextAction:
        if kind == "redirect":
            url = self._payments.gateway(provider).approval_url(booking_id, until)
        else:
            url = f"{self._settings.public_url.rstrip('/')}/v1/bookings/{booking_id}"
        return NextAction(kind, url)

    def _action_of(self, row: asyncpg.Record) -> NextAction | None:
        if row["status"] != BookingStatus.PENDING:
            return None
        needs_buyer = self._payments.gateway(row["provider"]).needs_buyer(row["token"])
        kind: Literal["redirect", "wait"] = "redirect" if needs_buyer else "wait"
        return self._action(str(row["booking_id"]), kind, row["provider"], row["expires_at"])

    async def _confirm(self, booking: Booking, charge: Charge) -> Answer:
        """Confirm, tell Redis, and answer. ``booking`` is as it was while pending."""
        answer = Answer(
            outcome="confirmed",
            booking=msgspec.structs.replace(
                booking,
                status=BookingStatus.CONFIRMED,
                version=booking.version + 1,
                expires_at=None,
                next_action=None,
            ),
        )
        ended = await self._ledger.confirm(
            Confirm(
                event_id=booking.event_id,
                booking_id=booking.booking_id,
                provider_ref=charge.provider_ref,
                answer=answer,
            )
        )
        _counted("refund-due" if ended.outcome == "refund-due" else "confirmed").inc()
        if ended.outcome == "confirmed":
            await self._deliver(booking, BookingStatus.CONFIRMED, ended)
            return answer
        current = await self.read(booking.booking_id)
        if ended.outcome == "already":
            return Answer(outcome="confirmed", booking=current)
        return Answer(outcome="expired", booking=current, detail=LATE_NOTE)

    async def _decline(
        self, booking: Booking, decline_code: str | None, tries_left: int = 1
    ) -> Answer:
        code = decline_code or "not_completed"
        goes_on = (
            " Your seats are still held; try another card."
            if tries_left > 0
            else f" It was the hold's {DECLINES_MAX}th payment to fail, so the seats went back on sale."
        )
        detail = _DECLINES.get(code, "The payment was not completed.") + goes_on
        answer = Answer(
            outcome="declined",
            booking=msgspec.structs.replace(
                booking,
                status=BookingStatus.DECLINED,
                version=booking.version + 1,
                expires_at=None,
                next_action=None,
                note=detail,
            ),
            detail=detail,
            decline_code=code,
        )
        await self._end(
            booking,
            to=BookingStatus.DECLINED,
            actor="gateway",
            note=detail,
            decline_code=code,
            answer=answer,
        )
        return answer

    async def _end(
        self,
        booking: Booking,
        *,
        to: BookingStatus,
        actor: str,
        version: int | None = None,
        note: str | None = None,
        decline_code: str | None = None,
        answer: Answer | None = None,
    ) -> Ended:
        ended = await self._ledger.end(
            booking.event_id,
            booking.booking_id,
            to=to,
            actor=actor,
            version=version,
            note=note,
            decline_code=decline_code,
            answer=answer,
        )
        if ended.outcome == "ended":
            _counted(to.value).inc()
            await self._deliver(booking, to, ended)
        return ended

    async def _deliver(self, booking: Booking, status: BookingStatus, ended: Ended) -> None:
        """Settle now; if Redis is away the outbox row stays and the relay does it."""
        assert ended.settlement is not None
        news = _news(booking.event_id, booking.booking_id, booking.reference, status)
        try:
            await self._live.settling.settle(booking.event_id, ended.settlement, news=news)
        except Unavailable:
            return
        self._ledger.delivered(booking.event_id, ended.outbox_id)

    # Idempotency

    async def _earlier_answer(
        self, buyer_id: str, key: str, fingerprint: bytes, hold_id: str, event_id: str | None = None
    ) -> Answer | None:
        """What this key was answered before, in this event (None: only the hold could tell which it is).

        None: it is new. Raises for another body, or in flight.
        """
        row = await self._pg.fetchrow(
            "bookings.idempotency", buyer_id, key, fingerprint, hold_id, event_id
        )
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise InvalidInput(
                "This Idempotency-Key was used for another request; make a new key for a new one.",
                code="idempotency-key-reused",
            )
        if row["response"] is not None:
            return msgspec.convert(row["response"], Answer)
        raise Conflict(
            "The first request with this Idempotency-Key is still under way; retry shortly.",
            code="request-in-flight",
            retry_after=1,
            booking_id=str(row["booking_id"]),
        )

    # Finishing what somebody left

    async def resolve(self, booking_id: str, *, due: bool) -> BookingStatus:
        """Ask the gateway about a pending booking and bring it on: the worker's step, safe at any time.

        ``due``: its payment time is over. Returns the status after.
        """
        booking, provider = await self._pending_booking(booking_id)
        if provider is None:
            return booking.status
        try:
            charge = await self._payments.status(provider, booking_id)
            if charge is None or (due and charge.status == ChargeStatus.REQUIRES_ACTION):
                # Whoever was about to charge is too late from here on, or was in time: it says.
                charge = await self._payments.void(provider, booking_id)
        except Unavailable:
            if not due:
                return booking.status
            charge = Charge(ChargeStatus.UNKNOWN)
        await self._apply(booking, charge, due=due)
        return (await self.read(booking_id)).status

    async def _apply(self, booking: Booking, charge: Charge, *, due: bool) -> None:
        match charge.status:
            case ChargeStatus.CAPTURED:
                await self._confirm(booking, charge)
            case ChargeStatus.DECLINED:
                await self._decline(booking, charge.decline_code)
            case ChargeStatus.VOIDED if not due:
                await self._decline(booking, "not_completed")
            case ChargeStatus.VOIDED | ChargeStatus.UNKNOWN if due:
                unanswered = charge.status == ChargeStatus.UNKNOWN
                await self._expire(booking, "gateway-unanswered" if unanswered else "not_completed")
            case _:
                pass

    async def _expire(self, booking: Booking, decline_code: str) -> None:
        note = "The payment was not completed in time; the seats were given back."
        answer = Answer(
            outcome="expired",
            booking=msgspec.structs.replace(
                booking,
                status=BookingStatus.EXPIRED,
                version=booking.version + 1,
                expires_at=None,
                next_action=None,
                note=note,
            ),
            detail=note,
            decline_code=decline_code,
        )
        await self._end(
            booking,
            to=BookingStatus.EXPIRED,
            actor="worker",
            note=note,
            decline_code=decline_code,
            answer=answer,
        )

    async def inquire(self, booking_id: str) -> None:
        """A booking expired while the gateway was silent: was it paid after all?

        If so the payment is confirmed on the same seats where they are still free, else refunded.
        Raises Unavailable while the gateway stays silent.
        """
        row = await self._row(booking_id)
        charge = await self._payments.void(row["provider"], booking_id)
        if charge.status == ChargeStatus.CAPTURED:
            await self.payment_arrived(booking_id)

    async def payment_arrived(self, booking_id: str) -> Answer:
        """The gateway says it has the money, however late. One recorded, explained outcome.

        Asks the gateway first: nobody's word but its own confirms a booking. Raises Unavailable.
        """
        booking = await self.read(booking_id)
        row = await self._row(booking_id)
        charge = await self._payments.status(row["provider"], booking_id)
        if charge is None or charge.status != ChargeStatus.CAPTURED:
            if booking.status == BookingStatus.PENDING and charge is not None:
                await self._apply(booking, charge, due=False)
            current = await self.read(booking_id)
            return Answer(outcome="pending", booking=current, detail=current.note or "")
        return await self._confirm(booking, charge)

    async def _pending_booking(self, booking_id: str) -> tuple[Booking, str | None]:
        row = await self._row(booking_id)
        booking = (await self._from_rows([row]))[0]
        return booking, row["provider"] if booking.status == BookingStatus.PENDING else None

    # Settling again

    async def settle_hold(self, event_id: str, hold_id: str) -> None:
        """Bring a hold in payment whose time is over to its end, as PostgreSQL knows it.

        A pending booking is chased by itself; a confirmed one has taken its places and the hold with
        them, whatever Redis remembers; a hold PostgreSQL never heard of belongs to a process that died.
        """
        live = await self._pg.fetchrow("bookings.live_booking_of_hold", event_id, hold_id)
        if live is None:
            await self._holds.abandon(event_id, hold_id)
        elif live["status"] == BookingStatus.CONFIRMED:
            payload = await self._pg.fetchval("bookings.settlement", event_id, live["booking_id"])
            await self._live.settling.settle(event_id, msgspec.convert(payload, Settlement))

    async def settle_late(self, event_id: str, booking_id: str, settlement: Settlement) -> None:
        """Deliver a settlement that its process left behind. Harmless twice and out of order: the
        buyer may hear a second time of the booking as it is now.
        """
        if settlement.outcome == "kept":
            live = await self._pg.fetchrow(
                "bookings.live_booking_of_hold", event_id, settlement.hold_id
            )
            if live is not None:
                # The buyer has gone on to another card: the hold is that booking's now.
                settlement = msgspec.structs.replace(settlement, outcome="")
        row = await self._row(booking_id)
        news = _news(event_id, booking_id, row["reference"], row["status"])
        await self._live.settling.settle(event_id, settlement, news=news)

    # Cancelling and refunding

    async def cancel(
        self,
        booking_id: str,
        *,
        actor: str,
        buyer_id: str | None = None,
        version: int | None = None,
        at_any_time: bool = False,
    ) -> Booking:
        """Cancel a confirmed booking: seats return to sale at once, the money follows.

        ``buyer_id`` must own it (None: whoever asks was checked). ``version``: as seen by the caller.
        ``at_any_time``: once the event has begun, too. Cancelling a cancelled booking returns it.
        Raises NotFound, PreconditionFailed, Conflict (booking-not-confirmed, event-begun).
        """
        booking = await self.read(booking_id, buyer_id=buyer_id)
        if booking.status == BookingStatus.CONFIRMED and not at_any_time:
            await self._check_not_begun(booking.event_id)
        ended = await self._end(booking, to=BookingStatus.CANCELLED, actor=actor, version=version)
        if ended.outcome == "stale":
            raise PreconditionFailed(
                f"The booking is at version {ended.version} now; read it again and repeat.",
                current_version=ended.version,
            )
        if ended.outcome == "refused" and ended.status != BookingStatus.CANCELLED:
            raise Conflict(
                f"Only a confirmed booking can be cancelled; this one is {ended.status}.",
                code="booking-not-confirmed",
            )
        if ended.outcome == "ended":
            try:
                await self.refund(booking.event_id, booking_id)
            except Unavailable:
                log.warning("refund left to the relay", booking_id=booking_id)
        return await self.read(booking_id)

    async def _check_not_begun(self, event_id: str) -> None:
        # By PostgreSQL's clock and its own copy of the date: cancelling needs no catalogue.
        if await self._pg.fetchval("bookings.event_has_begun", event_id, event_id=event_id):
            raise Conflict(
                "The event has begun, so its bookings can no longer be cancelled here; ask the organiser.",
                code="event-begun",
            )

    async def refund(self, event_id: str, booking_id: str) -> None:
        """Give the money back through the gateway; harmless twice. Raises Unavailable."""
        row = await self._row(booking_id)
        if row["payment_status"] != "refund_pending":
            return
        paid = Money(row["paid_minor"], row["currency"])
        await self._payments.refund(row["provider"], booking_id, paid)
        await self._pg.fetch(
            "bookings.refunded", event_id, booking_id, "gateway", event_id=event_id
        )
        news = _news(event_id, booking_id, row["reference"], "refunded")
        await self._live.telling.tell(str(row["buyer_id"]), news)

    # Reading

    async def read(self, booking_id: str, *, buyer_id: str | None = None) -> Booking:
        """One booking. With ``buyer_id`` only its owner's. Raises NotFound."""
        row = await self._row(booking_id)
        if buyer_id is not None and str(row["buyer_id"]) != buyer_id:
            raise _unknown_booking(booking_id)
        return (await self._from_rows([row]))[0]

    async def of_buyer(self, buyer_id: str, *, after: str | None, limit: int) -> list[Booking]:
        """A buyer's bookings, newest first, behind the booking ``after``."""
        return await self._from_rows(
            await self._pg.fetch("bookings.bookings_of_buyer", buyer_id, after, limit)
        )

    async def tickets(self, booking_id: str, *, buyer_id: str | None = None) -> list[Ticket]:
        """The tickets of a booking; none before it is confirmed."""
        booking = await self.read(booking_id, buyer_id=buyer_id)
        facts = await self._catalog.facts(booking.event_id)
        rows = await self._pg.fetch("bookings.tickets", booking.event_id, booking_id)
        return [_ticket(facts, booking, row) for row in rows]

    async def _row(self, booking_id: str) -> asyncpg.Record:
        row = await self._pg.fetchrow("bookings.booking", booking_id)
        if row is None:
            raise _unknown_booking(booking_id)
        return row

    async def _from_rows(self, rows: Sequence[asyncpg.Record]) -> list[Booking]:
        items = await self._pg.fetch(
            "bookings.booking_items",
            [row["event_id"] for row in rows],
            [row["booking_id"] for row in rows],
        )
        by_booking: dict[Any, list[asyncpg.Record]] = {}
        for item in items:
            by_booking.setdefault(item["booking_id"], []).append(item)
        return [
            msgspec.structs.replace(
                _booking(
                    await self._catalog.facts(str(row["event_id"])),
                    row,
                    by_booking[row["booking_id"]],
                ),
                next_action=self._action_of(row),
            )
            for row in rows
        ]


def _new_reference() -> str:
    """Ten characters for people, 50 random bits: the booking's id is its key, this only its name."""
    return secrets.token_bytes(10).translate(_REFERENCE_OF_BYTES).decode("ascii")


def _news(event_id: str, booking_id: str, reference: str, status: str) -> BookingMessage:
    """What its buyer's open connections are told of a booking."""
    return BookingMessage(event_id, booking_id, reference, status)


def _booking(facts: Facts, row: asyncpg.Record, items: list[asyncpg.Record]) -> Booking:
    layout, currency = facts.layout, row["currency"]
    names = [category.name for category in layout.categories]
    seats = [
        SeatItem(
            i["seat_no"],
            layout.seat_label(i["seat_no"]),
            names[i["category_no"]],
            Money(i["amount_minor"], currency),
        )
        for i in items
        if i["seat_no"] is not None
    ]
    areas = [
        AreaItem(
            i["area_no"],
            layout.area_label(i["area_no"]),
            names[i["category_no"]],
            i["quantity"],
            Money(i["amount_minor"], currency),
        )
        for i in items
        if i["area_no"] is not None
    ]
    refunded = row["payment_status"] == "refunded"
    return Booking(
        booking_id=str(row["booking_id"]),
        reference=row["reference"],
        event_id=str(row["event_id"]),
        hold_id=str(row["hold_id"]),
        status=BookingStatus(row["status"]),
        seats=seats,
        areas=areas,
        total=Money(row["amount_minor"], currency),
        buyer=Buyer(row["email"], row["name"]),
        version=row["version"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        note=row["note"],
        refunded=Money(row["paid_minor"], currency) if refunded else None,
    )


def _ticket(facts: Facts, booking: Booking, row: asyncpg.Record) -> Ticket:
    layout = facts.layout
    seat_no, area_no = row["seat_no"], row["area_no"]
    label = layout.seat_label(seat_no) if seat_no is not None else layout.area_label(area_no)
    return Ticket(
        ticket_id=str(row["ticket_id"]),
        booking_id=booking.booking_id,
        event_id=booking.event_id,
        label=label,
        category=layout.categories[row["category_no"]].name,
        seat_no=seat_no,
        area_no=area_no,
        code=str(row["code"]),
        status="void" if row["void"] else "valid",
    )


def _unknown_booking(booking_id: str) -> NotFound:
    # Also for what is another buyer's: a stranger does not learn that it exists.
    return NotFound(f"There is no booking {booking_id}.", code="booking-not-found")
