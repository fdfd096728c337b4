"""Everything about sales, made for one process, and what a worker runs of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from engine.base.config import Settings
from engine.catalog.catalog import Catalog
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.sales.cancelling import Cancelling
from engine.sales.chasing import Chasing
from engine.sales.checkout import Checkout
from engine.sales.finishing import Finishing
from engine.sales.idempotency import Idempotency
from engine.sales.late_settling import LateSettling
from engine.sales.ledger import Ledger
from engine.sales.next_action import NextActions
from engine.sales.outcomes import Outcomes
from engine.sales.payments.payments import Payments
from engine.sales.payments.sandbox import SandboxGateway
from engine.sales.reading import BookingReader
from engine.sales.relay import Relay
from engine.sales.tickets import Tickets
from engine.stores.postgres import Postgres

#: Beyond the gateway's own limit, until a pending booking counts as left behind.
_CHECKOUT_S = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sales:
    """What the rooms above use of this one; each is described in the module of its class."""

    ledger: Ledger
    payments: Payments
    sandbox: SandboxGateway
    checkout: Checkout
    outcomes: Outcomes
    finishing: Finishing
    cancelling: Cancelling
    reading: BookingReader
    tickets: Tickets
    late_settling: LateSettling
    chasing: Chasing
    relay: Relay
    tick_s: float

    def steps(self) -> list[tuple[str, float, Callable[[], Awaitable[int]]]]:
        """The worker's: name, pause in seconds, round."""
        return [
            ("chase-pending", self.tick_s, self.chasing.run_once),
            ("relay-outbox", self.tick_s, self.relay.run_once),
        ]

    async def close(self) -> None:
        """Wait for what is under way."""
        await self.ledger.drain()
        await self.payments.close()


def build(
    *,
    postgres: Postgres,
    worker_postgres: Postgres,
    live: Live,
    holds: Holds,
    catalog: Catalog,
    settings: Settings,
) -> Sales:
    """``Sales`` on these rooms. ``worker_postgres`` is asked for what is left to do, and no more."""
    ledger = Ledger(postgres)
    sandbox = SandboxGateway(postgres, settings)
    payments = _payments(sandbox, settings)
    next_actions = NextActions(payments, settings.public_url)
    reading = BookingReader(postgres, catalog, next_actions)
    outcomes = Outcomes(ledger, live, reading)
    finishing = Finishing(payments, reading, outcomes)
    late_settling = LateSettling(postgres, holds, live, reading)
    cancelling = Cancelling(
        postgres=postgres, live=live, payments=payments, reading=reading, outcomes=outcomes
    )
    return Sales(
        ledger=ledger,
        payments=payments,
        sandbox=sandbox,
        checkout=Checkout(
            postgres=postgres,
            ledger=ledger,
            live=live,
            holds=holds,
            payments=payments,
            idempotency=Idempotency(postgres),
            next_actions=next_actions,
            outcomes=outcomes,
            late_settling=late_settling,
        ),
        outcomes=outcomes,
        finishing=finishing,
        cancelling=cancelling,
        reading=reading,
        tickets=Tickets(postgres, catalog, reading),
        late_settling=late_settling,
        chasing=Chasing(
            worker_postgres, finishing, patience_s=settings.gateway_timeout_s + _CHECKOUT_S
        ),
        relay=Relay(
            worker_postgres,
            cancelling=cancelling,
            finishing=finishing,
            late_settling=late_settling,
            grace_s=settings.outbox_grace_s,
        ),
        tick_s=settings.worker_tick_s,
    )


def _payments(sandbox: SandboxGateway, settings: Settings) -> Payments:
    return Payments(
        {"sandbox": sandbox},
        timeout_s=settings.gateway_timeout_s,
        closed=() if settings.sandbox_sells else ("sandbox",),
    )
