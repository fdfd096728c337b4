"""What every process counts: docs/observability.md.

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

# Twice the series for a time that nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own omission

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
PAYMENTS_REFUSED = Counter(
    "frontrow_payments_refused",
    "Payments refused before the gateway was asked: too many declined or under way, by whose.",
    ["of"],
)
NETWORK_SHARE_MAX = Gauge(
    "frontrow_network_share_max",
    "The largest share of a house that one network keeps without having paid, over all open events.",
)
BATCH_SIZE = Histogram("frontrow_batch_size", "Commands in one batch.", ["batch"], buckets=_BATCH)
STORE_SECONDS = Histogram(
    "frontrow_store_seconds", "Time of one store call.", ["store"], buckets=_FAST
)
#: Without buckets: there are some two hundred calls.
STORE_CALL_SECONDS = Summary(
    "frontrow_store_call_seconds", "Time of one store call, by call.", ["store", "call"]
)
STORE_FAILURES = Counter(
    "frontrow_store_failures", "Calls that failed because the store was away.", ["store"]
)
WRONG_KEYS = Counter("frontrow_wrong_keys", "Secrets that were tried and were wrong.", ["of"])
WRONG_KEYS.labels("organiser-key")
STORE_TIMEOUTS = Counter(
    "frontrow_store_timeouts",
    "Calls that got no answer in their time, by store or gateway.",
    ["store"],
)
BREAKER_OPEN = Gauge(
    "frontrow_breaker_open", "1 while calls are refused at once because nothing answers.", ["store"]
)
BREAKER_OPENINGS = Counter(
    "frontrow_breaker_openings", "How often silence began, by store or gateway.", ["store"]
)
EVENTS_STUCK = Gauge(
    "frontrow_events_stuck", "Events whose rows somebody keeps locked, as this process met them."
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
    "How late the event loop came to what was due: what every request waits besides its own work.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
EXPIRY_LATENESS = Histogram(
    "frontrow_expiry_lateness_seconds",
    "How long after its deadline a hold was freed.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60),
)
REBUILDS = Counter(
    "frontrow_rebuilds", "Event states laid in Redis, by what made it necessary.", ["cause"]
)
SERVERS_REFUSED = Counter(
    "frontrow_servers_refused", "Connections to a PostgreSQL that another one has replaced."
)
REBUILD_SECONDS = Histogram("frontrow_rebuild_seconds", "Time of a rebuild.", buckets=_FAST)
REPAIRS = Counter("frontrow_repairs", "Facts in Redis that reconciliation had to correct.")
OUTBOX_DELIVERED = Counter(
    "frontrow_outbox_delivered", "Outbox rows the relay delivered.", ["kind"]
)
OUTBOX_AGE = Gauge("frontrow_outbox_age_seconds", "Age of the oldest undelivered outbox row.")
MAILS = Counter("frontrow_mails", "Mails by kind and what a try made of them.", ["kind", "became"])
MAILS_FORGOTTEN = Counter(
    "frontrow_mails_forgotten", "Mails whose time in the delivery log was over."
)
MAILS_DISTORTED = Counter(
    "frontrow_mails_distorted",
    "Mails not sent: the finished message was not the one that was meant.",
)
MAILS_QUEUED = Gauge("frontrow_mails_queued", "Mails that wait or are under way.")
MAILS_AGE = Gauge("frontrow_mails_age_seconds", "Age of the oldest mail that waits.")
MAILS_FAILED = Gauge(
    "frontrow_mails_failed", "Mails that need a person: dead, unknown.", ["status"]
)
WORKER_RUNS = Counter("frontrow_worker_runs", "Worker steps by result.", ["step", "result"])
WORKER_RUN_SECONDS = Summary(
    "frontrow_worker_run_seconds", "Time of one round of a worker step.", ["step"]
)
INVARIANT_VIOLATIONS = Counter(
    "frontrow_invariant_violations",
    "Broken promises that audits of open events found, by their number in the design.",
    ["invariant"],
)
AUDITS = Counter("frontrow_audits", "Audits of one open event, by what came of it.", ["outcome"])
AUDIT_SECONDS = Histogram(
    "frontrow_audit_seconds",
    "Time of one audit of one event.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

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
    """The same, with a span around the call."""

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
    """Have the call's series from the start."""
    by_call = STORE_CALL_SECONDS.labels(store, call).observe
    observers = _observers[store, call] = (_STORES[store].observe, by_call)
    return observers


#: Four times a second: often enough to see what stops a loop, and nothing beside its work.
LAG_INTERVAL_S = 0.25


async def measure_loop_lag() -> None:
    """Observe for ever how late this event loop is."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LAG_INTERVAL_S
        await asyncio.sleep(LAG_INTERVAL_S)
        LOOP_LAG_SECONDS.observe(max(0.0, loop.time() - due))
