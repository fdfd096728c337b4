"""Figures that Locust does not count: propagation, seats sold, time until sold out, refusals by name.

They are ordinary entries of Locust's statistics, so they are in its tables, files and web page, and add
up over worker processes. Entries that are no request (a delta seen, a seat sold) stay out of the total,
which would otherwise consist of deltas.
"""

import time
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    # Importing Locust makes a process gevent's; these figures are read elsewhere, too.
    from locust.env import Environment

LIVE, SALE = "LIVE", "SALE"
BROADCAST, SEEN = "broadcast to map", "hold sent to map"
SEAT, NONE_FREE, SOLD_OUT = "seat sold", "no seat free", "all sold"
COMPARED = "map compared with the API"
#: Limit of remembered holds that were not seen yet: more than are ever under way.
_SENT_MAX = 10_000
#: After this time, in s, the visible hold may be another person's.
_FRESH_S = 10.0
_WIDTH, _HEIGHT, _PAD = 420, 150, 40


_AFTER = ", after "


def note(environment: "Environment", method: str, name: str, ms: float) -> None:
    """Count an event and its duration; it is no request."""
    environment.stats.get(name, method).log(int(ms), 0)


def milestone(environment: "Environment", name: str, elapsed_s: float) -> None:
    """Note when something happened first. Its moment is in its name: as a response time it would be one of
    many seconds.
    """
    nothing: Any = None  # what Locust takes for an event without a duration
    environment.stats.get(f"{name}{_AFTER}{elapsed_s:.1f} s", SALE).log(nothing, 0)


def milestone_s(name: str, entry_name: str) -> float | None:
    """The moment of the milestone ``name`` in the name of an entry; None for other entries."""
    milestone, after, moment = entry_name.partition(_AFTER)
    return float(moment.removesuffix(" s")) if after and milestone == name else None


def report(
    environment: "Environment", method: str, name: str, ms: float, fault: str | None = None
) -> None:
    """Count a request, or a fault of the server: counts in the total."""
    from locust.exception import CatchResponseError  # noqa: PLC0415  # see the head

    environment.events.request.fire(
        request_type=method,
        name=name,
        response_time=ms,
        response_length=0,
        # Its name is not shown in the tables.
        exception=None if fault is None else CatchResponseError(fault),
        context={},
    )


class Sent:
    """When holds were sent, by seat, for watchers in the same process to see them arrive.

    Only holds whose seats are known before the answer: of the others only late ones would count.
    """

    def __init__(self) -> None:
        self._at: dict[tuple[str, int], float] = {}

    def hold(self, event_id: str, seats: Sequence[int], sent_at: float) -> None:
        """The first to request a free seat is assumed to get it."""
        if len(self._at) > _SENT_MAX:
            self._at.clear()
        for seat_no in seats:
            if self.age_ms(event_id, seat_no, sent_at) is None:
                self._at[event_id, seat_no] = sent_at

    def forget(self, event_id: str, seats: Sequence[int], sent_at: float | None = None) -> None:
        """Forget these seats, which others may hold next. With ``sent_at``: only the notes of that refused hold."""
        for seat_no in seats:
            if sent_at in (None, self._at.get((event_id, seat_no))):
                self._at.pop((event_id, seat_no), None)

    def age_ms(self, event_id: str, seat_no: int, now: float) -> float | None:
        """How long ago the hold of this seat was sent, in ms; None if no user here has sent one lately."""
        sent_at = self._at.get((event_id, seat_no))
        return None if sent_at is None or now - sent_at > _FRESH_S else (now - sent_at) * 1000


class Moment(Struct, frozen=True):
    """One second of a run."""

    elapsed_s: float
    users: int
    requests_per_s: float
    seats_per_s: float
    refused_per_s: float
    broadcast_p50_ms: float
    broadcast_p99_ms: float
    seen_p50_ms: float
    seen_p99_ms: float


def moment(environment: "Environment", elapsed_s: float) -> Moment:
    """The present state; rates and quantiles are those of the last seconds, as Locust keeps them."""
    stats = environment.stats
    users = environment.runner.user_count if environment.runner is not None else 0
    sold, broadcast, seen = (
        stats.get(SEAT, SALE),
        stats.get(BROADCAST, LIVE),
        stats.get(SEEN, LIVE),
    )
    refused = sum(
        float(entry.current_rps or 0) for (name, _), entry in stats.entries.items() if " → " in name
    )

    def quantile(entry: Any, share: float) -> float:
        return float(entry.get_current_response_time_percentile(share) or 0)

    return Moment(
        elapsed_s=elapsed_s,
        users=users,
        requests_per_s=float(stats.total.current_rps or 0),
        seats_per_s=float(sold.current_rps or 0),
        refused_per_s=refused,
        broadcast_p50_ms=quantile(broadcast, 0.5),
        broadcast_p99_ms=quantile(broadcast, 0.99),
        seen_p50_ms=quantile(seen, 0.5),
        seen_p99_ms=quantile(seen, 0.99),
    )


