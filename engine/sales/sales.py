"""The sales package of one process, and its worker steps."""

from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.base.step import Step
from engine.catalog.catalog import Catalog
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.sales.cancelling import Cancelling
from engine.sales.chasing import Chasing
from engine.sales.checkout import Checkout
from engine.sales.desk import Desk
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
from engine.stores.stores import Stores

#: Added to the gateway's time limit until a pending booking counts as left behind, in seconds.
_CHECKOUT_S = 1.0
_FORGET_S = 600.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Sales:
    """The objects that the packages above use; each is described in the module of its class."""

    ledger: Ledger
    payments: Payments
    sandbox: SandboxGateway
    checkout: Checkout
    outcomes: Outcomes
    finishing: Finishing
    cancelling: Cancelling
    reading: BookingReader
    tickets: Tickets
    desk: Desk
    late_settling: LateSettling
    chasing: Chasing
    relay: Relay
    worker_postgres: Postgres
    tick_s: float

    @classmethod
    def build(
        cls, stores: Stores, live: Live, catalog: Catalog, holds: Holds, settings: Settings
    ) -> Self:
        postgres = stores.sell
        ledger = Ledger(postgres)
        sandbox = SandboxGateway(postgres, settings)
        payments = _payments(sandbox, settings)
        next_actions = NextActions(payments, settings.public_url)
        reading = BookingReader(postgres, catalog, next_actions)
        outcomes = Outcomes(ledger, live, reading)
        finishing = Finishing(payments, reading, outcomes)
        late_settling = LateSettling(postgres, holds, live, reading)
        cancelling = Cancelling(
            postgres=postgres,
            live=live,
            holds=holds,
            payments=payments,
            reading=reading,
            outcomes=outcomes,
        )
        return cls(
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
            desk=Desk(stores.house, catalog, reading, cancelling),
            late_settling=late_settling,
            chasing=Chasing(
                stores.worker, finishing, patience_s=settings.gateway_timeout_s + _CHECKOUT_S
            ),
            relay=Relay(
                stores.worker,
                cancelling=cancelling,
                finishing=finishing,
                late_settling=late_settling,
                grace_s=settings.outbox_grace_s,
            ),
            worker_postgres=stores.worker,
            tick_s=settings.worker_tick_s,
        )

    def steps(self) -> list[Step]:
        return [
            Step("chase-pending", self.tick_s, self.chasing.run_once),
            Step("relay-outbox", self.tick_s, self.relay.run_once),
            Step("forget-keys", _FORGET_S, self.forget_keys),
        ]

    async def forget_keys(self) -> int:
        """Delete idempotency keys older than 24 hours. Returns 0."""
        await self.worker_postgres.fetch("bookings.forget_old_keys")
        return 0

    async def close(self) -> None:
        """Wait for all work under way."""
        await self.ledger.drain()
        await self.payments.close()


def _payments(sandbox: SandboxGateway, settings: Settings) -> Payments:
    return Payments(
        {"sandbox": sandbox},
        timeout_s=settings.gateway_timeout_s,
        closed=() if settings.sandbox_sells else ("sandbox",),
    )
