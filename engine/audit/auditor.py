"""The auditor: checks the promises of the design on the running system and reports violations.

::

    1  a seat has at most one live sale          6  one idempotency key, one effect, one response
    2  captured = confirmed + refunded + in      9  every committed outbox row is delivered
       flight, per currency                     10  per-buyer limits hold
    3  no sale on an expired or foreign hold     8  waitlist: an offer keeps its seats for one
    4  every hold ends soon after its deadline      person, offers follow its order, skips say why
    5  every seat and place is counted once     (7, the watchers' maps: seatmap.hub)

Redis is read first, in one script, then PostgreSQL in one snapshot. PostgreSQL always knows a fact
before Redis does, so a version in Redis is never the larger one; where the versions are equal the two
must agree, however busy the event is. A crash may leave some things undone for a while (an undelivered
settlement, a reservation whose hold Redis has lost); they are checked only when the caller says that
all is quiet.
"""

import asyncio
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from engine.base.invariants import Invariant
from engine.base.model import SeatState, ms_from_utc
from engine.live.codec import decode_areas, number_list
from engine.stores.postgres import Transaction

if TYPE_CHECKING:
    import asyncpg

    from engine.base.config import Settings
    from engine.live.live import Live
    from engine.stores.postgres import Postgres


class Audited(Protocol):
    """The parts of a ``Runtime`` that an audit reads."""

    @property
    def live(self) -> "Live": ...
    @property
    def postgres(self) -> "Postgres": ...
    @property
    def settings(self) -> "Settings": ...


class Violation(Struct, frozen=True):
    """One broken promise, what is wrong, and the rows that show it."""

    invariant: Invariant
    what: str
    facts: dict[str, Any]


#: (invariant, query of ``sql/queries/audit.sql``, what each of its rows means).
_ALWAYS = (
    (Invariant.ONE_LIVE_SALE, "seats_against_sales", "a seat and its live sale disagree"),
    (
        Invariant.ONE_LIVE_SALE,
        "items_against_bookings",
        "a booking and its items disagree about whether they are live",
    ),
    (Invariant.ONE_LIVE_SALE, "tickets_against_sales", "the tickets are not those of the booking"),
    (
        Invariant.MONEY_BALANCES,
        "payments_against_bookings",
        "a payment's status does not fit its booking's",
    ),
    (
        Invariant.MONEY_BALANCES,
        "charges_against_payments",
        "the gateway's record and ours disagree about a charge",
    ),
    (Invariant.MONEY_BALANCES, "money_totals", "captured is not confirmed + refunded + in flight"),
    (Invariant.OWN_LIVE_HOLD, "reserved_too_late", "reserved after the hold's deadline"),
    (Invariant.COUNTED_ONCE, "seat_numbers", "the seats are not numbered 0 to N-1"),
    (Invariant.COUNTED_ONCE, "areas_against_sales", "an area's counts are not those of its sales"),
    (
        Invariant.ONE_ANSWER_PER_KEY,
        "keys_against_bookings",
        "an idempotency key does not lead to its one booking and answer",
    ),
    (Invariant.ONE_ANSWER_PER_KEY, "keys_without_booking", "an idempotency key has no booking"),
    (Invariant.WAITLIST_ORDER, "offers_against_entries", "an entry and its open offer disagree"),
    (
        Invariant.WAITLIST_ORDER,
        "offers_against_seats",
        "an offer's seats are not kept for it alone",
    ),
    (Invariant.WAITLIST_ORDER, "offers_at_once", "a person had two open offers at once"),
    (Invariant.WAITLIST_ORDER, "entries_against_changes", "an entry is not what its log says"),
    (
        Invariant.WAITLIST_ORDER,
        "served_before_equals",
        "somebody was served before another with the same wish",
    ),
    (
        Invariant.WAITLIST_ORDER,
        "skips_unexplained",
        "an entry was skipped without a recorded reason",
    ),
    (Invariant.WAITLIST_ORDER, "rounds_unnumbered", "a round is missing"),
    (
        Invariant.OUTBOX_DELIVERED,
        "owed_unnoted",
        "a refund is owed and no outbox row will deliver it",
    ),
    (
        Invariant.BUYER_LIMITS,
        "claims_against_sales",
        "a buyer's count is not that of the buyer's sales",
    ),
    (
        Invariant.BUYER_LIMITS,
        "marks_against_sales",
        "a mailbox's or a card's count is not that of its sales",
    ),
    (Invariant.BUYER_LIMITS, "over_the_limit", "a buyer owns more than the event allows"),
)
_QUIET = (
    (Invariant.MONEY_BALANCES, "money_in_flight", "money is still in flight"),
    (Invariant.OUTBOX_DELIVERED, "outbox_left", "an outbox row is undelivered"),
)
_FREE, _HELD, _SOLD, _BLOCKED, _OFFERED, _RESERVED = (ord(str(int(s))) for s in SeatState)
#: The worker runs each of its steps again within this time.
_TURN_MS = 1000
#: The digits that a claimed seat may show, by the kind of claim. A seat that is held in Redis may be
#: reserved in PostgreSQL, and then shows that.
_CLAIMED = {
    "held": (_HELD, _RESERVED),
    "paying": (_HELD, _RESERVED),
    "offered": (_OFFERED,),
}


