"""What operators look at exists: every series at the start, every panel, every alert and its runbook."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import REPO, TOKEN_SECRET
from tests.support.programs import need
from tests.support.promql import Selector, named

pytestmark = pytest.mark.integration

PROMETHEUS = REPO / "deploy" / "prometheus"
DASHBOARDS = sorted((REPO / "deploy" / "grafana" / "dashboards").glob("*.json"))
_GRAFANA = {"$__rate_interval": "1m", "$__range": "1h"}
#: Labels that Prometheus itself adds.
_TARGET = frozenset(("job", "instance"))
_OF_PROMETHEUS = {"up": frozenset[str](), "ALERTS": frozenset(("alertname", "alertstate"))}
#: All series that our processes export before anything has happened.
_PROGRAM = """
import asyncio, sys
from api.app import create_app
from engine.base.config import load_settings
from engine.runtime import build
from engine.stores.generation import Generation
from engine.stores.mongo import Mongo
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore
from engine.stores.stores import Stores
from engine.worker.worker import Worker
from prometheus_client import generate_latest
import api.connections
import seatmap.server

async def main():
    settings = load_settings()
    create_app()
    mongo = Mongo("mongodb://127.0.0.1:1", "nothing")
    postgres = Postgres("postgresql://127.0.0.1:1/nothing", size=2)
    redis = RedisStore("redis://127.0.0.1:1")
    pools = dict.fromkeys(("sell", "house", "worker", "view"), postgres)
    generation = Generation(postgres, redis)
    stores = Stores(**pools, redis=redis, mongo=mongo, generation=generation)
    Worker(build(settings, stores).steps())
    sys.stdout.buffer.write(generate_latest())

asyncio.run(main())
"""

Exported = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def fresh_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    environment = {
        "PATH": "/usr/bin:/bin",
        "FRONTROW_TOKEN_SECRET": TOKEN_SECRET,
        "FRONTROW_DATA_DIR": str(tmp_path_factory.mktemp("observed")),
    }
    made = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=REPO,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr.decode()
    return made.stdout.decode()


@pytest.fixture(scope="module")
def exported(fresh_text: str) -> Exported:
    """Labels of every sample by its name."""
    found: Exported = {}
    for family in text_string_to_metric_families(fresh_text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def expressions(path: Path) -> list[tuple[str, str, str]]:
    """(where, PromQL, legend) of a dashboard's panels."""
    board = json.loads(path.read_text())
    return [
        (f"{path.name}: {panel['title']}", target["expr"], target["legendFormat"])
        for panel in board["panels"]
        for target in panel["targets"]
    ]


def in_time(expr: str) -> str:
    """A panel's expression with Grafana's time variables replaced."""
    for name, value in _GRAFANA.items():
        expr = expr.replace(name, value)
    return expr


def rules() -> list[dict[str, str]]:
    """Name and expression of every alert, as promtool reads them from YAML."""
    text = (PROMETHEUS / "alerts.yml").read_text()
    found = []
    for block in re.split(r"^      - alert: ", text, flags=re.MULTILINE)[1:]:
        expr = re.search(r"expr: (?:>-\n)?(.*?)\n        (?:for|labels):", block, re.DOTALL)
        assert expr, block
        found.append({"name": block.split("\n")[0], "expr": " ".join(expr[1].split())})
    return found


def complaints(exported: Exported, expr: str) -> list[str]:
    """Series that ``expr`` names and that do not exist from the start."""
    selectors, grouped = named(expr)
    assert selectors, expr
    known = set(_TARGET)
    wrong = []
    for selector in selectors:
        if selector.metric in _OF_PROMETHEUS:
            known |= _OF_PROMETHEUS[selector.metric]
            continue
        series = exported.get(selector.metric, [])
        known.update(*series)
        if not any(_selects(selector, labels) for labels in series):
            wrong.append(f"nothing exports {selector}")
    wrong += [f"no metric of it has the label {label}" for label in grouped - known]
    return wrong


def _selects(selector: Selector, labels: dict[str, str]) -> bool:
    for label, operator, value in selector.matchers:
        if label in _TARGET:
            continue
        had = labels.get(label)
        if had is None:
            return False
        matches = re.fullmatch(value, had) is not None if "~" in operator else had == value
        if matches == operator.startswith("!"):
            return False
    return True


