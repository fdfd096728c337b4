"""The report as one HTML file that needs nothing else: written for an organiser, headline first."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from msgspec import Struct

from engine.base.charts import Line, Plot, Scale, clock, even, over_time, powers
from loadtest.rehearsal.buyers import OUTCOMES, REFUSALS, STEPS
from loadtest.rehearsal.report import (
    ENOUGH,
    Report,
    advice,
    duration,
    headline,
    money,
    percent,
    span,
    upper_ms,
)

_LOOKS = "abcdefgh"
_TABLE_ROWS_MAX = 60
_CPU_OF = {
    "api": "API (one process)",
    "live": "Live gateway",
    "worker": "Worker",
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "mongo": "Catalogue (MongoDB protocol)",
    "buyers": "The program that plays the buyers",
    "watchers": "The program with the open maps",
}


class Chart(Struct, frozen=True, kw_only=True):
    title: str
    says: str
    lines: Sequence[Line]
    plot: Plot
    #: The same data as a table: its head, its rows.
    head: list[str]
    rows: list[list[str]]


class Bar(Struct, frozen=True, kw_only=True):
    """A bar of a row: its value as text, and where it begins and ends, in per cent."""

    name: str
    text: str
    start: float
    end: float
    look: str = "a"


class Key(Struct, frozen=True, kw_only=True):
    """A key figure for the organiser."""

    name: str
    value: str
    note: str
    bad: bool = False


def page(report: Report) -> str:
    """The whole page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((Path(__file__).parent / "page.html").read_text("utf-8"))
    return template.render(
        report=report,
        headline=headline(report),
        keys=_keys(report),
        charts=_charts(report),
        prices=_prices(report),
        outcomes=_outcomes(report),
        steps=_steps(report),
        refusals=_refusals(report),
        advice=advice(report),
        sold=_sold(report),
        asked=_asked(report),
        cpu=_cpu(report),
        money=lambda amount: money(amount, report.subject.currency),
        span=span,
        duration=duration,
        clock=clock,
        percent=percent,
        enough=ENOUGH,
    )


# Figures


def _keys(report: Report) -> list[Key]:
    subject, verdict = report.subject, report.verdict
    for_sale = subject.places - subject.blocked
    places = Key(
        name="Sold",
        value=percent(report.places_sold / for_sale) if for_sale else "–",
        note=f"{report.places_sold:,} of {for_sale:,} places, {report.bookings:,} bookings",
    )
    refused = sum(report.holds_refused.values())
    fixed_minor = sum(sold.at_opening_prices_minor for sold in report.sold)
    return [
        _sold_out(report),
        places,
        Key(
            name="Revenue",
            value=_round_money(report.revenue_minor, subject.currency),
            note="prices did not move"
            if fixed_minor == report.revenue_minor
            else f"{money(fixed_minor, subject.currency)} at the opening prices",
        ),
        Key(
            name="Seats sold twice",
            value="0" if verdict.holds else "see below",
            note="every check holds" if verdict.holds else "a promise was broken",
            bad=not verdict.holds,
        ),
        Key(
            name="Holds refused",
            value=f"{refused:,}",
            note=f"{report.holds_placed:,} holds were placed",
        ),
        Key(
            name="Single seats left",
            value=f"{report.orphan_seats:,}",
            note=f"among {report.places_left:,} places left free",
        ),
    ]


def _round_money(amount_minor: int, currency: str) -> str:
    """Large amounts without decimals."""
    number, _, code = money(amount_minor, currency).partition(" ")
    whole, _, _ = number.partition(".")
    return f"{whole if len(whole) > 4 else number} {code}"


