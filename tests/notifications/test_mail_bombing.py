# ruff: noqa: F811 - fixtures of another file are asked for by their names.
"""Mails to an address that another person entered: few, and never delaying tickets."""

import asyncio
from collections import Counter

import msgspec
import pytest

from engine.base.actor import ORGANISER, Actor, ActorKind
from engine.base.errors import Conflict, Unavailable
from engine.base.mail_addresses import mailbox
from engine.base.model import Buyer, new_id
from engine.notifications.allowance import allowed
from engine.notifications.facts import Due
from engine.notifications.model import MailKind
from engine.runtime import Runtime, open_runtime
from engine.waitlist.model import Contact, Wanted
from tests.conftest import House, make_event, small_house
from tests.notifications.test_notifications import (  # noqa: F401 - fixtures
    box,
    enqueue,
    house,
    post,
    post_url,
    prove,
    send,
)
from tests.support.mail import Mailbox
from tests.support.post import statuses

pytestmark = pytest.mark.integration

VICTIM = "victim@example.com"


async def queue(runtime: Runtime, kind: str, event_id: str, emails: list[str]) -> None:
    """Queue one mail per address, each for another person."""
    people, count = [new_id() for _ in emails], len(emails)
    async with runtime.stores.view.connection() as connection:
        made = await connection.fetchval(
            "SELECT enqueue_notifications(array_agg(ROW("
            "  $1::text, p, $2::uuid, p, email, '', 'en', '{}')::notification_command))"
            " FROM unnest($3::uuid[], $4::text[]) a(p, email)",
            *(kind, event_id, people, emails),
        )
    assert made == count


def kinds(box: Mailbox) -> Counter[str]:
    return Counter(str(message["X-Frontrow-Kind"]) for message in box.accepted)


async def join(post: Runtime, event_id: str, email: str, **wanted: object) -> None:
    contact = Contact(buyer=Buyer(email, "Victim"))
    wish = Wanted(**{"quantity": 1, **wanted})  # type: ignore[arg-type]
    await post.waitlist.entries.join(event_id, new_id(), wish, contact)


async def sold_out(post: Runtime) -> House:
    house = House(
        post,
        await make_event(
            post, layout=small_house(rows=1, seats_per_row=4, floor=2), buyer_limit=10
        ),
    )
    await house.hold(new_id(), 0, 1, 2, 3, floor=2)
    return house


async def test_one_victim_joined_by_a_crowd_gets_one_mail(post: Runtime, box: Mailbox) -> None:
    house = await sold_out(post)
    # Other spellings are the same mailbox.
    spelt = (VICTIM, "Victim@Example.com", "victim+7@example.com")
    await asyncio.gather(*(join(post, house.event_id, spelt[no % 3]) for no in range(60)))
    await send(post)
    assert kinds(box) == {"waitlist-joined": 1}
    assert (await statuses(post))["waitlist-joined", "skipped"] == 59
    [mail] = await post.notifications.deliveries.mails(email="Victim@Example.com", limit=1)
    assert mail.reason in ("enough-for-a-day", None)


async def test_two_workers_at_once_share_one_allowance(post: Runtime, box: Mailbox) -> None:
    event_id = await make_event(post)
    await queue(post, "welcome", event_id, [VICTIM] * 300)
    async with open_runtime(post.settings, role="test") as other:
        await asyncio.gather(send(post), send(other))
    assert kinds(box) == {"welcome": 3}


async def let_through(post: Runtime) -> int:
    """How many of the due mails may leave today."""
    worker = new_id()
    rows = await post.stores.view.fetch("notifications.claim", worker, 1000, 60.0)
    return len(
        await allowed(post.stores.view, worker, [msgspec.convert(dict(r), Due) for r in rows])
    )


