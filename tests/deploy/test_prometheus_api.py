"""Debian's Prometheus scrapes the running product, and its queries give the expected values."""

import asyncio
import math
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets

from tests.conftest import REPO, House, Stack, end_process, free_port
from tests.deploy.test_observability import DASHBOARDS, expressions, in_time, rules
from tests.support.http import Buyer
from tests.support.programs import need

pytestmark = pytest.mark.contract

_HOLDS = 'method="POST",route="/v1/events/{event_id}/holds"'
_CONFIG = """\
global: {{scrape_interval: 1s, evaluation_interval: 500ms}}
rule_files: [{alerts}]
scrape_configs:
  - job_name: api
    static_configs: [{{targets: ["{api}"]}}]
  - job_name: live
    static_configs: [{{targets: ["{live}"]}}]
  - job_name: worker
    static_configs: [{{targets: ["{worker}", "127.0.0.1:{nobody}"]}}]
"""


class Prometheus:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def query(self, expr: str) -> list[dict[str, Any]]:
        answer = (await self._http.get("/api/v1/query", params={"query": expr})).json()
        assert answer["status"] == "success", (expr, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def until(self, expr: str, least: float) -> float:
        """The value of ``expr``, once it is at least this much."""
        async with asyncio.timeout(60):
            while True:
                found = await self.query(expr)
                value = float(found[0]["value"][1]) if found else math.nan
                if value >= least:
                    return value
                await asyncio.sleep(0.1)

    async def alerts(self) -> dict[str, str]:
        answer = (await self._http.get("/api/v1/alerts")).json()
        return {a["labels"]["alertname"]: a["state"] for a in answer["data"]["alerts"]}


@pytest.fixture(scope="module")
def nobody() -> int:
    """A port on which no worker answers."""
    return free_port()


@pytest_asyncio.fixture(scope="module")
async def prometheus(
    stack: Stack, nobody: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Prometheus]:
    program = need("prometheus")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    targets = {
        role: url.partition("://")[2]
        for role, url in (
            ("api", stack.api_url),
            ("live", stack.live_url),
            ("worker", stack.worker_url),
        )
    }
    config = folder / "prometheus.yml"
    alerts = REPO / "deploy" / "prometheus" / "alerts.yml"
    config.write_text(_CONFIG.format(alerts=alerts, nobody=nobody, **targets))
    port = free_port()
    process = subprocess.Popen(
        [
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            async with asyncio.timeout(60):
                while True:
                    try:
                        if (await http.get("/-/ready")).status_code == 200:
                            break
                    except httpx.TransportError:
                        assert process.poll() is None
                    await asyncio.sleep(0.05)
            yield Prometheus(http)
    finally:
        end_process(process)


@pytest.mark.parametrize("role", ["api", "live", "worker"])
async def test_names_and_units_of_a_process_pass_promtool(
    stack: Stack, house: House, role: str
) -> None:
    base = {"api": stack.api_url, "live": stack.live_url, "worker": stack.worker_url}[role]
    async with httpx.AsyncClient(base_url=base, timeout=60) as http:
        exported = await http.get("/metrics")
    assert exported.headers["content-type"].startswith("text/plain; version=")
    for name in ("process_max_fds", "frontrow_event_loop_lag_seconds_count"):
        assert f"\n{name} " in exported.text
    checked = await asyncio.to_thread(
        subprocess.run,
        [need("promtool"), "check", "metrics"],
        input=exported.content,
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


async def test_every_process_is_scraped(prometheus: Prometheus, nobody: int) -> None:
    # Over time: on a busy machine a scrape may exceed its limit of one second.
    ever = "max_over_time(up[1m])"
    await prometheus.until(f"sum({ever})", 3)
    await prometheus.until(f"count({ever})", 4)
    up = {
        (found["metric"]["job"], found["metric"]["instance"]): found["value"][1]
        for found in await prometheus.query(ever)
    }
    assert sorted(up.values()) == ["0", "1", "1", "1"]
    assert up["worker", f"127.0.0.1:{nobody}"] == "0"
    samples = await prometheus.query("scrape_samples_post_metric_relabeling")
    assert all(float(found["value"][1]) < 4000 for found in samples)


_HOLDS_SERVED = f'frontrow_http_requests_total{{{_HOLDS},status_class="2xx"}}'


async def exported(stack: Stack, series: str) -> float:
    """The API's own figure at this moment; Prometheus has that of a second ago."""
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=60) as http:
        text = (await http.get("/metrics")).text
    (value,) = re.findall(rf"^{re.escape(series)} (.*)", text, re.MULTILINE)
    return float(value)


async def test_an_answer_from_memory_counts_for_its_route(
    stack: Stack, house: House, ada: Buyer
) -> None:
    before = await exported(stack, _HOLDS_SERVED)
    for replayed in (None, "true"):
        answer = await ada.http.post(
            f"/v1/events/{house.event_id}/holds",
            json={"seats": [6]},
            headers=ada.auth | {"Idempotency-Key": f"counted-{house.event_id}"},
        )
        assert answer.headers.get("idempotency-replayed") == replayed
    async with asyncio.timeout(60):
        # A request is counted when its answer has been sent.
        while (counted := await exported(stack, _HOLDS_SERVED)) < before + 2:
            await asyncio.sleep(0.05)
    assert counted == before + 2


async def test_buyer_metrics_can_be_queried(
    prometheus: Prometheus, stack: Stack, house: House, ada: Buyer
) -> None:
    await prometheus.until(_HOLDS_SERVED, 0)
    before = await exported(stack, 'frontrow_holds_total{outcome="held"}')
    subprotocol = websockets.Subprotocol("frontrow.v1")
    async with websockets.connect(
        f"{stack.live_url}/v1/live/{house.event_id}", subprotocols=[subprotocol]
    ):
        for seat in (1, 2, 3):
            hold_id = (await ada.hold(house.event_id, seat)).json()["hold_id"]
        assert (await ada.book(hold_id)).status_code == 201
        held = await prometheus.until('frontrow_holds_total{job="api",outcome="held"}', before + 3)
        assert held == before + 3
        watchers = 'sum(frontrow_live_connections{subprotocol="frontrow.v1"})'
        assert await prometheus.until(watchers, 1) >= 1
    requests = f'sum(rate(frontrow_http_requests_total{{{_HOLDS},status_class="2xx"}}[1m]))'
    assert await prometheus.until(requests, 0.01) > 0
    p99 = "histogram_quantile(0.99, sum by (le) (rate({}_bucket{{{}}}[1m])))"
    hold_s = await prometheus.until(p99.format("frontrow_http_request_seconds", _HOLDS), 0.0001)
    assert hold_s <= 10
    for name in ("frontrow_postgres_pool_wait_seconds", "frontrow_event_loop_lag_seconds"):
        assert 0 < await prometheus.until(p99.format(name, 'job="api"'), 0) < 10
    propagated = p99.format("frontrow_live_propagation_seconds", "")
    assert 0 < await prometheus.until(propagated, 0) < 10


async def test_every_panel_and_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    for path in DASHBOARDS:
        for _, expr, _ in expressions(path):
            await prometheus.query(in_time(expr))
    for rule in rules():
        await prometheus.query(rule["expr"])


async def test_only_the_alert_for_the_absent_worker_fires(
    prometheus: Prometheus, nobody: int
) -> None:
    async with asyncio.timeout(60):
        while "FrontrowDown" not in await prometheus.alerts():
            await asyncio.sleep(0.1)
    alerts = await prometheus.alerts()
    # The rule waits for a minute, which may be over by now on a busy machine.
    assert alerts["FrontrowDown"] in ("pending", "firing")
    assert "FrontrowFeedLost" not in alerts
    down = await prometheus.query('max_over_time(up{job=~"api|live|worker"}[1m]) == 0')
    assert [found["metric"]["instance"] for found in down] == [f"127.0.0.1:{nobody}"]
