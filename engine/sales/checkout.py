"""The checkout: reserve, pay, confirm.

::

    (hold) ─reserve─▶ pending ─confirm─▶ confirmed ─cancel─▶ cancelled
                        ├─decline─▶ declined        (the buyer has the hold again)
                        └─expire──▶ expired ─late payment─▶ confirmed, or refunded

PostgreSQL decides, in set-based functions that take a whole batch in one transaction. Money moves
only between reserve and confirm, outside any transaction, under the booking's id. Bookings left
pending by a process that died are finished by ``engine.sales.finishing``.
"""

import asyncio
import secrets
from datetime import datetime

import msgspec
import structlog

from engine.base import deadline
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    Remedy,
    TooManyRequests,
    Unavailable,
)
from engine.base.logs import served_ids
from engine.base.mail_addresses import checked_buyer
from engine.base.model import (
    AreaItem,
    Booking,
    BookingStatus,
    Money,
    SeatItem,
    new_id,
    utc_from_ms,
)
from engine.base.tracing import traced
from engine.holds.building import PaymentHold, build_items
from engine.holds.holds import DECLINES_MAX, Holds
from engine.holds.refusals import seats_taken
from engine.live.live import Live
from engine.sales.idempotency import Idempotency, fingerprint_of
from engine.sales.late_settling import LateSettling
from engine.sales.ledger import (
    NO_PAYMENT,
    Answer,
    BookingRequest,
    Ledger,
    PaymentChoice,
    Reserve,
    Reserved,
)
from engine.sales.marks import card_mark
from engine.sales.next_action import Kind, NextActions
from engine.sales.outcomes import Outcomes, counted
from engine.sales.payments.free import NOTHING_CHARGED
from engine.sales.payments.gateway import ChargeStatus
from engine.sales.payments.payments import Payments, payments_unavailable
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

#: Crockford's base 32: without letters that are misread or misheard.
_REFERENCE_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REFERENCE_OF_BYTES = bytes(_REFERENCE_ALPHABET[byte & 31] for byte in range(256))
_LIMITS = {
    "limit-reached": "With this booking you would have more places of this event than one buyer may have.",
    "email-limit-reached": "With this booking this e-mail address would have more places of this event "
    "than one buyer may have, whoever books for it.",
    "card-limit-reached": "With this booking this card would have paid for more places of this event than one buyer may have.",
}
#: How much of a request's time is reserved for the answer, in seconds.
_ANSWERING_S = 0.5