class _LiveHold(Struct, frozen=True):
    due_ms: int
    owner: str
    state: str
    seats: list[int]
    areas: dict[int, int]
    quantity: int
    expires_ms: int
    network: str
    payer: str


class _Claims(Struct, frozen=True, kw_only=True):
    """The state in Redis: see ``claims.lua``."""

    now_ms: int
    grace_ms: int
    seats: bytes
    versions: list[int]
    owners: dict[int, str]
    #: By area_no: field → value (capacity, sold, held, kept, version).
    areas: dict[int, dict[str, int]]
    held_by_buyer: dict[str, int]
    #: buyer → (sold, version).
    sold_by_buyer: dict[str, tuple[int, int]]
    #: Places that limited networks hold: see ``count_hold`` in ``common.lua``.
    networks: dict[str, int]
    #: All live holds, or the part that was asked for.
    holds: dict[str, _LiveHold]
    is_whole: bool
    #: Deadlines of holds that do not exist.
    missing: list[str]
    #: Somebody waits, so returned seats are kept for the waitlist; and how many entries it has.
    line_waits: bool
    in_line: int
    #: Until then somebody may be about to join.
    soon_ms: int


class _Truth(Struct, frozen=True):
    """The state in PostgreSQL, as of one snapshot."""

    seats: bytes
    versions: list[int]
    areas: list["asyncpg.Record"]
    buyers: dict[str, tuple[int, int]]
    live_bookings: dict[str, "asyncpg.Record"]
    #: Open offers by offer_id.
    offers: dict[str, "asyncpg.Record"]
    waiting: int


async def audit(
    runtime: Audited,
    event_id: str,
    *,
    quiet: bool = False,
    lateness_max_s: float | None = 2.0,
    limits_fixed: bool = True,
    part: tuple[int, int] | None = None,
) -> list[Violation]:
    """Every broken invariant of one event (and of all money); an empty list when all hold.

    ``quiet``: nobody buys and the worker has run all its steps, so nothing may be left half done.
    ``lateness_max_s``: how long after its deadline a hold may still claim its seats; None where no
    worker runs. A pending booking gets one more timeout of the gateway.
    ``limits_fixed``: the event's limit was never lowered below what a buyer owned by then, so a buyer who
    owns more has got past it.
    ``part``: read only the live holds from the first to the last rank by deadline, so that Redis is not
    blocked for long; checks that need the sum of all holds are left out. Not when ``quiet``.
    Raises NotFound for an event that is not published, Unavailable when a store is away.
    """
    # Expensive on a large event, so it runs in a thread: the loop goes on selling.
    reply = await runtime.live.running.run("claims", event_id, *(part or ()))
    claims = await asyncio.to_thread(_claims, reply, part is None)
    async with runtime.postgres.transaction("repeatable_read", long=True) as snapshot:
        violations = [v async for v in _asked(snapshot, event_id, quiet, limits_fixed)]
        if lateness_max_s is not None:
            patience_s = lateness_max_s + runtime.settings.gateway_timeout_s
            overdue = await snapshot.fetch("audit.pending_overdue", event_id, patience_s)
            violations += [
                _from_row(Invariant.HOLDS_END, "a pending booking is overdue", row)
                for row in overdue
            ]
            lapsed = await snapshot.fetch("audit.offers_overdue", event_id, lateness_max_s)
            violations += [
                _from_row(Invariant.WAITLIST_ORDER, "an offer is overdue", row) for row in lapsed
            ]
        truth = await _truth(snapshot, event_id)
    return violations + await asyncio.to_thread(_compare, claims, truth, quiet, lateness_max_s)