def _sold_out(report: Report) -> Key:
    if report.sold_out_s is not None:
        first = report.all_taken_s
        note = "" if first is None else f"all but a few held after {span(first)}"
        return Key(name="Sold out in", value=span(report.sold_out_s), note=note)
    if report.all_taken_s is not None:
        note = f"in the end {report.places_left:,} free, {report.places_held:,} held"
        return Key(name="All but a few taken after", value=span(report.all_taken_s), note=note)
    note = f"the last buyer left after {span(report.ended_s)}"
    return Key(name="Sold out", value="no", note=note)


def _outcomes(report: Report) -> list[Bar]:
    """One bar of all buyers, divided by the end of their visits."""
    bars: list[Bar] = []
    end = 0.0
    for number, (outcome, words) in enumerate(OUTCOMES.items()):
        count = report.outcomes.get(outcome, 0)
        if count:
            share = 100 * count / report.setting.buyers
            text = f"{count:,} ({share:.1f} %)"
            look = _LOOKS[number]
            bars.append(Bar(name=words, text=text, start=end, end=end + share, look=look))
            end += share
    return bars


def _steps(report: Report) -> list[Bar]:
    """From the median to the time within which nearly all were answered, on a logarithmic scale."""
    if not report.steps:
        return []
    scale = powers(
        max(0.1, min(step.p50_ms for step in report.steps)),
        max(1.0, *(upper_ms(step) for step in report.steps)),
    )
    return [
        Bar(
            name=STEPS[step.step],
            text=f"{duration(step.p50_ms)} – {duration(upper_ms(step))}",
            start=100 * scale.part(step.p50_ms),
            end=100 * scale.part(upper_ms(step)),
        )
        for step in report.steps
    ]


def _refusals(report: Report) -> list[Bar]:
    most = max(report.holds_refused.values(), default=1)
    return [
        Bar(name=REFUSALS.get(why, why), text=f"{count:,}", start=0, end=100 * count / most)
        for why, count in report.holds_refused.items()
    ]


def _sold(report: Report) -> list[list[str]]:
    """By category, and in total; amounts without their currency."""
    opening = report.subject.opening_prices
    last = opening | {change.category: change.amount_minor for change in report.price_changes}

    def amount(minor: int) -> str:
        return money(minor, report.subject.currency).partition(" ")[0]

    rows = [
        [
            sold.category,
            f"{sold.places:,}",
            amount(sold.revenue_minor),
            amount(sold.at_opening_prices_minor),
            amount(opening[sold.category]),
            amount(last[sold.category]),
        ]
        for sold in report.sold
    ]
    fixed_minor = sum(sold.at_opening_prices_minor for sold in report.sold)
    total = [f"{report.places_sold:,}", amount(report.revenue_minor), amount(fixed_minor)]
    return [*rows, ["All", *total, "", ""]]


def _asked(report: Report) -> list[tuple[str, str]]:
    setting, mix = report.setting, report.setting.mix
    total = sum(setting.parties.values())
    parties = ", ".join(f"{n}: {100 * w / total:.0f} %" for n, w in setting.parties.items() if w)
    return [
        (
            "Arrivals",
            f"{setting.buyers:,} by the curve {setting.curve}, within {span(setting.duration_s)}",
        ),
        (
            "Choosing",
            f"{percent(mix.by_hand)} by hand on the map, the others ask for the best seats",
        ),
        ("Party sizes", f"{parties}; at most {report.subject.buyer_limit} for one buyer"),
        (
            "Not buying",
            f"{percent(mix.abandon)} of those who hold: half give back, half close the page",
        ),
        ("Cards", f"{percent(mix.declined)} are declined; half of those buyers have another one"),
        ("Extending", f"{percent(mix.extend)} extend their hold before they pay"),
        ("Thinking", f"{setting.think_s:g} s on average to choose, and again to pay"),
        ("Only watching", f"{setting.watchers:,} open maps"),
        ("Seed", f"{setting.seed}: the same seed brings the same buyers at the same moments"),
    ]


def _cpu(report: Report) -> list[tuple[str, str]]:
    return [
        (_CPU_OF.get(name, name), percent(share))
        for name, share in sorted(report.machine.cpu_shares.items(), key=lambda one: -one[1])
    ]