def line(environment: "Environment", now: Moment, length_s: float) -> str:
    """Progress and figures of a run of ``length_s`` seconds, on one line."""
    total = environment.stats.total
    p99_ms = total.get_current_response_time_percentile(0.99) or 0
    return (
        f"load {now.elapsed_s:.0f}/{length_s:.0f} s: {now.users:,} people, "
        f"{now.requests_per_s:,.0f} requests/s, {now.seats_per_s:,.1f} seats sold/s, "
        f"p99 {p99_ms:,.0f} ms, {total.num_failures:,} failed"
    )


# Pictures


#: The first bytes of a page: ours, and Locust's.
_OURS, _LOCUSTS = "<section data-frontrow", '<div id="root"'


#: Title, unit, and the lines: field, name, colour (one palette for colour-blind eyes).
_CHARTS = (
    (
        "Sale",
        "per second",
        (("seats_per_s", "seats sold", "#0072b2"), ("refused_per_s", "refusals", "#e69f00")),
    ),
    (
        "Load",
        "",
        (("users", "users", "#009e73"), ("requests_per_s", "requests per second", "#cc79a7")),
    ),
    (
        "From the gateway's broadcast to a map",
        "ms",
        (("broadcast_p50_ms", "p50", "#0072b2"), ("broadcast_p99_ms", "p99", "#d55e00")),
    ),
    (
        "From sending a hold to seeing it on a map",
        "ms",
        (("seen_p50_ms", "p50", "#0072b2"), ("seen_p99_ms", "p99", "#d55e00")),
    ),
)


def charts(moments: Sequence[Moment]) -> str:
    """The figures over time, as HTML with SVG inside; needs no script."""
    if not moments:
        return "<p>Nothing has been measured yet.</p>"
    pictures = "\n".join(_chart(moments, *chart) for chart in _CHARTS)
    columns = f"repeat(auto-fit,minmax(min(100%,{_WIDTH}px),1fr))"
    return (
        f'<div style="display:grid;grid-template-columns:{columns};gap:16px 32px">{pictures}</div>'
    )


def whole_page(moments: Sequence[Moment]) -> str:
    """The present charts, in a page that reloads every five seconds."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Frontrow: the run</title>'
        '<meta http-equiv="refresh" content="5"><meta name="viewport" content="width=device-width">'
        "<style>:root{color-scheme:light dark}"
        "body{font-family:sans-serif;margin:24px auto;padding:0 16px;max-width:1100px}</style></head>"
        f"<body><h1>The run</h1>{charts(moments)}</body></html>"
    )


def _chart(
    moments: Sequence[Moment], title: str, unit: str, lines: tuple[tuple[str, str, str], ...]
) -> str:
    top = max(1.0, *(float(getattr(m, field)) for m in moments for field, _, _ in lines))
    last_s = max(1.0, moments[-1].elapsed_s)
    drawn = "\n".join(_line(moments, field, colour, top, last_s) for field, _, colour in lines)
    legend = " · ".join(
        f'<tspan fill="{colour}">{escape(name)}</tspan>' for _, name, colour in lines
    )
    label = f"{title}, {unit}" if unit else title
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {_HEIGHT + 2 * _PAD}" '
        'style="width:100%" font-family="sans-serif" font-size="12" fill="currentColor">'
        f'<text x="{_PAD}" y="16" font-weight="bold">{escape(label)}</text>'
        f'<text x="{_PAD}" y="32">{legend}</text>'
        f'<text x="{_PAD - 4}" y="{_PAD + 8}" text-anchor="end">{top:,.0f}</text>'
        f'<text x="{_PAD - 4}" y="{_PAD + _HEIGHT}" text-anchor="end">0</text>'
        f'<text x="{_WIDTH}" y="{_PAD + _HEIGHT + 16}" text-anchor="end">{last_s:,.0f} s</text>'
        f'<path d="M{_PAD} {_PAD}V{_PAD + _HEIGHT}H{_WIDTH}" fill="none" stroke="currentColor"/>'
        f"{drawn}</svg>"
    )


def _line(moments: Sequence[Moment], field: str, colour: str, top: float, last_s: float) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in _points(moments, field, top, last_s))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _points(
    moments: Sequence[Moment], field: str, top: float, last_s: float
) -> Iterator[tuple[float, float]]:
    for each in moments:
        share = float(getattr(each, field)) / top
        yield (
            _PAD + (_WIDTH - _PAD) * each.elapsed_s / last_s,
            _PAD + _HEIGHT * (1 - share),
        )


def into_page(page: str, section: str) -> str:
    """Locust's report with another part at its head, above parts inserted before. Its own part is
    drawn by a script. Raises ValueError for any other page."""
    anchor = _OURS if _OURS in page else _LOCUSTS
    before, found, after = page.partition(anchor)
    if not found:
        raise ValueError("this is not a report of Locust's")
    style = "font-family:sans-serif;margin:24px;padding:16px;border:1px solid #8888"
    return f'{before}{_OURS} style="{style}">{section}</section>\n{found}{after}'


def now_ms() -> float:
    """Unix time in ms, to compare with a gateway's."""
    return time.time() * 1000