class Checkout:
    def __init__(
        self,
        *,
        postgres: Postgres,
        ledger: Ledger,
        live: Live,
        holds: Holds,
        payments: Payments,
        idempotency: Idempotency,
        next_actions: NextActions,
        outcomes: Outcomes,
        late_settling: LateSettling,
    ) -> None:
        self._pg = postgres
        self._ledger = ledger
        self._live = live
        self._holds = holds
        self._payments = payments
        self._idempotency = idempotency
        self._next_actions = next_actions
        self._outcomes = outcomes
        self._late_settling = late_settling

    @traced("book")
    async def book(
        self, buyer_id: str, key: str, request: BookingRequest, *, network: str = ""
    ) -> tuple[Answer, bool]:
        """Turn a hold into a booking and pay for it. Returns the answer and whether it is a replay.

        ``key`` is the buyer's idempotency key in this event: one key, one effect, one answer. ``network``: where the buyer
        pays from; empty if it has no limits. Raises Gone (the hold has ended), NotFound, Conflict (the
        same key is under way, the event is closed, …), SeatUnavailable, LimitReached, InvalidInput (another
        body under the same key; payment-required), TooManyRequests (too-many-payments), Unavailable.
        """
        request = msgspec.structs.replace(request, buyer=checked_buyer(request.buyer))
        if request.payment is not None:
            gateway = self._payments.for_checkout(request.payment.provider)
            gateway.check_token(request.payment.token)
        fingerprint = fingerprint_of(request)
        hold = await self._begin(buyer_id, key, fingerprint, request, network)
        if isinstance(hold, Answer):
            return hold, True
        seats, areas, total = build_items(hold.facts, hold.seats, hold.areas, hold.prices)
        if request.payment is None and total.amount > 0:
            await self._give_back(hold)
            raise InvalidInput(
                f"These places cost {total}: send payment with provider and token.",
                code="payment-required",
            )
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
            card_mark=self._card_mark(request.payment) if total.amount > 0 else None,
        )
        reserved = await self._reserve(command)
        if reserved.outcome == "duplicate-key":
            return await self._duplicate(command), True
        if reserved.outcome != "reserved":
            raise await self._refusal(command, reserved)
        counted("reserved").inc()
        booking = _pending_booking(command, reserved.created_at, seats, areas, total)
        answer = await self._pay(booking, command)
        # In the log, too, which leads from a request to its booking, and the reverse.
        log.info("checkout", outcome=answer.outcome, booking_id=booking.booking_id)
        return answer, False

    def _card_mark(self, payment: PaymentChoice | None) -> str | None:
        if payment is None:
            return None
        card = self._payments.gateway(payment.provider).card(payment.token)
        return card_mark(payment.provider, card)

    async def _begin(
        self, buyer_id: str, key: str, fingerprint: bytes, request: BookingRequest, network: str
    ) -> PaymentHold | Answer:
        """The hold, taken for payment. If that is refused: the key's earlier answer, if there is one."""
        refusal: FrontrowError
        if request.payment is not None and self._payments.is_silent(request.payment.provider):
            # Before anything is reserved: the hold stays as it is, and earlier answers stay valid.
            refusal = payments_unavailable()
        else:
            try:
                return await self._holds.begin_payment(request.hold_id, buyer_id, network)
            except (Gone, NotFound, TooManyRequests) as refused:
                refusal = refused
        answer = await self._idempotency.earlier_answer(buyer_id, key, fingerprint, request.hold_id)
        if answer is None:
            raise refusal
        return answer

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
        """After a connection lost around COMMIT: ask until PostgreSQL is back, or the request's time is over."""
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
        raise Unavailable("PostgreSQL is not reachable; retry.", remedy=Remedy.RETRY_SAME_KEY)

    async def _give_back(self, hold: PaymentHold) -> None:
        """Make the hold an ordinary one again, if this checkout took it for payment."""
        if not hold.began_here:
            return
        try:
            await self._holds.give_back(hold.event_id, hold.hold_id)
        except Unavailable:
            # It stays in payment until its deadline; a retry with the same key continues from there.
            log.warning("hold not given back", hold_id=hold.hold_id)

    async def _duplicate(self, command: Reserve) -> Answer:
        hold = command.hold
        live = await self._pg.fetchval("bookings.live_booking_of_hold", hold.event_id, hold.hold_id)
        if live is None:
            await self._give_back(hold)
        answer = await self._idempotency.earlier_answer(
            command.buyer_id, command.key, command.fingerprint, hold.hold_id, hold.event_id
        )
        if answer is None:
            raise Unavailable(
                "The first request under this key has just failed; retry.",
                remedy=Remedy.RETRY_SAME_KEY,
            )
        return answer

    async def _refusal(self, command: Reserve, reserved: Reserved) -> FrontrowError:
        hold = command.hold
        counted(reserved.outcome).inc()
        if reserved.outcome == "hold-booked":
            await self._late_settling.settle_hold(hold.event_id, hold.hold_id)
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
        # Redis held places that PostgreSQL has given to somebody else: correct Redis for everyone now.
        await self._live.reconciling.reconcile(hold.event_id)
        return seats_taken(hold.facts, reserved.seats, reserved.areas)

    async def _pay(self, booking: Booking, command: Reserve) -> Answer:
        payment = command.payment
        charge = (
            NOTHING_CHARGED
            if payment is NO_PAYMENT
            else await self._payments.charge(
                payment.provider, booking.booking_id, payment.token, booking.total
            )
        )
        try:
            match charge.status:
                case ChargeStatus.CAPTURED:
                    return await self._outcomes.confirm(booking, charge)
                case ChargeStatus.DECLINED | ChargeStatus.VOIDED:
                    tries_left = DECLINES_MAX - 1 - command.hold.declines
                    return await self._outcomes.decline(
                        booking, charge.decline_code, tries_left=tries_left
                    )
                case ChargeStatus.REQUIRES_ACTION:
                    answer = self._pending(booking, "redirect", payment.provider)
                case ChargeStatus.UNKNOWN:
                    answer = self._pending(booking, "wait", payment.provider)
            await self._ledger.answer(booking.event_id, command.buyer_id, command.key, answer)
        except Unavailable as error:
            if charge.status in (ChargeStatus.REQUIRES_ACTION, ChargeStatus.UNKNOWN):
                # The answer is right nevertheless; a retry waits until the booking ends.
                log.warning("idempotent answer not stored", booking_id=booking.booking_id)
                return answer
            # It is reserved, so it is pending: the worker finishes it by the gateway's answer.
            log.warning(
                "charge not recorded yet",
                booking_id=booking.booking_id,
                charge=charge.status.value,
                reason=error.detail,
            )
            return self._pending(booking, "wait", payment.provider)
        return answer

    def _pending(self, booking: Booking, kind: Kind, provider: str) -> Answer:
        detail = (
            "Your bank wants you to approve the payment: open next_action.url."
            if kind == "redirect"
            else "The payment gateway has not answered yet; we keep asking. Read the booking again shortly."
        )
        assert booking.expires_at is not None
        action = self._next_actions.of(booking.booking_id, kind, provider, booking.expires_at)
        return Answer(
            outcome="pending",
            booking=msgspec.structs.replace(booking, next_action=action),
            detail=detail,
        )


def _new_reference() -> str:
    """Ten characters for people, 50 random bits: a name for the booking, whose key is its id."""
    return secrets.token_bytes(10).translate(_REFERENCE_OF_BYTES).decode("ascii")


def _pending_booking(
    command: Reserve,
    created_at: datetime,
    seats: list[SeatItem],
    areas: list[AreaItem],
    total: Money,
) -> Booking:
    """The booking as ``command`` has just reserved it."""
    return Booking(
        booking_id=command.booking_id,
        reference=command.reference,
        event_id=command.hold.event_id,
        hold_id=command.hold.hold_id,
        status=BookingStatus.PENDING,
        seats=seats,
        areas=areas,
        total=total,
        buyer=command.request.buyer,
        version=1,
        created_at=created_at,
        expires_at=utc_from_ms(command.hold.expires_ms),
    )
