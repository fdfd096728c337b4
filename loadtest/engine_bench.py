"""Measurements below HTTP: the ledger's batches, holds by size of the house, rebuilding."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from engine.base.model import Booking, BookingStatus, Buyer, Money, ms_from_utc, new_id
from engine.holds.building import PaymentHold
from engine.live.hold_scripts import Paying
from engine.live.keys import base_key
from engine.runtime import Runtime
from engine.sales.ledger import Answer, BookingRequest, Confirm, PaymentChoice, Reserve


async def _commands(runtime: Runtime, event_id: str, numbers: Iterable[int]) -> list[Reserve]:
    """Reservations of two seats each, as checkouts make them; PostgreSQL needs no holds for them."""
    facts = await runtime.catalog.facts(event_id)
    deadline_ms = ms_from_utc(datetime.now(UTC) + timedelta(minutes=20))
    payment = PaymentChoice("sandbox", "tok_visa")
    commands = []
    for number in numbers:
        hold_id = new_id()
        buyer = Buyer(f"{hold_id}@example.com", "Ada Lovelace")
        seats = [2 * number, 2 * number + 1]
        paying = Paying(seats, {}, [5000], deadline_ms, state_before="held", declines=0)
        hold = PaymentHold(event_id, hold_id, facts, paying)
        commands.append(
            Reserve(
                booking_id=new_id(),
                buyer_id=new_id(),
                key=new_id(),
                fingerprint=b"f" * 32,
                reference="0123456789",
                request_id="a-request",
                request=BookingRequest(hold_id, buyer, payment),
                hold=hold,
                amount=10_000,
            )
        )
    return commands


def _confirmation(command: Reserve) -> Confirm:
    booking = Booking(
        booking_id=command.booking_id,
        reference=command.reference,
        event_id=command.hold.event_id,
        hold_id=command.hold.hold_id,
        status=BookingStatus.CONFIRMED,
        seats=[],
        areas=[],
        total=Money(command.amount, "EUR"),
        buyer=command.request.buyer,
        version=2,
        created_at=datetime.now(UTC),
    )
    return Confirm(
        event_id=command.hold.event_id,
        booking_id=command.booking_id,
        provider_ref="bench",
        answer=Answer(outcome="confirmed", booking=booking),
    )


async def book_batched(
    runtime: Runtime, event_id: str, numbers: Iterable[int], *, concurrency: int
) -> float:
    """Reserve and confirm through the batches; returns bookings per second."""
    commands = await _commands(runtime, event_id, numbers)
    room = asyncio.Semaphore(concurrency)

    async def book(command: Reserve) -> None:
        async with room:
            reserved = await runtime.sales.ledger.reserve(command)
            ended = await runtime.sales.ledger.confirm(_confirmation(command))
        _check(reserved.outcome, ended.outcome)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for command in commands:
            group.create_task(book(command))
    return len(commands) / (time.perf_counter() - started)


async def book_single(
    runtime: Runtime, event_id: str, numbers: Iterable[int], *, connections: int
) -> float:
    """The same functions called once per booking; returns bookings per second."""
    waiting = await _commands(runtime, event_id, numbers)
    count = len(waiting)

    async def serve() -> None:
        while waiting:
            command = waiting.pop()
            (reserved,) = await runtime.sales.ledger.reserve_batch([command])
            (ended,) = await runtime.sales.ledger.confirm_batch([_confirmation(command)])
            if isinstance(reserved, Exception) or isinstance(ended, Exception):
                raise RuntimeError("a booking failed")
            _check(reserved.outcome, ended.outcome)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(serve())
    return count / (time.perf_counter() - started)


def _check(reserved: str, ended: str) -> None:
    if (reserved, ended) != ("reserved", "confirmed"):
        raise RuntimeError(f"a booking ended {reserved}, {ended}")


async def hold_cost_s(runtime: Runtime, event_id: str, count: int) -> float:
    """Seconds per hold of two seats, 32 at a time; the holds are given back afterwards."""
    room = asyncio.Semaphore(32)
    buyers = [new_id() for _ in range(count)]

    async def hold(number: int) -> str:
        async with room:
            held = await runtime.holds.place(
                event_id, buyers[number], seats=(2 * number, 2 * number + 1)
            )
        return held.hold_id

    started = time.perf_counter()
    hold_ids = await asyncio.gather(*(hold(number) for number in range(count)))
    elapsed = time.perf_counter() - started
    await asyncio.gather(
        *(
            runtime.holds.release(hold_id, buyer)
            for hold_id, buyer in zip(hold_ids, buyers, strict=True)
        )
    )
    return elapsed / count


async def forget(runtime: Runtime, event_id: str) -> None:
    """Delete one event from Redis, as if it had been lost."""
    async for key in runtime.stores.redis.client.scan_iter(
        match=base_key(event_id) + ":*", count=10_000
    ):
        await runtime.stores.redis.client.unlink(key)