def _compare(
    claims: _Claims, truth: _Truth, quiet: bool, lateness_max_s: float | None
) -> list[Violation]:
    violations = [*redis_alone(claims), *redis_and_postgres(claims, truth)]
    if quiet:
        violations += redis_equals_postgres(claims, truth)
    if lateness_max_s is not None:
        violations += late_holds(claims, truth, lateness_max_s)
    return violations


async def _asked(
    snapshot: Transaction, event_id: str, quiet: bool, limits_fixed: bool
) -> AsyncIterator[Violation]:
    for invariant, query, what in _ALWAYS + (_QUIET if quiet else ()):
        if query == "over_the_limit" and not limits_fixed:
            continue
        # Money is not counted by event: its totals are of everything.
        arguments = () if query == "money_totals" else (event_id,)
        for row in await snapshot.fetch(f"audit.{query}", *arguments):
            yield _from_row(invariant, what, row)


def _broken(invariant: Invariant, what: str, **facts: Any) -> Violation:
    return Violation(invariant, what, facts)


def _from_row(invariant: Invariant, what: str, row: "asyncpg.Record") -> Violation:
    plain = (int, str, bool, type(None))
    return Violation(
        invariant, what, {k: v if isinstance(v, plain) else str(v) for k, v in row.items()}
    )


# Redis by itself


def redis_alone(claims: _Claims) -> list[Violation]:
    """Invariants among Redis's own keys, which the scripts keep at every instant."""
    return [*_digits_and_owners(claims), *_deadlines(claims), *_counters(claims)]


def _digits_and_owners(claims: _Claims) -> Iterator[Violation]:
    if strange := set(claims.seats) - set(b"012345"):
        yield _broken(
            Invariant.COUNTED_ONCE,
            "a seat has no known state",
            digits=bytes(strange).decode("latin1"),
        )
    for seat_no, hold_id in claims.owners.items():
        digit = claims.seats[seat_no] if seat_no < len(claims.seats) else None
        hold = claims.holds.get(hold_id)
        if hold is None and not claims.is_whole:
            continue
        if hold is None or seat_no not in hold.seats:
            what = "a seat is claimed by a hold that does not claim it"
            yield _broken(Invariant.COUNTED_ONCE, what, seat_no=seat_no, hold_id=hold_id)
        elif digit not in _CLAIMED.get(hold.state, ()):
            yield _broken(
                Invariant.COUNTED_ONCE,
                "a claimed seat does not show it",
                seat_no=seat_no,
                digit=digit,
            )
    for seat_no, digit in enumerate(claims.seats):
        if seat_no in claims.owners:
            continue
        if digit == _HELD:
            yield _broken(Invariant.COUNTED_ONCE, "a held seat has no hold", seat_no=seat_no)
        if digit == _OFFERED and not claims.line_waits:
            yield _broken(
                Invariant.COUNTED_ONCE,
                "a seat is kept for an empty waitlist",
                seat_no=seat_no,
            )


def _deadlines(claims: _Claims) -> Iterator[Violation]:
    for hold_id in claims.missing:
        yield _broken(
            Invariant.HOLDS_END, "a deadline exists for a hold that does not", hold_id=hold_id
        )
    for hold_id, hold in claims.holds.items():
        deadline_ms = _deadline_ms(claims, hold)
        # A payment that takes longer is looked at again later than its deadline, never before it.
        in_time = hold.due_ms == deadline_ms
        right = {"held": in_time, "offered": in_time, "paying": hold.due_ms >= deadline_ms}
        if not right.get(hold.state, False):
            what = "a hold is not due at its deadline"
            yield _broken(
                Invariant.HOLDS_END, what, hold_id=hold_id, state=hold.state, due=hold.due_ms
            )


def _deadline_ms(claims: _Claims, hold: _LiveHold) -> int:
    return hold.expires_ms + (claims.grace_ms if hold.state == "paying" else 0)


