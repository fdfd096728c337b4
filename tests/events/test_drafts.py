"""A draft's blocked places: kept in its document, in force from the first moment of its sale."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from engine.audit.auditor import audit
from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, InvalidInput, SeatUnavailable
from engine.base.model import EventStatus, new_id
from engine.events.blocking import Blocking
from engine.runtime import Runtime
from tests.conftest import House, make_event, small_house

pytestmark = pytest.mark.integration


@pytest.fixture
async def draft(runtime: Runtime) -> House:
    return House(runtime, await make_event(runtime, publish=False))


async def block(house: House, *seats: int, floor: int = 0, reason: str | None = None) -> Blocking:
    areas = {0: floor} if floor else {}
    return await house.runtime.events.blocks.block(
        house.event_id, seats, areas=areas, reason=reason, actor=ORGANISER
    )


async def unblock(house: House, *seats: int, floor: int = 0) -> Blocking:
    areas = {0: floor} if floor else {}
    return await house.runtime.events.blocks.unblock(
        house.event_id, seats, areas=areas, actor=ORGANISER
    )


async def publish(house: House) -> None:
    await house.runtime.events.publishing.publish(house.event_id)


async def floor_left(house: House) -> int:
    return (await house.runtime.live.reading.snapshot(house.event_id)).areas[0]


async def fetch(house: House, statement: str) -> list[Any]:
    async with house.runtime.stores.view.connection() as connection:
        return list(await connection.fetch(statement, house.event_id))


async def test_a_draft_goes_on_sale_with_its_blocked_places(draft: House, buyer: str) -> None:
    answer = await block(draft, 3, 1, 3, floor=2, reason="The choir sits there.")
    assert (answer.seats, answer.refused, answer.areas) == ([1, 3], [], {"0": 2})
    again = await block(draft, 3, 4)
    assert (again.seats, [(seat.seat_no, seat.reason) for seat in again.refused]) == (
        [4],
        [(3, "already")],
    )
    back = await unblock(draft, 4, 5, floor=1)
    assert (back.seats, [seat.reason for seat in back.refused]) == ([4], ["not-blocked"])
    assert back.areas == {"0": 1}
    rows = await fetch(draft, "SELECT action, details FROM audit WHERE event_id = $1")
    assert rows[0]["details"] == {
        "seats": [1, 3],
        "areas": {"0": 2},
        "reason": "The choir sits there.",
    }
    assert [row["action"] for row in rows] == ["seats-blocked", "seats-blocked", "seats-unblocked"]

    await publish(draft)
    assert (await draft.states()).startswith("030300")
    assert await floor_left(draft) == 5
    with pytest.raises(SeatUnavailable):
        await draft.hold(buyer, 1)
    with pytest.raises(Conflict):
        await draft.hold(buyer, floor=6)
    await draft.hold(buyer, 0, floor=5)
    assert await audit(draft.runtime.audit, draft.event_id, quiet=True) == []
    # They are ordinary blocked places from here on.
    await unblock(draft, 1)
    await draft.hold(new_id(), 1)


async def test_a_whole_area_may_be_blocked_and_given_back_on_sale(draft: House, buyer: str) -> None:
    # Asking for more than there is blocks what there is.
    assert (await block(draft, floor=50)).areas == {"0": 6}
    assert (await block(draft, floor=1)).areas == {}
    await publish(draft)
    assert await floor_left(draft) == 0
    with pytest.raises(Conflict):
        await draft.hold(buyer, floor=1)
    assert (await unblock(draft, floor=4)).areas == {"0": 4}
    hold = await draft.hold(buyer, floor=3)
    # Held places stay held; the free one can be blocked.
    assert (await block(draft, floor=4)).areas == {"0": 1}
    assert await floor_left(draft) == 0
    await draft.book(buyer, hold)
    assert (await unblock(draft, floor=9)).areas == {"0": 3}
    assert await floor_left(draft) == 3
    assert await audit(draft.runtime.audit, draft.event_id) == []


async def test_nobody_can_hold_a_blocked_place_in_the_instant_after_publishing(
    draft: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has the event on sale, and Redis has not loaded it yet: a hold comes in between."""
    await block(draft, 0, 1, floor=6)
    reading, reached, go_on = draft.runtime.live.reading, asyncio.Event(), asyncio.Event()
    snapshot = reading.snapshot

    async def late(*args: Any, **options: Any) -> Any:
        reached.set()
        await go_on.wait()
        return await snapshot(*args, **options)

    monkeypatch.setattr(reading, "snapshot", late)
    publishing = asyncio.create_task(publish(draft))
    await reached.wait()
    assert (await draft.runtime.catalog.event(draft.event_id)).status == EventStatus.PUBLISHING
    for seat in (0, 1):
        with pytest.raises(SeatUnavailable):
            await draft.hold(buyer, seat)
    with pytest.raises(Conflict):
        await draft.hold(buyer, floor=1)
    await draft.hold(buyer, 2)
    go_on.set()
    await publishing
    monkeypatch.undo()
    assert (await draft.states()).startswith("3310")


