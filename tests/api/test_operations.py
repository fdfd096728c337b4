"""Health and metrics of all three processes."""

import asyncio

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import House, Stack, until_ready
from tests.support.http import Buyer, problem_of

pytestmark = pytest.mark.contract

ROLES = ("api", "live", "worker")


def url_of(stack: Stack, role: str) -> str:
    live = stack.live_url.replace("ws://", "http://")
    return {"api": stack.api_url, "live": live, "worker": stack.worker_url}[role]


async def samples(stack: Stack, role: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Every sample of a process by its name, after Prometheus' own parser has read them."""
    async with httpx.AsyncClient(timeout=60) as client:
        response = await client.get(url_of(stack, role) + "/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(response.text):
        assert family.documentation, family.name
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def total(found: dict[str, list[tuple[dict[str, str], float]]], name: str, **labels: str) -> float:
    matching = [v for had, v in found[name] if labels.items() <= had.items()]
    assert matching, (name, labels)
    return sum(matching)


@pytest.mark.parametrize("role", ROLES)
async def test_each_process_reports_its_health(stack: Stack, role: str) -> None:
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(f"{url_of(stack, role)}/health/live")).status_code == 200
    # A store that takes a second to answer counts as unavailable for that moment.
    await until_ready(url_of(stack, role))


async def test_readiness_of_the_api_names_its_stores(http: httpx.AsyncClient) -> None:
    ready = None
    async with asyncio.timeout(60):
        while ready != {"postgres": "ok", "redis": "ok", "mongo": "ok"}:
            ready = (await http.get("/health/ready")).json()
            assert ready.keys() == {"postgres", "redis", "mongo"}


@pytest.mark.parametrize("role", ROLES)
async def test_metric_names_carry_the_prefix_and_labels_are_bounded(
    stack: Stack, role: str
) -> None:
    found = await samples(stack, role)
    foreign = [n for n in found if not n.startswith(("frontrow_", "python_", "process_"))]
    assert foreign == []
    for name, values in found.items():
        if name.startswith("frontrow_"):
            assert len(values) < 2500, name
            for labels, _ in values:
                # No label takes a value that a client chooses.
                assert not any("-7" in value and len(value) == 36 for value in labels.values())


async def test_the_api_counts_the_actions_of_buyers(
    stack: Stack, house: House, ada: Buyer, bob: Buyer
) -> None:
    before = await samples(stack, "api")
    hold_id = (await ada.hold(house.event_id, 1)).json()["hold_id"]
    problem_of(await bob.hold(house.event_id, 1), 409, "seat-unavailable")
    problem_of(await bob.hold(house.event_id), 400, "empty-hold")
    await ada.book(hold_id)
    declined = (await bob.hold(house.event_id, 2)).json()["hold_id"]
    await bob.book(declined, "tok_declined")
    after = await samples(stack, "api")

    def grown(name: str, **labels: str) -> float:
        return total(after, name, **labels) - total(before, name, **labels)

    assert grown("frontrow_holds_total", outcome="held") >= 2
    assert grown("frontrow_holds_total", outcome="taken") >= 1
    assert grown("frontrow_holds_total", outcome="invalid") >= 1
    assert grown("frontrow_bookings_total", outcome="confirmed") >= 1
    assert grown("frontrow_bookings_total", outcome="declined") >= 1
    assert grown("frontrow_payments_total", outcome="captured") >= 1
    route = {"method": "POST", "route": "/v1/events/{event_id}/holds"}
    assert total(after, "frontrow_http_requests_total", **route, status_class="2xx") >= 2
    assert total(after, "frontrow_http_requests_total", **route, status_class="4xx") >= 1
    assert grown("frontrow_http_responses_total", status="201") >= 3
    assert grown("frontrow_http_responses_total", status="409") >= 1
    assert total(after, "frontrow_http_request_seconds_count", **route) >= 4
    for batch in ("reserve", "confirm", "redis"):
        assert grown("frontrow_batch_size_count", batch=batch) >= 1
    assert grown("frontrow_store_seconds_count", store="postgres") >= 2
    assert grown("frontrow_store_seconds_count", store="redis") >= 4
    assert total(after, "frontrow_store_seconds_count", store="mongo") >= 1


async def test_unknown_routes_share_one_label(stack: Stack, http: httpx.AsyncClient) -> None:
    for n in range(5):
        await http.get(f"/nothing/{n}")
    await http.request("BREW", "/v1/events")
    found = await samples(stack, "api")
    routes = {labels["route"] for labels, _ in found["frontrow_http_requests_total"]}
    assert "unmatched" in routes
    assert not any(route.startswith("/nothing") for route in routes)
    methods = {labels["method"] for labels, _ in found["frontrow_http_requests_total"]}
    assert "BREW" not in methods


async def test_the_gateway_counts_watchers_and_frames(
    stack: Stack, house: House, ada: Buyer
) -> None:
    url = f"{stack.live_url}/v1/live/{house.event_id}"
    async with websockets.connect(
        url,
        subprotocols=[websockets.Subprotocol("frontrow.v1.json")],
        origin=websockets.Origin(stack.api_url),
    ) as watcher:
        assert '"snapshot"' in str(await watcher.recv())
        during = await samples(stack, "live")
        assert total(during, "frontrow_live_connections", subprotocol="frontrow.v1.json") >= 1
        await ada.hold(house.event_id, 1)
        while '"delta"' not in str(await watcher.recv()):
            pass
    async with asyncio.timeout(60):
        # A frame is counted once it has been written to everybody.
        while total(await samples(stack, "live"), "frontrow_live_frames_total", kind="delta") < 1:
            await asyncio.sleep(0.02)
    after = await samples(stack, "live")
    assert total(after, "frontrow_live_frames_total", kind="snapshot") >= 1
    assert total(after, "frontrow_live_frames_total", kind="message") >= 0


async def test_the_worker_measures_its_lateness(stack: Stack) -> None:
    # Each step begins at its own time: right after its start a worker has done nothing yet.
    async with asyncio.timeout(60):
        for step in ("expire-holds", "reconcile"):
            while True:
                found = await samples(stack, "worker")
                if total(found, "frontrow_worker_runs_total", step=step, result="ok") >= 1:
                    break
                await asyncio.sleep(0.05)
    assert "frontrow_expiry_lateness_seconds_bucket" in found
    assert "frontrow_outbox_age_seconds" in found
    assert "frontrow_repairs_total" in found


async def test_the_gateway_keeps_a_valid_request_id_of_a_handshake(
    stack: Stack, house: House
) -> None:
    url = f"{stack.live_url}/v1/live/{house.event_id}"
    given = {}
    for name in ("mine-43", "not fit @all"):
        async with websockets.connect(url, additional_headers={"X-Request-Id": name}) as socket:
            assert socket.response is not None
            given[name] = socket.response.headers["X-Request-Id"]
    assert given["mine-43"] == "mine-43"
    assert given["not fit @all"] not in ("", "not fit @all")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Host": "tickets.example"},
        {"Host": "localhost.evil.example:8000"},
    ],
    ids=str,
)
async def test_health_and_metrics_are_refused_through_a_proxy(
    stack: Stack, headers: dict[str, str]
) -> None:
    urls = (stack.api_url, stack.live_url.replace("ws://", "http://"), stack.worker_url)
    async with httpx.AsyncClient(timeout=60) as http:
        for url in urls:
            for path in ("/metrics", "/health/live", "/health/ready"):
                assert (await http.get(url + path)).status_code == 200
                refused = await http.get(url + path, headers=headers)
                assert refused.status_code == 404
                assert "frontrow_" not in refused.text