@pytest.mark.parametrize(
    ("kind", "about_one", "in_all"),
    [
        ("booking-confirmed", 5, 20),
        ("booking-links", 5, 20),
        # A waiting person may get several offers a day.
        ("offer-made", 5, 30),
        ("offer-expiring", 5, 30),
        # A person who lost the first mail asks for another one.
        ("welcome", 3, 10),
        ("waitlist-joined", 1, 10),
    ],
)
async def test_each_kind_has_a_limit_per_event_and_in_all(
    post: Runtime, kind: str, about_one: int, in_all: int
) -> None:
    await queue(post, kind, new_id(), [VICTIM] * (about_one + 2))
    assert await let_through(post) == about_one
    for _ in range(in_all):
        await queue(post, kind, new_id(), [VICTIM])
    assert await let_through(post) == in_all - about_one


async def test_many_events_do_not_circumvent_the_limit(
    post: Runtime, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.allowance.most", lambda _: (1, 2))
    for no in range(4):
        await queue(post, "welcome", await make_event(post), [f"victim+{no}@example.com"])
    await send(post)
    assert kinds(box) == {"welcome": 2}


async def test_tickets_leave_before_other_queued_mails(
    post: Runtime, box: Mailbox, house: House
) -> None:
    await queue(post, "welcome", house.event_id, [f"g{no}@example.com" for no in range(150)])
    person = new_id()
    await house.book(person, await house.hold(person, 1))
    one_by_one = msgspec.structs.replace(post.settings, mail_concurrency=1)
    async with open_runtime(one_by_one, role="test") as other:
        await other.notifications.sender.run_once()
    assert str(box.accepted[0]["X-Frontrow-Kind"]) == "booking-confirmed"


async def test_each_booking_is_confirmed_by_mail(
    post: Runtime, box: Mailbox, house: House, buyer: str
) -> None:
    for seat in range(7):
        await house.book(buyer, await house.hold(buyer, seat))
    await send(post)
    assert kinds(box) == {"booking-confirmed": 7}


async def book_free(house: House, count: int) -> None:
    """Free bookings, all to one mailbox, whoever books."""
    for seat in range(count):
        person = new_id()
        request = house.request(await house.hold(person, seat))
        await house.runtime.sales.checkout.book(person, new_id(), request)
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute("UPDATE bookings SET amount_minor = 0")


async def become_another_day(post: Runtime) -> None:
    async with post.stores.view.connection() as connection:
        await connection.execute("UPDATE mail_counts SET day = day - 1")
        await connection.execute("UPDATE notifications SET due_at = now() WHERE status = 'queued'")


async def test_mails_of_free_bookings_wait_for_the_proof_and_are_not_lost(
    post: Runtime, box: Mailbox, house: House
) -> None:
    await book_free(house, 7)
    await send(post)
    assert kinds(box) == {"booking-confirmed": 5}
    # They wait, and no alert is raised.
    assert (await statuses(post))["booking-confirmed", "queued"] == 2
    standing = await post.stores.view.fetchrow("notifications.standing")
    assert standing is not None
    assert standing["queued"] == 0
    await prove(post, "ADA@example.com")
    await post.notifications.watch.run_once()
    await send(post)
    assert kinds(box) == {"booking-confirmed": 7}


async def test_deferred_mails_leave_on_another_day(
    post: Runtime, box: Mailbox, house: House
) -> None:
    await book_free(house, 6)
    await send(post)
    await become_another_day(post)
    await send(post)
    assert kinds(box) == {"booking-confirmed": 6}


async def test_a_mail_beyond_the_share_of_a_proven_address_waits_until_the_next_day(
    post: Runtime, box: Mailbox, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.allowance._PROVEN_FACTOR", 1)
    await prove(post, "ada@example.com")
    await book_free(house, 6)
    await send(post)
    for _ in range(2):
        await post.notifications.watch.run_once()
        # Nothing is due: the mail was not released and deferred again.
        assert await post.notifications.sender.run_once() == 0
    assert kinds(box) == {"booking-confirmed": 5}
    standing = await post.stores.view.fetchrow("notifications.standing")
    assert standing is not None
    assert standing["queued"] == 0
    await become_another_day(post)
    await send(post)
    assert kinds(box) == {"booking-confirmed": 6}


# What is not sent


async def counted(post: Runtime) -> set[str]:
    """The kinds of mail that count for a mailbox today."""
    async with post.stores.view.connection() as connection:
        return {row["kind"] for row in await connection.fetch("SELECT kind FROM mail_counts")}


async def test_lookups_of_addresses_without_bookings_use_up_no_allowance(
    post: Runtime, box: Mailbox, house: House, buyer: str
) -> None:
    await house.book(buyer, await house.hold(buyer, 3))
    for no in range(20):
        await post.people.links.look_up(f"ada+{no}@example.com")
    await post.people.links.look_up("ada@example.com")
    await send(post)
    assert kinds(box) == {"booking-confirmed": 1, "booking-links": 1}
    assert (await statuses(post))["booking-links", "skipped"] == 20


async def test_a_confirmation_of_a_cancelled_booking_uses_up_no_allowance(
    post: Runtime, house: House, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 3))
    await post.sales.cancelling.cancel(
        answer.booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    await send(post)
    assert (await statuses(post))["booking-confirmed", "skipped"] == 1
    assert await counted(post) == {"booking-cancelled", "booking-refunded"}


async def stand(post: Runtime, event_id: str, person: str) -> str:
    """Join the waitlist for one place. Returns the entry_id."""
    contact = Contact(buyer=Buyer(VICTIM, "Victim"))
    entry, _ = await post.waitlist.entries.join(event_id, person, Wanted(quantity=1), contact)
    return entry.entry_id


async def test_a_waitlist_entry_that_was_left_uses_up_no_allowance(
    post: Runtime, buyer: str
) -> None:
    house = await sold_out(post)
    await post.waitlist.entries.leave(await stand(post, house.event_id, buyer), buyer)
    await send(post)
    assert await statuses(post) == {("waitlist-joined", "skipped"): 1}
    assert await counted(post) == set()


async def test_a_declined_offer_uses_up_no_allowance(
    post: Runtime, house: House, buyer: str
) -> None:
    keeper = new_id()
    first = await house.hold(keeper, 0)
    others = range(1, len(await house.states()))
    await house.hold(keeper, *others, floor=await house.floor_free())
    entry_id = await stand(post, house.event_id, buyer)
    await post.holds.release(first.hold_id, keeper)
    async with asyncio.timeout(60):
        while (offer := (await post.waitlist.entries.read(entry_id)).offer) is None:
            await post.waitlist.serve()
    await post.waitlist.offers.decline(offer.offer_id, buyer)
    await send(post)
    assert (await statuses(post))["offer-made", "skipped"] == 1
    assert await counted(post) == set()


async def test_a_mail_that_is_switched_off_uses_up_no_allowance(post: Runtime, buyer: str) -> None:
    house = await sold_out(post)
    await stand(post, house.event_id, buyer)
    unsubscribe = post.notifications.unsubscribe
    await unsubscribe.redeem(unsubscribe.token(buyer, "waitlist"))
    await send(post)
    assert await statuses(post) == {("waitlist-joined", "skipped"): 1}
    assert await counted(post) == set()


async def test_mails_wait_uncounted_while_a_store_is_away(
    post: Runtime, box: Mailbox, house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(booking_id: str) -> None:
        raise Unavailable("MongoDB is away.")

    await house.book(buyer, await house.hold(buyer, 3))
    with monkeypatch.context() as patched:
        patched.setattr(post.sales.reading, "read", away)
        assert await post.notifications.sender.run_once() == 0
    assert await counted(post) == set()
    async with post.stores.view.connection() as connection:
        # Released at once, not only when its lease expires.
        assert await connection.fetchval("SELECT leased_by FROM notifications") is None
    await become_another_day(post)
    await send(post)
    assert kinds(box) == {"booking-confirmed": 1}


async def test_unsent_mails_do_not_use_up_the_pace(
    post: Runtime, box: Mailbox, house: House
) -> None:
    """The pace allows one mail in 1000 seconds: a second one would have to wait that long."""
    await post.events.publishing.cancel(house.event_id)
    names = ("ada", "ben", "carl")
    await queue(post, "event-changed", house.event_id, [f"{name}@example.com" for name in names])
    await queue(post, "welcome", house.event_id, [f"=?{name}?=@example.com" for name in names])
    await queue(post, "welcome", house.event_id, ["dora@example.com"])
    slow = msgspec.structs.replace(post.settings, mail_per_second=0.001)
    async with open_runtime(slow, role="test") as other, asyncio.timeout(60):
        await send(other)
    assert await statuses(post) == {
        ("event-changed", "skipped"): 3,
        ("welcome", "dead"): 3,
        ("welcome", "sent"): 1,
    }


async def test_a_mail_resent_by_the_organiser_ignores_the_limit(
    post: Runtime, box: Mailbox
) -> None:
    event_id = await make_event(post)
    await queue(post, "welcome", event_id, [VICTIM] * 4)
    await send(post)
    mails = await post.notifications.deliveries.mails(email=VICTIM, kind=MailKind.WELCOME, limit=10)
    [skipped] = [mail for mail in mails if mail.reason]
    await post.notifications.deliveries.resend(skipped.mail_id, actor=ORGANISER)
    await send(post)
    assert len(box.accepted) == 4


@pytest.mark.parametrize(
    ("email", "same"),
    [
        ("Ada@Example.com", "ada@example.com"),
        ("ada+x+y@example.com", "ada@example.com"),
        ("a.da+1@googlemail.com", "ada@gmail.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("+@example.com", "+@example.com"),
        ("a.da@example.com", "a.da@example.com"),
    ],
)
def test_spellings_of_one_mailbox_are_recognised(email: str, same: str) -> None:
    assert mailbox(email) == same


@pytest.mark.parametrize(
    "wanted",
    [
        {"quantity": 5, "together": True, "sections": ["Stalls"]},
        {"quantity": 5, "together": False, "sections": ["Stalls"]},
        {"quantity": 3, "sections": ["Floor"]},
        {"quantity": 7, "together": False},
        {"quantity": 1, "categories": ["Front"], "sections": ["Floor"]},
    ],
)
async def test_wishes_that_can_never_be_served_are_refused(
    post: Runtime, wanted: dict[str, object]
) -> None:
    house = await sold_out(post)
    with pytest.raises(Conflict) as refused:
        await join(post, house.event_id, VICTIM, **wanted)
    assert refused.value.code == "wish-impossible"
    await join(post, house.event_id, VICTIM, quantity=4, sections=["Stalls"])


async def test_a_limit_below_every_floor_is_refused(post: Runtime) -> None:
    house = await sold_out(post)
    async with post.stores.view.connection() as connection:
        # A price without a rule may still become anything.
        await join(post, house.event_id, VICTIM, max_price=100)
        await connection.execute(
            "INSERT INTO pricing (event_id) VALUES ($1) ON CONFLICT DO NOTHING", house.event_id
        )
        await connection.execute(
            "INSERT INTO pricing_rules (event_id, rule_id, category_no, rule_no, rule, made_by, status, activated_at)"
            " SELECT event_id, gen_random_uuid(), category_no, 1, '{\"floor_minor\": 2000}', 'test', 'active', now()"
            " FROM categories WHERE event_id = $1",
            house.event_id,
        )
    with pytest.raises(Conflict) as refused:
        await join(post, house.event_id, VICTIM, max_price=1999)
    assert refused.value.code == "wish-impossible"
    assert "max_price" in refused.value.detail
    await join(post, house.event_id, VICTIM, max_price=2000)
