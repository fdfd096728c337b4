"""Charts of a simulation: as text for a terminal, as SVG for a page. Three panels over the days of the sale.

For a rule set, prices and sales have a curve for each category, and revenue is the sum of all.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine.base.charts import COLORS, Curve, Frame, Mark, Panel, even, picture
from engine.base.currencies import minor_digits
from engine.base.model import Money
from engine.pricing.simulation import Outcome, SetSimulation, Simulation, Total

if TYPE_CHECKING:
    from rich.console import RenderableType

_TEXT_WIDTH: Final = 64
_TEXT_HEIGHT: Final = 8
_LABEL_WIDTH: Final = 10
_FIXED_COLOR: Final = COLORS[1]
_MARKS: Final = "•ox+*#@"
_FIXED_MARK: Final = "·"


class _Curve(Struct, frozen=True):
    """One curve of a panel. ``is_fixed``: the fixed price's, dashed and behind the others."""

    name: str
    values: Sequence[float]
    color: str
    mark: str
    is_fixed: bool = False


class _Panel(Struct, frozen=True):
    """One measure, how its values are written, and its curves, from back to front."""

    title: str
    write: Callable[[float], str]
    curves: Sequence[_Curve]


class _Drawing(Struct, frozen=True):
    """The chart's content over ``days_left``; ``title`` is a summary, ``names`` are the curves in the legend."""

    title: str
    days_left: Sequence[float]
    panels: Sequence[_Panel]
    names: Sequence[_Curve]


def _drawing(simulation: Simulation | SetSimulation) -> _Drawing:
    return _of_set(simulation) if isinstance(simulation, SetSimulation) else _of_one(simulation)


def _of_one(simulation: Simulation) -> _Drawing:
    points, seats = simulation.points, simulation.seats

    def both(rule: Sequence[float], fixed: Sequence[float]) -> tuple[_Curve, _Curve]:
        return _fixed_curve(fixed), _Curve("with the rule", rule, COLORS[0], _MARKS[0])

    price = both([p.price_minor for p in points], [simulation.fixed_minor] * len(points))
    sold = both(
        [100 * p.sold / seats for p in points], [100 * p.fixed_sold / seats for p in points]
    )
    revenue = both([p.revenue_minor for p in points], [p.fixed_revenue_minor for p in points])
    return _Drawing(
        _title(simulation),
        [p.days_left for p in points],
        _panels(simulation, price, sold, revenue),
        price[::-1],
    )


def _of_set(simulation: SetSimulation) -> _Drawing:
    names = [
        _Curve(part.category, (), COLORS[n % len(COLORS)], _MARKS[n % len(_MARKS)])
        for n, part in enumerate(simulation.categories)
    ]

    def each(values: Callable[[Simulation], list[float]]) -> list[_Curve]:
        return [
            _Curve(name.name, values(part.simulation), name.color, name.mark)
            for name, part in zip(names, simulation.categories, strict=True)
        ]

    points = simulation.points
    fixed = _fixed_curve([p.fixed_revenue_minor for p in points])
    together = _Curve("with the rules", [p.revenue_minor for p in points], COLORS[0], _MARKS[0])
    panels = _panels(
        simulation,
        each(lambda one: [p.price_minor for p in one.points]),
        each(lambda one: [100 * p.sold / one.seats for p in one.points]),
        [fixed, together],
    )
    return _Drawing(_title(simulation), [p.days_left for p in points], panels, [*names, fixed])


def _fixed_curve(values: Sequence[float]) -> _Curve:
    return _Curve("fixed price", values, _FIXED_COLOR, _FIXED_MARK, is_fixed=True)


def _panels(
    simulation: Simulation | SetSimulation,
    price: Sequence[_Curve],
    sold: Sequence[_Curve],
    revenue: Sequence[_Curve],
) -> list[_Panel]:
    currency = simulation.currency
    scale = 10 ** minor_digits(currency)
    digits = 0 if simulation.rule.revenue_minor >= 1000 * scale else minor_digits("EUR")
    return [
        _Panel(
            f"Price, {currency}",
            lambda value: f"{value / scale:,.{minor_digits(currency)}f}",
            price,
        ),
        _Panel("Sold, %", lambda value: f"{value:.0f}", sold),
        _Panel(f"Revenue, {currency}", lambda value: f"{value / scale:,.{digits}f}", revenue),
    ]


def _title(simulation: Simulation | SetSimulation) -> str:
    revenue = Money(simulation.rule.revenue_minor, simulation.currency)
    return (
        f"{simulation.seats} places, {simulation.days:g} days: {revenue}, "
        f"{gain(simulation)} against the fixed price"
    )


def summary_lines(simulation: Simulation | SetSimulation) -> list[tuple[str, str, str]]:
    """The results as (what, with the rule, at the fixed price)."""
    lines = _in_sum(simulation.rule, simulation.fixed, simulation)
    if isinstance(simulation, SetSimulation):
        for part in simulation.categories:
            one = part.simulation
            lines += [
                (f"{part.category}: {what}", rule, fixed)
                for what, rule, fixed in _in_sum(one.rule, one.fixed, one)
                + _of_price(one.rule, one.fixed, one)
            ]
        return lines
    return lines + _of_price(simulation.rule, simulation.fixed, simulation)


