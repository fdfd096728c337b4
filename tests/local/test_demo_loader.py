"""The demo on stores that have had it for a while."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from engine.catalog.model import EventPatch
from engine.local.demo.events import demo_events
from engine.local.demo.loader import keep_ahead
from engine.runtime import Runtime
from tests.conftest import House

pytestmark = pytest.mark.integration


async def test_events_that_have_passed_get_a_new_date(runtime: Runtime, house: House) -> None:
    event = msgspec.structs.replace(demo_events()[0], event_id=house.event_id)
    for starts_at, is_moved in (
        (datetime.now(UTC) + timedelta(hours=1), False),
        (datetime.now(UTC) - timedelta(hours=1), True),
    ):
        before = await runtime.catalog.event(house.event_id)
        patch = EventPatch(starts_at=starts_at)
        await runtime.events.publishing.patch(house.event_id, patch, version=before.version)
        await keep_ahead(runtime, event)
        after = await runtime.catalog.event(house.event_id)
        assert (after.starts_at == event.starts_at) == is_moved