def _counters(claims: _Claims) -> Iterator[Violation]:
    by_area: Counter[int] = Counter()
    by_buyer: Counter[str] = Counter()
    for hold_id, hold in claims.holds.items():
        by_area.update(hold.areas)
        by_buyer[hold.owner] += hold.quantity
        if hold.quantity != len(hold.seats) + sum(hold.areas.values()):
            yield _broken(
                Invariant.BUYER_LIMITS, "a hold's quantity is not its places", hold_id=hold_id
            )
    for area_no, area in claims.areas.items():
        if (kept := area.get("kept", 0)) < 0 or (kept and not claims.line_waits):
            what = "an area keeps places for an empty waitlist"
            yield _broken(Invariant.COUNTED_ONCE, what, area_no=area_no, kept=kept)
        if claims.is_whole and (counted := area.get("held", 0)) != (held := by_area[area_no]):
            what = "an area's held places are not those of its holds"
            yield _broken(Invariant.COUNTED_ONCE, what, area_no=area_no, counted=counted, held=held)
    if not claims.is_whole:
        return
    for buyer in by_buyer.keys() | claims.held_by_buyer.keys():
        if (counted := claims.held_by_buyer.get(buyer, 0)) != (held := by_buyer[buyer]):
            what = "a buyer's held places are not those of the buyer's holds"
            yield _broken(Invariant.BUYER_LIMITS, what, buyer_id=buyer, counted=counted, held=held)
    by_network = _by_network(claims.holds.values())
    for field in by_network.keys() | claims.networks.keys():
        if (counted := claims.networks.get(field, 0)) != (held := by_network[field]):
            what = "a network's places are not those of its holds"
            yield _broken(Invariant.BUYER_LIMITS, what, network=field, counted=counted, held=held)


def _by_network(holds: Iterable[_LiveHold]) -> Counter[str]:
    """Unpaid places (h:), places in a begun payment (p:), begun payments (b:) of limited networks."""
    counted: Counter[str] = Counter()
    for hold in holds:
        if hold.network and hold.state in ("held", "paying"):
            kind = "h:" if hold.state == "held" else "p:"
            counted[kind + hold.network] += hold.quantity
        if hold.payer and hold.state == "paying":
            counted["b:" + hold.payer] += 1
    return counted


# Redis beside PostgreSQL


def redis_and_postgres(claims: _Claims, truth: _Truth) -> list[Violation]:
    """Invariants between the two at every instant: see the module's docstring."""
    return [
        *_same_seats(claims, truth),
        *_same_counts(claims, truth),
        *_same_holders(claims, truth),
        *_same_offers(claims, truth),
    ]


