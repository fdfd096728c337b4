"""The configured gateways, and the one time limit of every request to them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from functools import cache, partial
from typing import Final, TypeVar

import structlog

from engine.base import deadline, metrics
from engine.base.errors import InvalidInput, Unavailable
from engine.base.model import Money
from engine.base.tracing import traced
from engine.sales.payments.free import FREE, FreeGateway
from engine.sales.payments.gateway import Charge, ChargeStatus, Gateway
from engine.stores.breaker import Breaker

T = TypeVar("T")
log = structlog.get_logger(__name__)
#: The series by outcome: looking one up by its label costs more than counting.
_counted = cache(metrics.PAYMENTS.labels)

#: A booking that does not exist: a query about it is harmless and shows whether the gateway answers.
NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class Payments:
    """The gateways by provider name. Every request has the same time limit, is counted, and is refused
    at once while the gateway's breaker is open. No answer is Unavailable, for a charge UNKNOWN.
    """

    def __init__(
        self, gateways: dict[str, Gateway], *, timeout_s: float, closed: Collection[str] = ()
    ) -> None:
        self._gateways: dict[str, Gateway] = {**gateways, FREE: FreeGateway()}
        self._timeout_s = timeout_s
        #: Gateways that finish begun payments, and take no new ones.
        self._closed = closed
        self._breakers = {
            name: Breaker(f"payments-{name}", partial(gateway.status, NOBODY), limit_s=timeout_s)
            for name, gateway in self._gateways.items()
        }

    def gateway(self, provider: str) -> Gateway:
        """Raises InvalidInput for a provider that is not configured."""
        try:
            return self._gateways[provider]
        except KeyError:
            raise self._unknown(provider) from None

    def _unknown(self, provider: str) -> InvalidInput:
        choices = ", ".join(name for name in self._gateways if name != FREE)
        return InvalidInput(
            f"Unknown payment provider {provider!r}; use {choices}.",
            code="unknown-payment-provider",
        )

    def for_checkout(self, provider: str) -> Gateway:
        """The gateway for a new payment. Raises InvalidInput for one that takes no payments."""
        if provider == FREE:
            raise self._unknown(provider)
        if provider in self._closed:
            raise InvalidInput(
                f"The payment provider {provider!r} takes no payments in a public deployment; "
                "its operator opens it with FRONTROW_SANDBOX=allow.",
                code="unknown-payment-provider",
            )
        return self.gateway(provider)

    def is_silent(self, provider: str) -> bool:
        """Whether the gateway does not answer at present: then no work that needs it should begin."""
        return self._breakers[provider].is_open

    @traced("charge")
    async def charge(self, provider: str, booking_id: str, token: str, amount: Money) -> Charge:
        """Charge once per booking id. No answer in time is ChargeStatus.UNKNOWN, never an error."""
        try:
            charge = await self._ask(provider, lambda g: g.charge(booking_id, token, amount))
        except Unavailable:
            charge = Charge(ChargeStatus.UNKNOWN)
            log.warning("payment gateway gave no answer", booking_id=booking_id, provider=provider)
        _counted(charge.status.value).inc()
        return charge

    async def status(self, provider: str, booking_id: str) -> Charge | None:
        """The outcome of a charge; None when the gateway does not know it. Raises Unavailable."""
        return await self._ask(provider, lambda g: g.status(booking_id))

    async def void(self, provider: str, booking_id: str) -> Charge:
        """Prevent any further charge. Raises Unavailable."""
        return await self._ask(provider, lambda g: g.void(booking_id))

    async def refund(self, provider: str, booking_id: str, amount: Money) -> None:
        """Refund a charge; idempotent. Raises Unavailable."""
        await self._ask(provider, lambda g: g.refund(booking_id, amount))

    async def _ask(self, provider: str, question: Callable[[Gateway], Awaitable[T]]) -> T:
        # No context manager: it would cost each charge as much again as the time limit.
        gateway, breaker = self.gateway(provider), self._breakers[provider]
        if breaker.is_open:
            raise payments_unavailable()
        limit_s = deadline.limit_s(self._timeout_s)
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                answer = await question(gateway)
        except TimeoutError as error:
            breaker.timed_out(began, limit_s)
            raise payments_unavailable() from error
        breaker.heard()
        return answer

    async def close(self) -> None:
        for breaker in self._breakers.values():
            await breaker.close()


def payments_unavailable() -> Unavailable:
    return Unavailable(
        "The payment gateway does not answer at present; nothing was charged. Try again shortly.",
        code="payments-unavailable",
    )