async def test_a_block_while_the_draft_is_published_is_in_force_or_refused(
    draft: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event turns from a draft to being published after the command has read it."""
    catalog, runtime = draft.runtime.catalog, draft.runtime
    keep, facts = catalog.keep_from_sale, catalog.facts
    reached, go_on = asyncio.Event(), asyncio.Event()
    publishing: asyncio.Task[None] | None = None

    async def slow_facts(event_id: str) -> Any:
        reached.set()
        await go_on.wait()
        return await facts(event_id)

    async def too_late(*args: Any) -> bool:
        nonlocal publishing
        publishing = asyncio.create_task(publish(draft))
        await reached.wait()
        return await keep(*args)

    monkeypatch.setattr(catalog, "facts", slow_facts)
    monkeypatch.setattr(catalog, "keep_from_sale", too_late)
    with pytest.raises(Conflict) as refused:
        await block(draft, 7)
    assert refused.value.code == "event-not-published"
    go_on.set()
    assert publishing is not None
    await publishing
    monkeypatch.undo()
    assert "3" not in await draft.states()
    assert (await runtime.catalog.event(draft.event_id)).blocked_seats == []


async def test_two_blocks_of_a_draft_at_once_are_both_kept(draft: House) -> None:
    await asyncio.gather(*(block(draft, seat, floor=1) for seat in range(6)))
    await publish(draft)
    assert (await draft.states()).startswith("3333330")
    assert await floor_left(draft) == 0


@pytest.mark.parametrize(
    ("seats", "areas"), [([50], {}), ([-1], {}), ([0, 10**30], {}), ([], {1: 1}), ([0], {-1: 1})]
)
async def test_what_a_draft_does_not_have_cannot_be_blocked(
    draft: House, seats: list[int], areas: Mapping[int, int]
) -> None:
    for command in (draft.runtime.events.blocks.block, draft.runtime.events.blocks.unblock):
        with pytest.raises(InvalidInput) as unknown:
            await command(draft.event_id, seats, areas=areas, actor=ORGANISER)
        assert unknown.value.code == "no-such-seat"
    assert (await draft.runtime.catalog.event(draft.event_id)).version == 1


async def test_a_cancelled_draft_stays_hidden(draft: House) -> None:
    cancelled = await draft.runtime.events.publishing.cancel(draft.event_id)
    assert not cancelled.is_public
    with pytest.raises(Conflict):
        await block(draft, 1)


async def test_a_house_of_areas_only_can_be_blocked(runtime: Runtime) -> None:
    plan = small_house(rows=2)
    plan["sections"] = []
    draft = House(runtime, await make_event(runtime, layout=plan, publish=False))
    assert (await block(draft, floor=2)).areas == {"0": 2}
    with pytest.raises(InvalidInput):
        await block(draft, 0)
    await publish(draft)
    assert await floor_left(draft) == 4
