"""Places that cost nothing: booked without a card, cancelled without a refund, and no gateway is asked."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER, Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import InvalidInput, LimitReached
from engine.base.model import BookingStatus, Buyer, Money, new_id
from engine.base.store_urls import StoreUrls
from engine.holds.building import PaymentHold, build_items
from engine.runtime import Runtime, open_runtime
from engine.sales.ledger import BookingRequest, PaymentChoice, Reserve
from engine.sales.payments.gateway import Charge
from engine.sales.payments.payments import Payments
from engine.sales.payments.sandbox import SandboxGateway
from tests.conftest import House, MakeHouse
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker of another process finishes here what a test leaves open."""
    world = await make_world(settings, stores, "free", redis_database=4)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


class Forbidden(SandboxGateway):
    """A gateway that must not be asked."""

    async def charge(self, booking_id: str, token: str, amount: Money) -> Charge:
        raise AssertionError("charged")

    async def status(self, booking_id: str) -> Charge | None:
        raise AssertionError("asked")

    async def void(self, booking_id: str) -> Charge:
        raise AssertionError("voided")

    async def refund(self, booking_id: str, amount: Money) -> None:
        raise AssertionError("refunded")


@pytest_asyncio.fixture
async def free(make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch) -> House:
    """The front costs nothing, the back something; a buyer may have two places."""
    house = await make_house(buyer_limit=2)
    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": 0}, reason="a gift", actor=ORGANISER
    )
    sales = house.runtime.sales
    forbidden = Forbidden(house.runtime.stores.view, house.runtime.settings)
    monkeypatch.setitem(sales.payments._gateways, "sandbox", forbidden)
    return house


def _request(
    hold_id: str, card: str | None = None, email: str = "ada@example.com"
) -> BookingRequest:
    payment = None if card is None else PaymentChoice("sandbox", card)
    return BookingRequest(hold_id, Buyer(email, "Ada"), payment)


async def _rows(house: House, query: str, *arguments: Any) -> list[Any]:
    async with house.runtime.stores.view.connection() as connection:
        return [tuple(row) for row in await connection.fetch(query, *arguments)]


async def test_nothing_is_paid_and_nothing_is_given_back(free: House, buyer: str) -> None:
    sales = free.runtime.sales
    hold = await free.hold(buyer, 3)
    answer, _ = await sales.checkout.book(buyer, new_id(), _request(hold.hold_id))
    assert (answer.outcome, answer.booking.total.amount) == ("confirmed", 0)
    booking_id = answer.booking.booking_id
    assert len(await sales.tickets.of_booking(booking_id)) == 1
    cancelled = await sales.cancelling.cancel(
        booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    assert (cancelled.status, cancelled.refunded) == (BookingStatus.CANCELLED, None)
    assert (await free.states())[3] == "0"
    charges = "SELECT 1 FROM sandbox_charges WHERE booking_id = $1"
    assert await _rows(free, charges, booking_id) == []
    # Settled, so that nobody goes on asking; and no mail about a refund of nothing.
    payments = "SELECT provider, status::text FROM payments WHERE booking_id = $1"
    assert await _rows(free, payments, booking_id) == [("free", "refunded")]
    mails = "SELECT kind FROM notifications WHERE event_id = $1 ORDER BY kind"
    assert await _rows(free, mails, free.event_id) == [
        ("booking-cancelled",),
        ("booking-confirmed",),
    ]


@pytest.mark.parametrize("end", ["found", "due", "withdrawn"])
async def test_a_booking_that_its_process_left_is_finished(
    free: House, buyer: str, end: str
) -> None:
    sales = free.runtime.sales
    hold = await free.hold(buyer, 3)
    paying = await free.runtime.holds.begin_payment(hold.hold_id, buyer)
    command = _command(buyer, paying, _request(hold.hold_id))
    assert (await sales.ledger.reserve(command)).outcome == "reserved"
    if end == "withdrawn":
        ended = await sales.cancelling.cancel(
            command.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
        )
        assert ended.status == BookingStatus.CANCELLED
    else:
        status = await sales.finishing.resolve(command.booking_id, due=end == "due")
        assert status == BookingStatus.CONFIRMED
    assert (await free.states())[3] == ("0" if end == "withdrawn" else "2")


def _command(buyer: str, paying: PaymentHold, request: BookingRequest) -> Reserve:
    *_, total = build_items(paying.facts, paying.seats, paying.areas, paying.prices)
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=msgspec.json.encode(request),
        reference="0" * 10,
        request_id="a-request",
        request=request,
        hold=paying,
        amount=total.amount,
    )


async def test_a_card_makes_no_difference_but_the_mailbox_does(free: House) -> None:
    sales, card = free.runtime.sales, "tok_declined_card_4242"
    people = [new_id() for _ in range(3)]
    for no, person in enumerate(people[:2]):
        hold = await free.hold(person, 2 * no, 2 * no + 1)
        request = _request(hold.hold_id, card, f"{person}@example.com")
        assert (await sales.checkout.book(person, new_id(), request))[0].outcome == "confirmed"
    hold = await free.hold(people[2], 5)
    request = _request(hold.hold_id, email=f"{people[0]}@example.com")
    with pytest.raises(LimitReached):
        await sales.checkout.book(people[2], new_id(), request)


async def test_what_costs_something_needs_a_payment(free: House, buyer: str) -> None:
    hold = await free.hold(buyer, 3, floor=1)
    with pytest.raises(InvalidInput) as refused:
        await free.runtime.sales.checkout.book(buyer, new_id(), _request(hold.hold_id))
    assert refused.value.code == "payment-required"
    assert "30.00 EUR" in refused.value.detail
    # It is an ordinary hold again.
    assert (await free.runtime.holds.read(hold.hold_id, buyer)).status == "held"


def test_nobody_chooses_to_pay_nothing() -> None:
    payments = Payments({}, timeout_s=1)
    with pytest.raises(InvalidInput) as refused:
        payments.for_checkout("free")
    assert refused.value.code == "unknown-payment-provider"
