"""Health and metrics."""

from litestar.handlers import HTTPRouteHandler

from api.description import TEXT
from api.examples.shown import Shown
from api.operations import Ready, live, ready, show_metrics

SHOWN: dict[HTTPRouteHandler, Shown] = {
    live: Shown(others={TEXT: {"ok": "ok\n"}}),
    ready: Shown(
        gives={
            200: {"ready": Ready("ok", "ok", "ok")},
            503: {"not ready": Ready("ok", "Redis is not reachable; try again shortly.", "ok")},
        }
    ),
    show_metrics: Shown(
        others={TEXT: {"metrics": 'frontrow_holds_total{outcome="held"} 1841.0\n'}}
    ),
}
