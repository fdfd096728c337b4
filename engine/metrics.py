"""What every process counts. Names carry the ``frontrow_`` prefix and base units; labels are bounded."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

HOLDS = Counter("frontrow_holds", "Hold requests by outcome.", ["outcome"])
BEST_SEATS_ATTEMPTS = Histogram(
    "frontrow_best_seats_attempts",
    "Choices until best seats were held, or it was clear that none can be.",
    buckets=(1, 2, 3, 4, 6, 8),
)
BOOKINGS = Counter("frontrow_bookings", "Bookings by how a step ended.", ["outcome"])
PAYMENTS = Counter("frontrow_payments", "Answers of the payment gateway.", ["outcome"])
BATCH_SIZE = Histogram("frontrow_batch_size", "Commands in one batch.", ["batch"], buckets=_BATCH)
STORE_SECONDS = Histogram(
    "frontrow_store_seconds", "Time of one store call.", ["store", "call"], buckets=_FAST
)
EXPIRY_LATENESS = Histogram(
    "frontrow_expiry_lateness_seconds",
    "How long after its deadline a hold was freed.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60),
)
REBUILDS = Counter("frontrow_rebuilds", "Event states laid anew in Redis.")
REBUILD_SECONDS = Histogram("frontrow_rebuild_seconds", "Time of a rebuild.", buckets=_FAST)
REPAIRS = Counter("frontrow_repairs", "Facts in Redis that reconciliation had to correct.")
OUTBOX_DELIVERED = Counter(
    "frontrow_outbox_delivered", "Outbox rows the relay delivered.", ["kind"]
)
OUTBOX_AGE = Gauge("frontrow_outbox_age_seconds", "Age of the oldest undelivered outbox row.")
MAILS = Counter("frontrow_mails", "Mails by kind and what a try made of them.", ["kind", "became"])
MAILS_QUEUED = Gauge("frontrow_mails_queued", "Mails that wait or are under way.")
MAILS_AGE = Gauge("frontrow_mails_age_seconds", "Age of the oldest mail that waits.")
MAILS_FAILED = Gauge(
    "frontrow_mails_failed", "Mails that need a person: dead, unknown.", ["status"]
)
WORKER_RUNS = Counter("frontrow_worker_runs", "Worker steps by result.", ["step", "result"])

PRICE_CHANGES = Counter("frontrow_price_changes", "Prices changed, by who decided it.", ["by"])
PRICE_DECISIONS = Counter(
    "frontrow_price_decisions", "Prices that a rule looked at, by what came of it.", ["outcome"]
)
REPRICE_LATENESS = Histogram(
    "frontrow_reprice_lateness_seconds",
    "How long after its turn an event that follows a rule was looked at.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
WAITLIST_JOINED = Counter("frontrow_waitlist_joined", "Places taken in a waitlist.")
WAITLIST_ROUND = Histogram(
    "frontrow_waitlist_round_seconds",
    "Time of one round of matching what came back with who waits.",
    buckets=_FAST,
)
OFFERS = Counter(
    "frontrow_offers", "Offers of the waitlist, made and by how they ended.", ["outcome"]
)

for _by in ("rule", "organiser"):
    PRICE_CHANGES.labels(_by)
for _outcome in (
    "moved",
    "range",
    "steady",
    "interval",
    "reversal",
    "sold-out",
    "over",
    "controlled",
):
    PRICE_DECISIONS.labels(_outcome)
for _outcome in ("made", "used", "declined", "expired", "withdrawn"):
    OFFERS.labels(_outcome)
for _outcome in ("held", "taken", "limit", "closed", "invalid", "unavailable"):
    HOLDS.labels(_outcome)
for _outcome in (
    "reserved",
    "confirmed",
    "declined",
    "expired",
    "cancelled",
    "refund-due",
    "seat-unavailable",
    "hold-expired",
    "limit-reached",
    "event-closed",
    "hold-booked",
    "duplicate-key",
):
    BOOKINGS.labels(_outcome)
for _outcome in ("captured", "declined", "requires_action", "voided", "unknown"):
    PAYMENTS.labels(_outcome)


@contextmanager
def store_seconds(store: str, call: str) -> Iterator[None]:
    """Time one call to a store."""
    started = time.perf_counter()
    try:
        yield
    finally:
        STORE_SECONDS.labels(store, call).observe(time.perf_counter() - started)
