#!/usr/bin/env python3
"""Writes the dashboards: `python3 deploy/grafana/build.py` (--check compares the files with its output).

Grafana needs some forty lines of JSON for a panel, of which two carry information. This file has those two;
the generated files in the folder are the ones that Grafana reads and that are delivered.
"""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
Panel = dict[str, Any]
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_FIRING = 'ALERTS{alertname=~"Frontrow.*",alertstate="firing"}'
_ALERTS_AS_MARKS = {
    "name": "Alerts",
    "datasource": _SOURCE,
    "enable": True,
    "iconColor": "red",
    "expr": _FIRING,
    "step": "15s",
    "titleFormat": "{{alertname}}",
    "textFormat": "{{job}} {{instance}}",
}
_HOLDS = 'method="POST",route="/v1/events/{event_id}/holds"'
_BOOKINGS = 'method="POST",route="/v1/bookings"'


def quantile(share: float, name: str, *by: str, where: str = "") -> str:
    """PromQL: the quantile of a histogram over the time between two points of the graph."""
    labels = ", ".join([*by, "le"])
    return (
        f"histogram_quantile({share}, sum by ({labels}) "
        f"(rate({name}_bucket{{{where}}}[$__rate_interval])))"
    )


def rate(name: str, *by: str, where: str = "") -> str:
    over = f" by ({', '.join(by)})" if by else ""
    return f"sum{over} (rate({name}{{{where}}}[$__rate_interval]))"


def mean(name: str, *by: str) -> str:
    over = f" by ({', '.join(by)})"
    top, bottom = (
        f"sum{over} (rate({name}_{part}[$__rate_interval]))" for part in ("sum", "count")
    )
    return f"{top} / {bottom}"


def graph(
    title: str,
    unit: str,
    *queries: tuple[str, str],
    limit: float | None = None,
    stacked: bool = False,
    about: str = "",
) -> Panel:
    """Lines over time. ``queries`` are (legend, PromQL); ``limit`` marks the threshold of an alert."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if limit is not None:
        steps.append({"color": "red", "value": limit})
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "line" if limit is not None else "off"},
    }
    return _panel(
        "timeseries",
        title,
        about,
        queries,
        {
            "unit": unit,
            "min": 0,
            "custom": custom,
            "thresholds": {"mode": "absolute", "steps": steps},
        },
        {
            "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["max", "last"]},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def figure(
    title: str, unit: str, expr: str, *, red_from: float | None = None, about: str = ""
) -> Panel:
    """One number, which turns red at ``red_from``."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if red_from is not None:
        steps.append({"color": "red", "value": red_from})
    return _panel(
        "stat",
        title,
        about,
        [("", expr)],
        {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps}, "noValue": "0"},
        {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
        },
    )


def _panel(
    kind: str,
    title: str,
    about: str,
    queries: Any,
    defaults: dict[str, Any],
    options: dict[str, Any],
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": expr,
                "legendFormat": legend,
            }
            for number, (legend, expr) in enumerate(queries)
        ],
    }


def dashboard(name: str, title: str, *panels: Panel) -> dict[str, Any]:
    """Arrange the panels: four figures in a row, or two graphs."""
    x = y = row_height = 0
    for number, panel in enumerate(panels, 1):
        width, height = (6, 4) if panel["type"] == "stat" else (12, 8)
        if x + width > 24 or (row_height and height != row_height):
            x, y = 0, y + row_height
        row_height = height
        panel |= {"id": number, "gridPos": {"x": x, "y": y, "w": width, "h": height}}
        x += width
    return {
        "uid": f"frontrow-{name}",
        "title": f"Frontrow: {title}",
        "tags": ["frontrow"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "",
        "annotations": {"list": [_ALERTS_AS_MARKS]},
        "links": [
            {
                "type": "dashboards",
                "title": "Frontrow",
                "tags": ["frontrow"],
                "asDropdown": False,
                "keepTime": True,
            }
        ],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                    "current": {},
                    "hide": 0,
                }
            ]
        },
        "panels": list(panels),
    }


