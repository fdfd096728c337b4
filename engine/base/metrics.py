"""The metrics of every process: docs/observability.md.

Names carry the ``frontrow_`` prefix and base units. Labels are bounded, and every combination that can
occur is there from the start with 0: Prometheus sees an increase only between two samples, so the first
event of a series that appears with it would never be seen.
"""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

from prometheus_client import Counter, Gauge, Histogram, Summary, disable_created_metrics

from engine.base import tracing
from engine.base.invariants import Invariant

# They would double the series, for a time that nobody uses.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own omission

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

HOLDS = Counter("frontrow_holds", "Hold requests by outcome.", ["outcome"])
BEST_SEATS_ATTEMPTS = Histogram(
    "frontrow_best_seats_attempts",
    "Choices until best seats were held or none could be.",
    buckets=(1, 2, 3, 4, 6, 8),
)
BOOKINGS = Counter("frontrow_bookings", "Bookings by how a step ended.", ["outcome"])
PAYMENTS = Counter("frontrow_payments", "Answers of the payment gateway.", ["outcome"])
PAYMENTS_REFUSED = Counter(
    "frontrow_payments_refused",
    "Payments refused before the gateway was asked: too many declined or under way, by whose limit.",
    ["of"],
)
NETWORK_SHARE_MAX = Gauge(
    "frontrow_network_share_max",
    "The largest share of a house that one network holds unpaid, over all open events.",
)
BATCH_SIZE = Histogram("frontrow_batch_size", "Commands in one batch.", ["batch"], buckets=_BATCH)
STORE_SECONDS = Histogram(
    "frontrow_store_seconds", "Time of one store call.", ["store"], buckets=_FAST
)
#: Without buckets: there are about two hundred calls.
STORE_CALL_SECONDS = Summary(
    "frontrow_store_call_seconds", "Time of one store call, by call.", ["store", "call"]
)
STORE_FAILURES = Counter(
    "frontrow_store_failures", "Calls that failed because the store was away.", ["store"]
)
WRONG_KEYS = Counter("frontrow_wrong_keys", "Wrong secrets that were tried.", ["of"])
WRONG_KEYS.labels("organiser-key")
STORE_TIMEOUTS = Counter(
    "frontrow_store_timeouts",
    "Calls that got no answer in their time, by store or gateway.",
    ["store"],
)
BREAKER_OPEN = Gauge(
    "frontrow_breaker_open",
    "1 while calls are refused at once because the store does not answer.",
    ["store"],
)
BREAKER_OPENINGS = Counter(
    "frontrow_breaker_openings",
    "How often calls began to be refused at once, by store or gateway.",
    ["store"],
)
EVENTS_STUCK = Gauge(
    "frontrow_events_stuck", "Events whose rows stay locked, as seen by this process."
)
POOL_WAIT_SECONDS = Histogram(
    "frontrow_postgres_pool_wait_seconds",
    "Wait for a connection of the pool.",
    buckets=(0.00005, *_FAST, 5),
)
CONNECTION_HELD_SECONDS = Histogram(
    "frontrow_postgres_connection_held_seconds",
    "How long a connection of the pool was kept from others.",
    buckets=(*_FAST, 10, 30),
)
POOL_CONNECTIONS = Gauge(
    "frontrow_postgres_pool_connections", "Connections of the pool.", ["state"]
)
POOL_CONNECTIONS_MAX = Gauge(
    "frontrow_postgres_pool_connections_max", "Connections that the pool may open."
)
LOOP_LAG_SECONDS = Histogram(
    "frontrow_event_loop_lag_seconds",
    "How late the event loop ran due work: the wait that every request has besides its own work.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
EXPIRY_LATENESS = Histogram(
    "frontrow_expiry_lateness_seconds",
    "How long after its deadline a hold was freed.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60),
)
REBUILDS = Counter("frontrow_rebuilds", "Event states loaded into Redis, by the cause.", ["cause"])
SERVERS_REFUSED = Counter(
    "frontrow_servers_refused", "Refused connections to a PostgreSQL that another one has replaced."
)
REBUILD_SECONDS = Histogram("frontrow_rebuild_seconds", "Time of a rebuild.", buckets=_FAST)
REPAIRS = Counter("frontrow_repairs", "Facts in Redis that reconciliation had to correct.")
OUTBOX_DELIVERED = Counter(
    "frontrow_outbox_delivered", "Outbox rows the relay delivered.", ["kind"]
)
OUTBOX_AGE = Gauge("frontrow_outbox_age_seconds", "Age of the oldest undelivered outbox row.")
MAILS = Counter("frontrow_mails", "Mails by kind and the result of an attempt.", ["kind", "became"])
MAILS_FORGOTTEN = Counter(
    "frontrow_mails_forgotten", "Mails deleted from the delivery log because their time was over."
)
MAILS_DISTORTED = Counter(
    "frontrow_mails_distorted",
    "Mails not sent because the rendered message was not the intended one.",
)
MAILS_QUEUED = Gauge("frontrow_mails_queued", "Mails that are waiting or under way.")
MAILS_AGE = Gauge("frontrow_mails_age_seconds", "Age of the oldest waiting mail.")
MAILS_FAILED = Gauge(
    "frontrow_mails_failed", "Mails that need a person: dead, unknown.", ["status"]
)
WORKER_RUNS = Counter("frontrow_worker_runs", "Worker steps by result.", ["step", "result"])
WORKER_RUN_SECONDS = Summary(
    "frontrow_worker_run_seconds", "Time of one round of a worker step.", ["step"]
)
INVARIANT_VIOLATIONS = Counter(
    "frontrow_invariant_violations",
    "Violations that audits of open events found, by the invariant's number.",
    ["invariant"],
)
AUDITS = Counter("frontrow_audits", "Audits of one open event, by outcome.", ["outcome"])
AUDIT_SECONDS = Histogram(
    "frontrow_audit_seconds",
    "Time of one audit of one event.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

PRICE_CHANGES = Counter("frontrow_price_changes", "Price changes, by who decided them.", ["by"])
PRICE_DECISIONS = Counter(
    "frontrow_price_decisions", "Prices that a rule reviewed, by outcome.", ["outcome"]
)
REPRICE_LATENESS = Histogram(
    "frontrow_reprice_lateness_seconds",
    "How late an event that follows a rule was reviewed.",
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
WAITLIST_JOINED = Counter("frontrow_waitlist_joined", "Waitlist entries made.")
WAITLIST_ROUND = Histogram(
    "frontrow_waitlist_round_seconds",
    "Time of one round that matches returned seats with the waitlist.",
    buckets=_FAST,
)
OFFERS = Counter(
    "frontrow_offers", "Waitlist offers made, and ended by how they ended.", ["outcome"]
)

for _cause in ("missing", "damaged", "generation", "invariant", "asked"):
    REBUILDS.labels(_cause)
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
for _outcome in (
    "held",
    "taken",
    "limit",
    "closed",
    "crowded",
    "paused",
    "resting",
    "invalid",
    "unavailable",
):
    HOLDS.labels(_outcome)
for _of in ("hold", "person", "network"):
    PAYMENTS_REFUSED.labels(_of)
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
    "email-limit-reached",
    "card-limit-reached",
    "event-closed",
    "hold-booked",
    "duplicate-key",
):
    BOOKINGS.labels(_outcome)
for _outcome in ("captured", "declined", "requires_action", "voided", "unknown"):
    PAYMENTS.labels(_outcome)
for _kind in ("settle", "refund", "inquire"):
    OUTBOX_DELIVERED.labels(_kind)
for _silent in ("postgres", "redis", "mongo", "payments-sandbox"):
    STORE_TIMEOUTS.labels(_silent)
    BREAKER_OPEN.labels(_silent)
    BREAKER_OPENINGS.labels(_silent)
for _state in ("idle", "used"):
    POOL_CONNECTIONS.labels(_state)
for _outcome in ("clean", "clean-in-part", "violated"):
    AUDITS.labels(_outcome)
for _invariant in Invariant:
    INVARIANT_VIOLATIONS.labels(str(_invariant))

_STORES = {store: STORE_SECONDS.labels(store) for store in ("postgres", "redis", "mongo")}
for _store in _STORES:
    STORE_FAILURES.labels(_store)
_Observe = Callable[[float], None]
_observers: dict[tuple[str, str], tuple[_Observe, _Observe]] = {}


class StoreTimer:
    """Times one call to a store: a context manager."""

    __slots__ = ("_observers", "_started")

    def __init__(self, observers: tuple[_Observe, _Observe]) -> None:
        self._observers = observers
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._started
        for observe in self._observers:
            observe(seconds)


class _TracedTimer(StoreTimer):
    """``StoreTimer`` with a span around the call."""

    __slots__ = ("_span",)

    def __init__(self, observers: tuple[_Observe, _Observe], store: str, call: str) -> None:
        super().__init__(observers)
        names = {"db.system.name": store, "db.operation.name": call}
        self._span = tracing.span(f"{store} {call}", attributes=names)

    def __enter__(self) -> None:
        self._span.__enter__()
        super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._span.__exit__(kind, error, traceback)


def store_seconds(store: str, call: str) -> StoreTimer:
    """Time one call to a store, postgres or mongo. ``call`` is one of the program's own names."""
    observers = _observers.get((store, call)) or know_store_call(store, call)
    if tracing.is_on():
        return _TracedTimer(observers, store, call)
    return StoreTimer(observers)


def know_store_call(store: str, call: str) -> tuple[_Observe, _Observe]:
    """Create the call's series at the start, with 0."""
    by_call = STORE_CALL_SECONDS.labels(store, call).observe
    observers = _observers[store, call] = (_STORES[store].observe, by_call)
    return observers


#: Four times a second: often enough to see a blocked loop, and negligible beside its work.
LAG_INTERVAL_S = 0.25


async def measure_loop_lag() -> None:
    """Measure without end how late this event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL_S
        await asyncio.sleep(LAG_INTERVAL_S)
        LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))