def test_every_panel_uses_exported_metrics(exported: Exported) -> None:
    assert [path.stem for path in DASHBOARDS] == ["business", "buyers", "engine", "live", "stores"]
    wrong = {
        where: found
        for path in DASHBOARDS
        for where, expr, legend in expressions(path)
        if (found := complaints(exported, expr) + _unknown_in_legend(exported, expr, legend))
    }
    assert wrong == {}


def _unknown_in_legend(exported: Exported, expr: str, legend: str) -> list[str]:
    known = set(_TARGET)
    for selector in named(expr)[0]:
        known.update(*exported.get(selector.metric, []), _OF_PROMETHEUS.get(selector.metric, ()))
    return [label for label in re.findall(r"{{(\w+)}}", legend) if label not in known]


def test_every_alert_uses_exported_metrics(exported: Exported) -> None:
    wrong = {
        rule["name"]: found for rule in rules() if (found := complaints(exported, rule["expr"]))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    "expr",
    [
        "rate(frontrow_no_such_total[5m])",
        'frontrow_holds_total{outcome="unheard-of"}',
        'frontrow_holds_total{colour="red"}',
        "sum by (colour) (frontrow_holds_total)",
        'frontrow_http_responses_total{status=~"9.."}',
    ],
)
def test_a_metric_that_is_not_exported_is_found(exported: Exported, expr: str) -> None:
    assert complaints(exported, expr)


def test_every_metric_is_in_the_documentation(exported: Exported) -> None:
    text = (REPO / "docs" / "operations.md").read_text()
    told = set(re.findall(r"`(frontrow_\w+)`", text))
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported}
    assert {name for name in families if name.startswith("frontrow_")} == told


def test_every_series_begins_at_zero(fresh_text: str) -> None:
    moved = [
        line
        for line in fresh_text.splitlines()
        if line.startswith("frontrow_") and not line.endswith(" 0.0")
    ]
    # Settings, such as a token secret that is given, count as no event.
    assert moved == []


def test_names_and_units_pass_promtool(fresh_text: str) -> None:
    checked = subprocess.run(
        [need("promtool"), "check", "metrics"],
        input=fresh_text.encode(),
        capture_output=True,
        check=False,
    )
    assert (checked.returncode, checked.stderr.decode()) == (0, "")


def test_dashboards_match_their_source() -> None:
    build = REPO / "deploy" / "grafana" / "build.py"
    made = subprocess.run(
        [sys.executable, build, "--check"], capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stderr) == (0, "")


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: str(path.stem))
def test_each_dashboard_is_complete(path: Path) -> None:
    board: dict[str, Any] = json.loads(path.read_text())
    assert board["schemaVersion"] >= 39
    assert [v["type"] for v in board["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_panel_is_valid_promql(tmp_path: Path) -> None:
    """promtool reads rules and no dashboards, so it gets the panels as rules."""
    lines = ["groups:", "  - name: panels", "    rules:"]
    for path in DASHBOARDS:
        for _, expr, _ in expressions(path):
            lines += ["      - record: panel", f"        expr: {json.dumps(in_time(expr))}"]
            lines += [f"        labels: {{number: '{len(lines)}'}}"]
    rules_file = tmp_path / "panels.yml"
    rules_file.write_text("\n".join(lines))
    _promtool("check", "rules", str(rules_file))


def _promtool(*arguments: str) -> None:
    run = subprocess.run(
        [need("promtool"), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", ["prometheus.yml", "one-machine.yml"])
def test_prometheus_accepts_the_configuration(name: str) -> None:
    _promtool("check", "config", name)


def test_alerts_fire_and_stay_silent_as_their_tests_say() -> None:
    _promtool("test", "rules", "alerts_test.yml")


def test_every_alert_has_a_test_and_a_runbook() -> None:
    tested = (PROMETHEUS / "alerts_test.yml").read_text()
    runbook = (REPO / "docs" / "observability.md").read_text()
    for rule in rules():
        name = rule["name"]
        # Each alert is tested silent on a good day, silent before its time, and firing.
        assert tested.count(f"alertname: {name}, ") == 2, name
        assert tested.count(f"alertname: {name}\n") == 1, name
        assert f"### {name}\n" in runbook, name
        assert (
            f"runbook: docs/observability.md#{name.lower()}\n"
            in (PROMETHEUS / "alerts.yml").read_text()
        ), name