def _in_sum(
    rule: Outcome | Total, fixed: Outcome | Total, simulation: Simulation | SetSimulation
) -> list[tuple[str, str, str]]:
    def sold(outcome: Outcome | Total) -> str:
        return f"{outcome.sold} of {simulation.seats} ({100 * outcome.sell_through:.0f} %)"

    def money(outcome: Outcome | Total) -> str:
        return str(Money(outcome.revenue_minor, simulation.currency))

    return [("Revenue", money(rule), money(fixed)), ("Sold", sold(rule), sold(fixed))]


def _of_price(rule: Outcome, fixed: Outcome, simulation: Simulation) -> list[tuple[str, str, str]]:
    def both(title: str, write: Callable[[Outcome], str]) -> tuple[str, str, str]:
        return title, write(rule), write(fixed)

    def money(amount_minor: int) -> str:
        return str(Money(amount_minor, simulation.currency))

    def sold_out(outcome: Outcome) -> str:
        left = outcome.sold_out_days_left
        return "no" if left is None else f"{left:.1f} days before"

    return [
        both("Average price", lambda o: money(o.average_minor)),
        both("Last price", lambda o: money(o.final_minor)),
        both("Price changes", lambda o: str(o.changes)),
        both("Sold out", sold_out),
    ]


def gain(simulation: Simulation | SetSimulation) -> str:
    """``+12.3 %``: the revenue compared with the fixed price's."""
    fixed = simulation.fixed.revenue_minor
    if not fixed:
        return "no sale at the fixed price"
    return f"{100 * (simulation.rule.revenue_minor - fixed) / fixed:+.1f} %"


# Text


def text_panels(simulation: Simulation | SetSimulation) -> list[tuple[str, list[str]]]:
    """Title and lines of each panel: ``•`` with the rule, or a mark for each category; ``·`` at the
    fixed price.
    """
    drawing = _drawing(simulation)
    return [(panel.title, _text_panel(panel, drawing.days_left)) for panel in drawing.panels]


def _text_panel(panel: _Panel, days_left: Sequence[float]) -> list[str]:
    low, high = _range(panel)
    cells = [[" "] * _TEXT_WIDTH for _ in range(_TEXT_HEIGHT)]
    for curve in panel.curves:
        for column in range(_TEXT_WIDTH):
            value = curve.values[round(column * (len(days_left) - 1) / (_TEXT_WIDTH - 1))]
            row = round((value - low) / (high - low) * (_TEXT_HEIGHT - 1))
            cells[_TEXT_HEIGHT - 1 - row][column] = curve.mark
    labels = {0: panel.write(high), _TEXT_HEIGHT - 1: panel.write(low)}
    lines = [
        f"{labels.get(row, ''):>{_LABEL_WIDTH}} │{''.join(line).rstrip()}"
        for row, line in enumerate(cells)
    ]
    days = f"{days_left[0]:g} days before"
    lines.append(" " * _LABEL_WIDTH + " └" + "─" * _TEXT_WIDTH)
    lines.append(" " * (_LABEL_WIDTH + 2) + days + "the event".rjust(_TEXT_WIDTH - len(days)))
    return lines


def _range(panel: _Panel) -> tuple[float, float]:
    values = [value for curve in panel.curves for value in curve.values]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def in_terminal(simulation: Simulation | SetSimulation) -> "RenderableType":
    """The chart and the summary for a rich console; without colours if it is not a terminal."""
    from rich.console import Group  # noqa: PLC0415 - rich is slow to import
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    parts: list[RenderableType] = []
    for title, lines in text_panels(simulation):
        parts.append(Text(title, style="bold"))
        text = Text("\n".join(lines) + "\n", no_wrap=True)
        text.highlight_regex("•", "bold blue")
        text.highlight_regex("·", "yellow")
        parts.append(text)
    if isinstance(simulation, SetSimulation):
        names = _drawing(simulation).names
        parts.append(Text("   ".join(f"{curve.mark} {curve.name}" for curve in names) + "\n"))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    table.add_column("• with the rule", justify="right")
    table.add_column("· fixed price", justify="right")
    for what, rule, fixed in summary_lines(simulation):
        table.add_row(Text(what), rule, fixed)
    return Group(*parts, table, Text(f"\nRevenue against the fixed price: {gain(simulation)}"))


# SVG

_FRAME: Final = Frame(across=1, panel_width=760, plot_height=130)


def to_svg(simulation: Simulation | SetSimulation) -> str:
    """The chart as a self-contained SVG, 760 wide."""
    drawing = _drawing(simulation)
    first, last = drawing.days_left[0], drawing.days_left[-1]
    span = first - last or math.inf
    days = even(first)
    columns = [
        Mark(100 * (first - mark) / span, f"{mark:g}")
        for mark in days.marks
        if last <= mark <= first
    ]

    def curve(one: _Curve) -> Curve:
        points = [
            (100 * (first - days) / span, value)
            for days, value in zip(drawing.days_left, one.values, strict=False)
        ]
        return Curve(name=one.name, color=one.color, points=points, dashed=one.is_fixed)

    panels = [
        Panel(
            title=panel.title,
            scale=even(max(values), min(values)),
            write=panel.write,
            curves=[curve(one) for one in panel.curves],
            columns=columns,
            axis="days before the event",
        )
        for panel in drawing.panels
        if (values := [value for one in panel.curves for value in one.values])
    ]
    return picture(drawing.title, panels, _FRAME, [curve(one) for one in drawing.names])
