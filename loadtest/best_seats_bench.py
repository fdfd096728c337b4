"""How long a buyer waits for the best seats while as many as in an on-sale want the same."""

import itertools
import statistics
from datetime import UTC, datetime, timedelta

from engine.catalog.model import EventDraft
from engine.local.demo.venues import arena
from loadtest.clients import http_client
from loadtest.stack import Bench, Figure

_CONNECTIONS = 32
_WARM = 500
#: With parties of two to six, about 14,000 of the 20,000 seats: from an empty house to a fairly full one.
_REQUESTS = 3_000


async def best_seats_p99_ms(bench: Bench) -> Figure:
    """Best seats for parties of 2 to 6 in the demo arena, found and held over HTTP by one process."""
    event_id = await _arena(bench)
    tokens = itertools.cycle(bench.tokens)
    requests = [
        http_client.post(
            f"/v1/events/{event_id}/holds",
            b'{"best":{"quantity":%d}}' % (2 + number % 5),
            next(tokens),
        )
        for number in range(_WARM + _REQUESTS)
    ]
    await _drive(bench.api_port, requests[:_WARM])
    result = await _drive(bench.api_port, requests[_WARM:])
    if set(result.statuses) != {201}:
        raise RuntimeError(f"expected 201 only, saw {dict(result.statuses)}")
    cuts = statistics.quantiles(result.latencies_s, n=100)
    return Figure(
        1000 * cuts[98],
        {
            "p50_ms": 1000 * cuts[49],
            "max_ms": 1000 * max(result.latencies_s),
            "per_s": result.per_second,
        },
    )


async def _drive(port: int, requests: list[bytes]) -> http_client.Result:
    return await http_client.run("127.0.0.1", port, http_client.share(requests, _CONNECTIONS))


async def _arena(bench: Bench) -> str:
    document = arena()
    venue, _ = await bench.runtime.catalog.venues.import_plan(document)
    event = await bench.runtime.catalog.create_event(
        EventDraft(
            name="Bench",
            venue_id=venue.venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=30),
            currency="EUR",
            prices={category["name"]: 5000 for category in document["categories"]},
            buyer_limit=1000,
            hold_ttl_s=1800,
        )
    )
    await bench.runtime.events.publishing.publish(event.event_id)
    return event.event_id
