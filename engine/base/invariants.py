"""The promises of a sale, by their numbers in docs/architecture.md ("Invariants")."""

from enum import IntEnum


class Invariant(IntEnum):
    """Its number is also its label in metrics and logs."""

    #: A seat has at most one live sale.
    ONE_LIVE_SALE = 1
    #: Captured money is confirmed, refunded or in flight, per currency.
    MONEY_BALANCES = 2
    #: No sale on an expired or somebody else's hold.
    OWN_LIVE_HOLD = 3
    #: Every hold ends booked or freed soon after its deadline.
    HOLDS_END = 4
    #: Every seat and place is counted once.
    COUNTED_ONCE = 5
    #: One idempotency key has one effect and one answer.
    ONE_ANSWER_PER_KEY = 6
    #: After some quiet every watcher's map equals PostgreSQL.
    MAPS_ARE_TRUE = 7
    #: Offers follow the waitlist's order, and each skip has its reason.
    WAITLIST_ORDER = 8
    #: Every committed outbox row is delivered.
    OUTBOX_DELIVERED = 9
    #: Limits per buyer hold.
    BUYER_LIMITS = 10