DASHBOARDS = (
    dashboard(
        "buyers",
        "buyers",
        figure("Requests", "reqps", rate("frontrow_http_responses_total")),
        figure(
            "Answered 500",
            "short",
            'sum(increase(frontrow_http_responses_total{status="500"}[$__range]))',
            red_from=1,
            about="Always an error of the program; the log has it under the request's id.",
        ),
        figure(
            "Answered 503",
            "percentunit",
            rate("frontrow_http_responses_total", where='status="503"')
            + " / "
            + rate("frontrow_http_responses_total"),
            red_from=0.02,
        ),
        figure(
            "Hold, p99",
            "s",
            quantile(0.99, "frontrow_http_request_seconds", where=_HOLDS),
            red_from=0.25,
        ),
        graph(
            "Requests by class of status",
            "reqps",
            ("{{status_class}}", rate("frontrow_http_requests_total", "status_class")),
            stacked=True,
        ),
        graph(
            "Refusals and errors by status",
            "reqps",
            (
                "{{status}}",
                rate("frontrow_http_responses_total", "status", where='status=~"4..|5.."') + " > 0",
            ),
            stacked=True,
        ),
        graph(
            "Holding seats",
            "s",
            ("p50", quantile(0.5, "frontrow_http_request_seconds", where=_HOLDS)),
            ("p95", quantile(0.95, "frontrow_http_request_seconds", where=_HOLDS)),
            ("p99", quantile(0.99, "frontrow_http_request_seconds", where=_HOLDS)),
            limit=0.25,
        ),
        graph(
            "Booking and paying",
            "s",
            ("p50", quantile(0.5, "frontrow_http_request_seconds", where=_BOOKINGS)),
            ("p95", quantile(0.95, "frontrow_http_request_seconds", where=_BOOKINGS)),
            ("p99", quantile(0.99, "frontrow_http_request_seconds", where=_BOOKINGS)),
            about="With the payment gateway's time.",
        ),
        graph(
            "Busiest routes",
            "reqps",
            (
                "{{method}} {{route}}",
                "topk(8, " + rate("frontrow_http_requests_total", "method", "route") + ")",
            ),
        ),
        graph(
            "Slowest routes, p95",
            "s",
            (
                "{{method}} {{route}}",
                "topk(8, "
                + quantile(0.95, "frontrow_http_request_seconds", "method", "route")
                + ")",
            ),
        ),
        graph(
            "Holds by outcome",
            "ops",
            ("{{outcome}}", rate("frontrow_holds_total", "outcome")),
            stacked=True,
        ),
        graph(
            "Choices until best seats were held, mean",
            "short",
            (
                "choices",
                rate("frontrow_best_seats_attempts_sum")
                + " / "
                + rate("frontrow_best_seats_attempts_count"),
            ),
            limit=2,
        ),
    ),
    dashboard(
        "engine",
        "engine",
        figure(
            "Invariant violations",
            "short",
            "sum(increase(frontrow_invariant_violations_total[$__range]))",
            red_from=1,
        ),
        figure("Oldest debt", "s", "max(frontrow_outbox_age_seconds)", red_from=60),
        figure("Repairs", "short", "sum(increase(frontrow_repairs_total[$__range]))", red_from=1),
        figure("Rebuilds", "short", "sum(increase(frontrow_rebuilds_total[$__range]))"),
        graph(
            "Alerts that fire",
            "short",
            ("{{alertname}} {{job}}", f"count by (alertname, job) ({_FIRING})"),
            stacked=True,
            about="docs/observability.md has a runbook for each.",
        ),
        graph(
            "Processes that answer",
            "short",
            ("{{job}}", 'sum by (job) (up{job=~"api|live|worker"})'),
        ),
        graph(
            "Event loop lag, p99",
            "s",
            (
                "{{job}} {{instance}}",
                quantile(0.99, "frontrow_event_loop_lag_seconds", "job", "instance"),
            ),
            limit=0.1,
        ),
        graph(
            "Processor",
            "percentunit",
            (
                "{{job}} {{instance}}",
                'rate(process_cpu_seconds_total{job=~"api|live|worker"}[$__rate_interval])',
            ),
            about="1 is one processor, the maximum of one process.",
        ),
        graph(
            "Members per batch, mean",
            "short",
            ("{{batch}}", mean("frontrow_batch_size", "batch")),
        ),
        graph(
            "Lateness of expiry",
            "s",
            ("p50", quantile(0.5, "frontrow_expiry_lateness_seconds")),
            ("p99", quantile(0.99, "frontrow_expiry_lateness_seconds")),
            limit=2,
        ),
        graph(
            "Worker's steps, mean time of a round",
            "s",
            ("{{step}}", mean("frontrow_worker_run_seconds", "step")),
        ),
        graph(
            "Failed rounds",
            "ops",
            (
                "{{step}}",
                rate("frontrow_worker_runs_total", "step", where='result="failed"') + " > 0",
            ),
        ),
        graph(
            "Delivered by the relay",
            "ops",
            ("{{kind}}", rate("frontrow_outbox_delivered_total", "kind")),
            about="Work that a process left undone; 0 is normal.",
        ),
        graph(
            "Audits",
            "ops",
            ("{{outcome}}", rate("frontrow_audits_total", "outcome")),
            stacked=True,
        ),
        graph(
            "Audit, p99",
            "s",
            ("p99", quantile(0.99, "frontrow_audit_seconds")),
        ),
        graph(
            "Rebuild, p99",
            "s",
            ("p99", quantile(0.99, "frontrow_rebuild_seconds")),
        ),
        graph(
            "Memory",
            "bytes",
            ("{{job}} {{instance}}", 'process_resident_memory_bytes{job=~"api|live|worker"}'),
        ),
        graph(
            "Open files",
            "percentunit",
            (
                "{{job}} {{instance}}",
                'process_open_fds{job=~"api|live|worker"} / process_max_fds',
            ),
            limit=0.8,
        ),
    ),
    dashboard(
        "live",
        "live maps",
        figure("Watchers", "short", "sum(frontrow_live_connections)"),
        figure("Events watched", "short", "sum(frontrow_live_watched_events)"),
        figure(
            "Gateways without the feed",
            "short",
            "sum(1 - frontrow_live_feed_connected)",
            red_from=1,
        ),
        figure(
            "Change to map, p99",
            "s",
            quantile(0.99, "frontrow_live_propagation_seconds"),
            red_from=0.5,
        ),
        graph(
            "Watchers",
            "short",
            (
                "{{instance}} {{subprotocol}}",
                "sum by (instance, subprotocol) (frontrow_live_connections)",
            ),
            ("{{instance}} authenticated", "sum by (instance) (frontrow_live_authenticated)"),
        ),
        graph(
            "From change to the end of its broadcast",
            "s",
            ("p50", quantile(0.5, "frontrow_live_propagation_seconds")),
            ("p95", quantile(0.95, "frontrow_live_propagation_seconds")),
            ("p99", quantile(0.99, "frontrow_live_propagation_seconds")),
            limit=0.5,
        ),
        graph(
            "One tick to all watchers, p99",
            "s",
            ("{{instance}}", quantile(0.99, "frontrow_live_broadcast_seconds", "instance")),
        ),
        graph(
            "Frames",
            "ops",
            ("{{kind}}", rate("frontrow_live_frames_total", "kind")),
            stacked=True,
        ),
        graph("Sent", "Bps", ("{{instance}}", rate("frontrow_live_sent_bytes_total", "instance"))),
        graph(
            "Buffered for slow watchers",
            "bytes",
            ("{{instance}}", "sum by (instance) (frontrow_live_buffered_bytes)"),
        ),
        graph(
            "Slow watchers",
            "short",
            ("behind {{instance}}", "sum by (instance) (frontrow_live_behind)"),
            ("conflations/s", rate("frontrow_live_conflations_total")),
        ),
        graph(
            "Snapshots read again",
            "ops",
            ("{{reason}}", rate("frontrow_live_resyncs_total", "reason")),
            stacked=True,
        ),
        graph(
            "Returning watchers",
            "ops",
            ("{{outcome}}", rate("frontrow_live_resumes_total", "outcome")),
            ("drained", rate("frontrow_live_drained_total")),
        ),
        graph(
            "Closed by the gateway",
            "ops",
            ("{{code}}", rate("frontrow_live_closes_total", "code") + " > 0"),
            stacked=True,
        ),
        graph(
            "Personal messages",
            "ops",
            ("{{outcome}}", rate("frontrow_live_personal_messages_total", "outcome")),
        ),
        graph(
            "Tickets shown",
            "ops",
            ("{{outcome}}", rate("frontrow_live_tickets_total", "outcome")),
        ),
    ),
    dashboard(
        "stores",
        "stores",
        graph(
            "Store calls, p50",
            "s",
            ("{{store}}", quantile(0.5, "frontrow_store_seconds", "store")),
        ),
        graph(
            "Store calls, p99",
            "s",
            ("{{store}}", quantile(0.99, "frontrow_store_seconds", "store")),
            limit=0.5,
        ),
        graph(
            "Calls that failed because the store was away",
            "ops",
            ("{{store}}", rate("frontrow_store_failures_total", "store")),
            stacked=True,
        ),
        graph(
            "Calls",
            "ops",
            ("{{store}}", rate("frontrow_store_seconds_count", "store")),
            about="For Redis, of writes: each carries all commands of one turn of the loop.",
        ),
        graph(
            "Commands in one write to Redis",
            "short",
            ("p50", quantile(0.5, "frontrow_batch_size", where='batch="redis"')),
            ("p99", quantile(0.99, "frontrow_batch_size", where='batch="redis"')),
        ),
        graph(
            "Most frequent PostgreSQL queries",
            "ops",
            (
                "{{call}}",
                "topk(10, "
                + rate("frontrow_store_call_seconds_count", "call", where='store="postgres"')
                + ")",
            ),
        ),
        graph(
            "Queries with most of PostgreSQL's time",
            "percentunit",
            (
                "{{call}}",
                "topk(10, "
                + rate("frontrow_store_call_seconds_sum", "call", where='store="postgres"')
                + ")",
            ),
            about="1 is one connection that is busy all the time.",
        ),
        graph(
            "Wait for a connection, p99",
            "s",
            (
                "{{job}} {{instance}}",
                quantile(0.99, "frontrow_postgres_pool_wait_seconds", "job", "instance"),
            ),
            limit=0.25,
        ),
        graph(
            "Connections in use",
            "short",
            (
                "{{job}} {{instance}}",
                'frontrow_postgres_pool_connections{state="used"}',
            ),
            ("at most", "max(frontrow_postgres_pool_connections_max)"),
        ),
        graph(
            "How long a connection is kept",
            "s",
            ("p50", quantile(0.5, "frontrow_postgres_connection_held_seconds")),
            ("p99", quantile(0.99, "frontrow_postgres_connection_held_seconds")),
        ),
        graph(
            "MongoDB, mean time by call",
            "s",
            (
                "{{call}}",
                'sum by (call) (rate(frontrow_store_call_seconds_sum{store="mongo"}[$__rate_interval]))'
                ' / sum by (call) (rate(frontrow_store_call_seconds_count{store="mongo"}[$__rate_interval]))',
            ),
        ),
    ),
    dashboard(
        "business",
        "business",
        figure(
            "Bookings",
            "short",
            'sum(increase(frontrow_bookings_total{outcome="confirmed"}[$__range]))',
        ),
        figure(
            "Holds that became bookings",
            "percentunit",
            'sum(increase(frontrow_bookings_total{outcome="confirmed"}[$__range]))'
            ' / sum(increase(frontrow_holds_total{outcome="held"}[$__range]))',
        ),
        figure(
            "Payments declined",
            "percentunit",
            'sum(increase(frontrow_payments_total{outcome="declined"}[$__range]))'
            " / sum(increase(frontrow_payments_total[$__range]))",
        ),
        figure(
            "Offers used",
            "percentunit",
            'sum(increase(frontrow_offers_total{outcome="used"}[$__range]))'
            ' / sum(increase(frontrow_offers_total{outcome="made"}[$__range]))',
        ),
        graph(
            "Bookings by how a step ended",
            "ops",
            ("{{outcome}}", rate("frontrow_bookings_total", "outcome")),
        ),
        graph(
            "Holds requested and granted",
            "ops",
            ("asked", rate("frontrow_holds_total")),
            ("held", rate("frontrow_holds_total", where='outcome="held"')),
        ),
        graph(
            "Payments",
            "ops",
            ("{{outcome}}", rate("frontrow_payments_total", "outcome")),
            stacked=True,
        ),
        graph(
            "Waitlist",
            "ops",
            ("joined", rate("frontrow_waitlist_joined_total")),
            ("offer {{outcome}}", rate("frontrow_offers_total", "outcome")),
        ),
        graph(
            "A round of the waitlist, p99",
            "s",
            ("p99", quantile(0.99, "frontrow_waitlist_round_seconds")),
        ),
        graph(
            "Prices",
            "ops",
            ("changed by {{by}}", rate("frontrow_price_changes_total", "by")),
            ("{{outcome}}", rate("frontrow_price_decisions_total", "outcome")),
        ),
        graph(
            "Lateness of repricing, p99",
            "s",
            ("p99", quantile(0.99, "frontrow_reprice_lateness_seconds")),
        ),
        graph(
            "Mails",
            "ops",
            ("{{kind}} {{became}}", rate("frontrow_mails_total", "kind", "became") + " > 0"),
        ),
        graph(
            "Waiting mails",
            "short",
            ("waiting", "max(frontrow_mails_queued)"),
            ("{{status}}", "max by (status) (frontrow_mails_failed)"),
        ),
        graph(
            "Age of the oldest waiting mail",
            "s",
            ("age", "max(frontrow_mails_age_seconds)"),
            limit=3600,
        ),
    ),
)


def main() -> int:
    is_check = sys.argv[1:] == ["--check"]
    stale = []
    for board in DASHBOARDS:
        path = FOLDER / f"{board['uid'].removeprefix('frontrow-')}.json"
        text = json.dumps(board, indent=1, ensure_ascii=False) + "\n"
        if is_check and (not path.is_file() or path.read_text() != text):
            stale.append(path.name)
        elif not is_check:
            path.write_text(text)
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: rewrite with {Path(__file__).name}\n")
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
