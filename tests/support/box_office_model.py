"""The expected behaviour of the box office, in dictionaries: holds, bookings, and who has which seats.

PostgreSQL's side (bookings) is exact at every step. Redis's side (holds) is exact as long as nothing
was lost between the two; where something was (``muddled`` holds, ``unsure`` seats and buyers), the
model expects nothing until the worker's next round, and then takes over the state that it finds.
"""

from dataclasses import dataclass, field

FRONT_SEATS = 6  # of SEATS, in category Front; the rest is Back
SEATS = 12
FLOOR = 6
LIMIT = 6
#: By buyer: the second and the third write to one mailbox, in two ways; the first two share a network.
MAILBOXES = ("ada@example.com", "b.ob@gmail.com", "Bob+2@googlemail.com")
SAME_MAILBOX = (0, 1, 1)
NETWORKS = ("school", "school", "home")
#: Declined cards end a hold.
DECLINES_MAX = 5


@dataclass(eq=False)
class MHold:
    hold_id: str
    buyer: int
    seats: frozenset[int]
    floor: int
    total: int
    #: held, paying; or its end: released, expired, booked, lost (with Redis).
    state: str = "held"
    overdue: bool = False
    muddled: bool = False
    #: Whether the hold's id still leads to its event; lost with Redis unless PostgreSQL knew it.
    found: bool = True
    #: The seats Redis has as this hold's: all, or those that no sale has taken from it.
    owns: set[int] = field(default_factory=set)
    #: The network that Redis has for it; lost with Redis.
    network: str = ""
    declines: int = 0

    @property
    def live(self) -> bool:
        return self.state in ("held", "paying")

    @property
    def quantity(self) -> int:
        return len(self.seats) + self.floor

    def end(self, state: str) -> None:
        self.state = state
        self.owns = set()


@dataclass(eq=False)
class MBooking:
    booking_id: str
    hold: MHold
    key: str
    token: str
    status: str = "pending"
    #: Status at the payment gateway: None (unknown), captured, declined, requires_action, voided.
    charge: str | None = None
    #: none, owed or made.
    refund: str = "none"
    overdue: bool = False
    #: Its process is past its time limit and silent.
    abandoned: bool = False
    #: Redis has got its outcome.
    settled: bool = True
    #: Expired without an answer of the gateway; the outbox inquires.
    asked: bool = False

    @property
    def live(self) -> bool:
        return self.status in ("pending", "confirmed")


CHARGES = {
    "tok_visa": "captured",
    "tok_declined": "declined",
    "tok_insufficient_funds": "declined",
    "tok_3ds": "requires_action",
    "tok_timeout": "captured",
}