# Charts


def _charts(report: Report) -> list[Chart]:
    return [_coming(report), _places(report), _times(report)]


def _round_time(ms: float) -> str:
    return f"{ms:,.3g} ms" if ms < 1000 else f"{ms / 1000:,.3g} s"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:,.1f}"


def _chart(
    report: Report,
    title: str,
    says: str,
    lines: list[Line],
    scale: Scale,
    write: Callable[[float], str],
) -> Chart:
    width_s = report.timeline.width_s
    parts = len(lines[0].values)
    every = -(-parts // _TABLE_ROWS_MAX)
    return Chart(
        title=title,
        says=says,
        lines=lines,
        plot=over_time(lines, width_s=width_s, scale=scale, write=write, what=f"{title}. {says}"),
        head=["From the opening", *(line.name for line in lines)],
        rows=[
            [
                clock(width_s * n),
                *("–" if (v := line.values[n]) is None else write(v) for line in lines),
            ]
            for n in range(0, parts, every)
        ],
    )


def _coming(report: Report) -> Chart:
    timeline = report.timeline
    most_came, most_booked = max(timeline.arrivals), max(timeline.bookings)
    return _chart(
        report,
        "Buyers and bookings per second",
        f"At most {_number(most_came)} buyers came in a second; at most {_number(most_booked)} "
        "bookings were confirmed in one.",
        [
            Line(name="Buyers arriving", look="a", values=timeline.arrivals, filled=True),
            Line(name="Bookings", look="b", values=timeline.bookings),
        ],
        even(max(most_came, most_booked)),
        _number,
    )


def _places(report: Report) -> Chart:
    timeline = report.timeline
    return _chart(
        report,
        "Places left and places sold",
        "Places that are neither free nor sold are held or being paid for.",
        [
            Line(name="Free to hold", look="a", values=timeline.left, filled=True),
            Line(name="Sold", look="b", values=timeline.sold),
        ],
        even(report.subject.places),
        _number,
    )


def _times(report: Report) -> Chart:
    timeline = report.timeline
    lines = [
        Line(name="Hold, half of all", look="a", values=timeline.hold_p50_ms),
        Line(name="Hold, 99 of 100", look="b", values=timeline.hold_p99_ms),
        Line(name="Book and pay, 99 of 100", look="c", values=timeline.book_p99_ms),
    ]
    seen = [max(0.1, v) for line in lines for v in line.values if v is not None] or [1.0]
    return _chart(
        report,
        "How long buyers waited",
        "From the request until the answer was there; each mark is ten times the last.",
        lines,
        powers(min(seen), max(seen)),
        _round_time,
    )


def _prices(report: Report) -> Chart | None:
    """The course of prices that moved; None when none did."""
    changed = {change.category for change in report.price_changes}
    moved = [sold.category for sold in report.sold if sold.category in changed][: len(_LOOKS)]
    if not moved:
        return None
    currency = report.subject.currency
    lines = [
        Line(name=name, look=_LOOKS[number], values=_path(report, name), stepped=True)
        for number, name in enumerate(moved)
    ]
    values = [v for line in lines for v in line.values if v is not None]
    return _chart(
        report,
        "Prices",
        f"{len(report.price_changes):,} changes by the event's own rules.",
        lines,
        even(max(values), min(values)),
        lambda value: money(round(value), currency),
    )


def _path(report: Report, category: str) -> list[float | None]:
    """The price at the end of each part, in minor units."""
    width_s, price = report.timeline.width_s, report.subject.opening_prices[category]
    changes = [change for change in report.price_changes if change.category == category]
    path: list[float | None] = []
    for part in range(len(report.timeline.arrivals)):
        while changes and changes[0].at_s < width_s * (part + 1):
            price = changes.pop(0).amount_minor
        path.append(price)
    return path


__all__ = ["page"]