def _same_seats(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    if not len(truth.seats) == len(claims.seats) == len(claims.versions):
        what = "Redis does not count as many seats as there are"
        yield _broken(
            Invariant.COUNTED_ONCE, what, postgres=len(truth.seats), redis=len(claims.seats)
        )
        return
    for seat_no, (lasting, version) in enumerate(zip(truth.seats, truth.versions, strict=True)):
        digit, known = claims.seats[seat_no], claims.versions[seat_no]
        if known < version or (known == version and _may_show(lasting, digit)):
            continue
        yield _broken(
            Invariant.COUNTED_ONCE,
            "a seat's version in Redis is ahead of PostgreSQL"
            if known > version
            else "a seat contradicts PostgreSQL",
            seat_no=seat_no,
            postgres=f"{lasting:c}@{version}",
            redis=f"{digit:c}@{known}",
        )


def _may_show(lasting: int, digit: int) -> bool:
    """Whether Redis may show ``digit`` for a seat that PostgreSQL has as ``lasting``, at the same version."""
    if lasting in (_SOLD, _BLOCKED):
        return digit == lasting
    # A reservation whose hold Redis has lost or given back shows as free or held until reconciled.
    return digit not in (_SOLD, _BLOCKED)


def _same_counts(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for row in truth.areas:
        area = claims.areas.get(row["area_no"], {})
        if area.get("capacity") != row["capacity"] or not _agrees(
            (area["sold"], area["version"]), (row["sold"], row["version"])
        ):
            yield _broken(
                Invariant.COUNTED_ONCE,
                "an area contradicts PostgreSQL",
                postgres=dict(row),
                redis=area,
            )
    for buyer, counted in claims.sold_by_buyer.items():
        true = truth.buyers.get(buyer, (0, 0))
        if not _agrees(counted, true):
            what = "a buyer's sold places contradict PostgreSQL"
            yield _broken(
                Invariant.BUYER_LIMITS, what, buyer_id=buyer, postgres=true, redis=counted
            )


def _agrees(shown: tuple[int, int], true: tuple[int, int]) -> bool:
    """Both as (sold, version): the same, or older."""
    return shown[1] < true[1] or shown == true


def _same_holders(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for hold_id, booking in truth.live_bookings.items():
        hold = claims.holds.get(hold_id)
        if hold is None:
            continue
        if hold.owner != booking["buyer_id"]:
            what = "a booking and its hold have different buyers"
            yield _broken(
                Invariant.OWN_LIVE_HOLD, what, hold_id=hold_id, booking_id=booking["booking_id"]
            )
        places = (number_list(booking["seats"].encode()), decode_areas(booking["areas"].encode()))
        if (hold.seats, hold.areas) != places:
            what = "a booking and its hold have different places"
            yield _broken(
                Invariant.OWN_LIVE_HOLD, what, hold_id=hold_id, booking_id=booking["booking_id"]
            )


def _same_offers(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    """Redis keeps the seats of every open offer: it claimed them before PostgreSQL knew of the offer."""
    for offer_id, offer in truth.offers.items():
        if ms_from_utc(offer["made_at"]) > claims.now_ms:
            continue
        hold = claims.holds.get(offer_id)
        if hold is None and not claims.is_whole:
            continue
        places = (list(offer["seats"]), decode_areas(offer["areas"].encode()))
        if hold is None or hold.state != "offered":
            yield _broken(
                Invariant.WAITLIST_ORDER, "no seats are kept for an open offer", offer_id=offer_id
            )
        elif (hold.owner, hold.seats, hold.areas) != (offer["person_id"], *places):
            yield _broken(
                Invariant.WAITLIST_ORDER,
                "the places kept are not those that were offered",
                offer_id=offer_id,
            )
        elif foreign := [n for n in hold.seats if claims.owners.get(n) != offer_id]:
            what = "somebody else has the seats of an open offer"
            yield _broken(Invariant.WAITLIST_ORDER, what, offer_id=offer_id, seats=foreign)


# Quiet


def redis_equals_postgres(claims: _Claims, truth: _Truth) -> list[Violation]:
    """PostgreSQL + live holds = what Redis shows, once everything is delivered and reconciled."""
    return [
        *_every_digit(claims, truth),
        *_every_count(claims, truth),
        *_every_hold(claims, truth),
        *_every_offer(claims, truth),
    ]


def _every_digit(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for seat_no, (lasting, digit) in enumerate(zip(truth.seats, claims.seats, strict=False)):
        hold_id = claims.owners.get(seat_no)
        # A free seat shows whether it is held or kept; any other shows its lasting state.
        shows_it = digit in (_FREE, _OFFERED) if hold_id is None else digit != _FREE
        wrong = not shows_it if lasting == _FREE else digit != lasting
        if wrong:
            what = "the map shows a seat in another state"
            shown = f"{lasting:c} shown as {digit:c}"
            yield _broken(
                Invariant.COUNTED_ONCE, what, seat_no=seat_no, shown=shown, hold_id=hold_id
            )


def _every_count(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for row in truth.areas:
        if (shown := claims.areas.get(row["area_no"], {}).get("sold")) != row["sold"]:
            what = "the map shows another number of sold places in an area"
            yield _broken(
                Invariant.COUNTED_ONCE, what, area_no=row["area_no"], sold=row["sold"], shown=shown
            )
    for buyer, (sold, _) in truth.buyers.items():
        if (counted := claims.sold_by_buyer.get(buyer, (0, 0))[0]) != sold:
            what = "the count for the limit is not what a buyer owns"
            yield _broken(Invariant.BUYER_LIMITS, what, buyer_id=buyer, sold=sold, counted=counted)


def _every_hold(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for hold_id in claims.holds:
        booking = truth.live_bookings.get(hold_id)
        if booking is not None and booking["status"] == "confirmed":
            what = "a booked hold has not ended"
            yield _broken(
                Invariant.HOLDS_END, what, hold_id=hold_id, booking_id=booking["booking_id"]
            )


def _every_offer(claims: _Claims, truth: _Truth) -> Iterator[Violation]:
    for hold_id, hold in claims.holds.items():
        offer = truth.offers.get(hold_id)
        if hold.state == "offered" and (
            offer is None or ms_from_utc(offer["expires_at"]) != hold.expires_ms
        ):
            what = "seats are kept for an offer that is not open, or with another deadline"
            yield _broken(
                Invariant.WAITLIST_ORDER, what, offer_id=hold_id, expires_ms=hold.expires_ms
            )
    joining = claims.now_ms < claims.soon_ms + _TURN_MS
    kept_for_nobody = claims.line_waits and not truth.waiting and not joining
    passed_by = truth.waiting and not claims.line_waits
    if kept_for_nobody or passed_by or claims.in_line != truth.waiting:
        what = "the waitlist in Redis is not PostgreSQL's"
        yield _broken(Invariant.WAITLIST_ORDER, what, redis=claims.in_line, postgres=truth.waiting)


# Deadlines


def late_holds(claims: _Claims, truth: _Truth, lateness_max_s: float) -> list[Violation]:
    """Holds past their deadline that still claim seats. Those being paid are checked by their booking."""
    return [
        _broken(Invariant.HOLDS_END, "a hold is overdue", hold_id=hold_id, late_ms=late_ms)
        for hold_id, hold in claims.holds.items()
        if hold_id not in truth.live_bookings
        and (late_ms := claims.now_ms - _deadline_ms(claims, hold)) > lateness_max_s * 1000
    ]


# Reading both


def _claims(reply: list[Any], is_whole: bool = True) -> _Claims:
    _, now, grace, seats, versions, owners, _, areas, buyers, holds, *line = reply
    waiting, in_line, soon, networks = line
    by_area: dict[int, dict[str, int]] = {}
    for field, value in _pairs(areas):
        area_no, _, name = field.decode().partition(":")
        by_area.setdefault(int(area_no), {})[name] = int(value)
    of_buyers = {field.decode(): value.decode() for field, value in _pairs(buyers)}
    live = {entry[0].decode(): entry for entry in holds}
    return _Claims(
        now_ms=int(now),
        grace_ms=int(grace),
        seats=seats,
        versions=_numbers(versions),
        owners={int(seat_no): hold_id.decode() for seat_no, hold_id in _pairs(owners)},
        areas=by_area,
        held_by_buyer={k[2:]: int(v) for k, v in of_buyers.items() if k.startswith("h:")},
        sold_by_buyer={
            k[2:]: _sold_and_version(v) for k, v in of_buyers.items() if k.startswith("o:")
        },
        holds={hold_id: _live_hold(entry) for hold_id, entry in live.items() if entry[2]},
        is_whole=is_whole,
        missing=[hold_id for hold_id, entry in live.items() if not entry[2]],
        line_waits=waiting == b"1",
        in_line=in_line,
        soon_ms=int(soon),
        networks={field.decode(): int(value) for field, value in _pairs(networks)},
    )


def _live_hold(entry: list[bytes]) -> _LiveHold:
    _, due, owner, state, seats, areas, quantity, _, expires, network, payer = entry
    return _LiveHold(
        due_ms=int(due),
        owner=owner.decode(),
        state=state.decode(),
        seats=number_list(seats),
        areas=decode_areas(areas),
        quantity=int(quantity),
        expires_ms=int(expires),
        network=network.decode(),
        payer=payer.decode(),
    )


def _sold_and_version(text: str) -> tuple[int, int]:
    sold, version = text.split(":")
    return int(sold), int(version)


def _pairs(flat: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _numbers(packed: bytes) -> list[int]:
    """4 bytes each, big-endian."""
    return list(struct.unpack(f">{len(packed) // 4}I", packed))


async def _truth(snapshot: Transaction, event_id: str) -> _Truth:
    seats = await snapshot.fetchrow("inventory.seat_truth", event_id)
    assert seats is not None
    return _Truth(
        seats["digits"].encode(),
        _numbers(seats["versions"]),
        await snapshot.fetch("inventory.area_truth", event_id),
        {
            row["buyer_id"]: (row["sold"], row["version"])
            for row in await snapshot.fetch("inventory.buyer_truth", event_id)
        },
        {row["hold_id"]: row for row in await snapshot.fetch("audit.live_bookings", event_id)},
        {row["offer_id"]: row for row in await snapshot.fetch("audit.open_offers", event_id)},
        (await snapshot.fetch("waitlist.waiting", event_id))[0][0],
    )