@dataclass
class Model:
    on_sale: bool = True
    front: int = 5000
    back: int = 3000
    holds: list[MHold] = field(default_factory=list)
    bookings: list[MBooking] = field(default_factory=list)
    unsure_seats: set[int] = field(default_factory=set)
    unsure_buyers: set[int] = field(default_factory=set)
    unsure_floor: bool = False

    # Questions

    def price(self, seats: frozenset[int], floor: int) -> int:
        front = sum(seat < FRONT_SEATS for seat in seats)
        return front * self.front + (len(seats) - front + floor) * self.back

    def live_booking(self, hold: MHold) -> MBooking | None:
        return next((b for b in self.bookings if b.live and b.hold is hold), None)

    def live_bookings(self) -> list[MBooking]:
        return [b for b in self.bookings if b.live]

    def live_holds(self) -> list[MHold]:
        return [h for h in self.holds if h.live]

    def is_unsure(self, buyer: int, seats: frozenset[int], floor: int) -> bool:
        return (
            buyer in self.unsure_buyers
            or bool(seats & self.unsure_seats)
            or (floor > 0 and self.unsure_floor)
        )

    def seat_shown(self, seat: int) -> str:
        """The public state digit of a seat."""
        for booking in self.live_bookings():
            if seat in booking.hold.seats:
                return "1" if booking.status == "pending" or not booking.settled else "2"
        return "1" if any(seat in hold.owns for hold in self.live_holds()) else "0"

    def phantoms(self) -> set[int]:
        """Seats that PostgreSQL has reserved while Redis has no hold on them."""
        pending = [b.hold for b in self.bookings if b.status == "pending"]
        return {seat for hold in pending for seat in hold.seats - hold.owns}

    def floor_shown(self) -> int:
        confirmed = sum(b.hold.floor for b in self._sold())
        return max(0, FLOOR - confirmed - sum(h.floor for h in self.live_holds()))

    def counted(self, buyer: int) -> int:
        """The places that Redis counts towards the buyer's limit."""
        held = sum(h.quantity for h in self.live_holds() if h.buyer == buyer)
        return held + sum(b.hold.quantity for b in self._sold() if b.hold.buyer == buyer)

    def _sold(self) -> list[MBooking]:
        return [b for b in self.bookings if b.status == "confirmed" and b.settled]

    def may_reserve(self, hold: MHold) -> str:
        """PostgreSQL's answer to a reserve: an outcome of ``reserve_bookings``."""
        live = self.live_bookings()
        if any(b.hold is hold for b in live):
            return "hold-booked"
        owned = sum(b.hold.quantity for b in live if b.hold.buyer == hold.buyer)
        if owned + hold.quantity > LIMIT:
            return "limit-reached"
        if any(b.hold.seats & hold.seats for b in live):
            return "seat-unavailable"
        if hold.overdue:
            return "hold-expired"
        if hold.floor and sum(b.hold.floor for b in live) + hold.floor > FLOOR:
            return "seat-unavailable"
        mailbox = SAME_MAILBOX[hold.buyer]
        mailed = sum(b.hold.quantity for b in live if SAME_MAILBOX[b.hold.buyer] == mailbox)
        return "email-limit-reached" if mailed + hold.quantity > LIMIT else "reserved"

    def may_hold(self, buyer: int, seats: frozenset[int], floor: int) -> tuple[str, set[int]]:
        """Redis's answer to a hold, and the seats that it names. Overdue holds in the way are freed."""
        if not self.on_sale:
            return "closed", set()
        taken, short = self._lacking(seats, floor)
        if taken or short:
            for hold in self.live_holds():
                if hold.state == "held" and hold.overdue:
                    self._let_go(hold, "expired")
            taken, short = self._lacking(seats, floor)
        if taken or short:
            return "taken", taken
        wanted = len(seats) + floor
        return ("limit" if self.counted(buyer) + wanted > LIMIT else "held"), set()

    def _lacking(self, seats: frozenset[int], floor: int) -> tuple[set[int], bool]:
        taken = {seat for seat in seats if self.seat_shown(seat) != "0"}
        return taken, floor > 0 and floor > self.floor_shown()

    # Events

    def muddle(self, hold: MHold) -> None:
        """Redis and PostgreSQL disagree on this hold's places until the worker's next round."""
        hold.muddled = True
        self.unsure_seats |= hold.seats
        self._doubt_counts(hold)

    def _doubt_counts(self, hold: MHold) -> None:
        self.unsure_buyers.add(hold.buyer)
        self.unsure_floor = self.unsure_floor or hold.floor > 0

    def muddle_all(self) -> None:
        for hold in self.holds:
            self.muddle(hold)

    def clear(self) -> None:
        self.unsure_seats, self.unsure_buyers, self.unsure_floor = set(), set(), False
        for hold in self.holds:
            hold.muddled = False

    def reserved(self, hold: MHold, booking_id: str, key: str, token: str) -> MBooking:
        booking = MBooking(booking_id, hold, key, token)
        self.bookings.append(booking)
        if hold.state != "paying" or hold.owns != hold.seats:
            self.muddle(hold)
        return booking

    def confirmed(self, booking: MBooking, *, settled: bool = True) -> None:
        booking.status, booking.settled = "confirmed", settled
        if settled:
            self._settle(booking)
            return
        if booking.hold.state != "paying":
            self.muddle(booking.hold)
        # The next sale's settlement counts this booking as sold, while its hold still counts it as held.
        self._doubt_counts(booking.hold)

    def _settle(self, booking: MBooking) -> None:
        """Redis gets PostgreSQL's decision, perhaps long after it was made."""
        booking.settled = True
        if booking.status == "declined":
            self._keep(booking.hold)
            return
        if booking.hold.live:
            booking.hold.end("booked")
        if booking.status == "confirmed":
            for hold in self.live_holds():
                hold.owns -= booking.hold.seats

    def unpaid_by_network(self) -> dict[str, int]:
        """The places that Redis counts as held and not in payment, by network."""
        counted: dict[str, int] = {}
        for hold in self.live_holds():
            if hold.state == "held" and hold.network:
                counted[hold.network] = counted.get(hold.network, 0) + hold.quantity
        return counted

    def _keep(self, hold: MHold) -> None:
        if hold.state == "paying":
            self._count_decline(hold)
            if self.live_booking(hold) is not None:  # the buyer is already trying another card
                self.muddle(hold)

    def declined(self, booking: MBooking, *, settled: bool = True) -> None:
        booking.status, booking.settled = "declined", settled
        if settled and booking.hold.state == "paying":
            self._count_decline(booking.hold)

    def _count_decline(self, hold: MHold) -> None:
        hold.declines += 1
        if hold.declines < DECLINES_MAX:
            hold.state = "held"
        else:
            hold.end("expired")

    def expired(self, booking: MBooking, *, asked: bool = False) -> None:
        booking.status, booking.asked = "expired", asked
        if booking.hold.live:
            booking.hold.end("expired")

    def cancelled(self, booking: MBooking) -> None:
        booking.status, booking.refund = "cancelled", "given"
        if not booking.settled:
            self.muddle(booking.hold)

    def withdrawn(self, booking: MBooking) -> None:
        """The buyer of a pending booking cancels it."""
        if booking.charge in (None, "requires_action"):
            booking.charge = "voided"
        if booking.charge == "captured":
            self.confirmed(booking)
            self.cancelled(booking)
            return
        self.declined(booking)
        if booking.hold.found and booking.hold.state == "held":
            self._let_go(booking.hold, "released")

    def payment_arrived(self, booking: MBooking) -> None:
        """A process reads the payment's status at the gateway."""
        match booking.status, booking.charge:
            case "pending", "captured":
                self.confirmed(booking)
            case "pending", ("declined" | "voided"):
                self.declined(booking)
            case "expired", "captured" if booking.refund == "none":
                hold, overdue = booking.hold, booking.hold.overdue
                hold.overdue = False
                again = self.may_reserve(hold)
                hold.overdue = overdue
                if again == "reserved":
                    self.confirmed(booking)
                else:
                    booking.refund = "owed"

    def redis_lost(self) -> None:
        """All of Redis is lost, and rebuilt from PostgreSQL at the next access."""
        self.clear()
        for hold in self.holds:
            hold.end("lost")
            hold.found, hold.network, hold.declines = False, "", 0
        for booking in self.live_bookings():
            booking.settled = True
            if booking.status == "pending":
                booking.hold.state, booking.hold.found = "paying", True
                booking.hold.owns = set(booking.hold.seats)
                booking.hold.overdue = booking.overdue

    # The worker's steps

    def expire_holds(self) -> None:
        for hold in self.live_holds():
            if hold.overdue and (hold.state == "held" or self.live_booking(hold) is None):
                self._let_go(hold, "expired")

    def _let_go(self, hold: MHold, state: str) -> None:
        if self.live_booking(hold) is not None:
            self.muddle(hold)
        hold.end(state)

    def chase_pending(self) -> None:
        for booking in self.bookings:
            if booking.status == "pending" and (booking.overdue or booking.abandoned):
                if booking.charge is None or (
                    booking.overdue and booking.charge == "requires_action"
                ):
                    booking.charge = "voided"
                if booking.charge == "voided" and booking.overdue:
                    self.expired(booking)
                elif booking.charge != "requires_action":
                    self.payment_arrived(booking)

    def relay_outbox(self) -> None:
        for booking in self.bookings:
            if not booking.settled:
                self._settle(booking)
            if booking.asked:
                booking.asked = False
                if booking.charge in (None, "requires_action"):
                    booking.charge = "voided"
                self.payment_arrived(booking)
            if booking.refund == "owed":
                booking.refund = "given"
