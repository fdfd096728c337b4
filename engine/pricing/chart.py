"""A simulation drawn: as text for a terminal, as SVG for a page. Three panels over the days of the sale."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from engine.model import Money, minor_digits
from engine.pricing.simulation import Outcome, Simulation, SimulationPoint

if TYPE_CHECKING:
    from rich.console import RenderableType

Value = Callable[[SimulationPoint], float]

_TEXT_WIDTH: Final = 64
_TEXT_HEIGHT: Final = 8
_LABEL_WIDTH: Final = 10
#: Two of the palette that colour-blind people can tell apart, dark enough on white.
_RULE_COLOR: Final = "#0072b2"
_FIXED_COLOR: Final = "#b25900"


class _Panel(Struct, frozen=True):
    """One measure: of the rule and of the fixed price, and how a value is written."""

    title: str
    rule: Value
    fixed: Value
    write: Callable[[float], str]


def _panels(simulation: Simulation) -> list[_Panel]:
    scale = 10 ** minor_digits(simulation.currency)
    digits = 0 if simulation.rule.revenue_minor >= 1000 * scale else minor_digits("EUR")

    def price(value: float) -> str:
        return f"{value / scale:,.{minor_digits(simulation.currency)}f}"

    return [
        _Panel(
            f"Price, {simulation.currency}",
            lambda p: p.price_minor,
            lambda _: simulation.fixed_minor,
            price,
        ),
        _Panel(
            "Sold, %",
            lambda p: 100 * p.sold / simulation.seats,
            lambda p: 100 * p.fixed_sold / simulation.seats,
            lambda value: f"{value:.0f}",
        ),
        _Panel(
            f"Revenue, {simulation.currency}",
            lambda p: p.revenue_minor,
            lambda p: p.fixed_revenue_minor,
            lambda value: f"{value / scale:,.{digits}f}",
        ),
    ]


def summary_lines(simulation: Simulation) -> list[tuple[str, str, str]]:
    """What came out, as (what, with the rule, at the fixed price)."""

    def both(title: str, write: Callable[[Outcome], str]) -> tuple[str, str, str]:
        return title, write(simulation.rule), write(simulation.fixed)

    def money(amount_minor: int) -> str:
        return str(Money(amount_minor, simulation.currency))

    def sold_out(outcome: Outcome) -> str:
        left = outcome.sold_out_days_left
        return "no" if left is None else f"{left:.1f} days before"

    return [
        both("Revenue", lambda o: money(o.revenue_minor)),
        both("Sold", lambda o: f"{o.sold} of {simulation.seats} ({100 * o.sell_through:.0f} %)"),
        both("Average price", lambda o: money(o.average_minor)),
        both("Last price", lambda o: money(o.final_minor)),
        both("Price changes", lambda o: str(o.changes)),
        both("Sold out", sold_out),
    ]


def gain(simulation: Simulation) -> str:
    """``+12.3 %``: the revenue against the fixed price."""
    fixed = simulation.fixed.revenue_minor
    if not fixed:
        return "no sale at the fixed price"
    return f"{100 * (simulation.rule.revenue_minor - fixed) / fixed:+.1f} %"


# Text


def text_panels(simulation: Simulation) -> list[tuple[str, list[str]]]:
    """Title and lines of each panel: ``•`` with the rule, ``·`` at the fixed price."""
    return [(panel.title, _text_panel(panel, simulation.points)) for panel in _panels(simulation)]


def _text_panel(panel: _Panel, points: Sequence[SimulationPoint]) -> list[str]:
    low, high = _range(panel, points)
    cells = [[" "] * _TEXT_WIDTH for _ in range(_TEXT_HEIGHT)]
    for value, mark in ((panel.fixed, "·"), (panel.rule, "•")):
        for column in range(_TEXT_WIDTH):
            point = points[round(column * (len(points) - 1) / (_TEXT_WIDTH - 1))]
            row = round((value(point) - low) / (high - low) * (_TEXT_HEIGHT - 1))
            cells[_TEXT_HEIGHT - 1 - row][column] = mark
    labels = {0: panel.write(high), _TEXT_HEIGHT - 1: panel.write(low)}
    lines = [
        f"{labels.get(row, ''):>{_LABEL_WIDTH}} │{''.join(line).rstrip()}"
        for row, line in enumerate(cells)
    ]
    days = f"{points[0].days_left:g} days before"
    lines.append(" " * _LABEL_WIDTH + " └" + "─" * _TEXT_WIDTH)
    lines.append(" " * (_LABEL_WIDTH + 2) + days + "the event".rjust(_TEXT_WIDTH - len(days)))
    return lines


def _range(panel: _Panel, points: Sequence[SimulationPoint]) -> tuple[float, float]:
    values = [value(point) for point in points for value in (panel.rule, panel.fixed)]
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 1, high + 1)


def in_terminal(simulation: Simulation) -> "RenderableType":
    """The chart and the summary for a rich console; without colours where that is no terminal."""
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
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    table.add_column("• with the rule", justify="right")
    table.add_column("· fixed price", justify="right")
    for line in summary_lines(simulation):
        table.add_row(*line)
    return Group(*parts, table, Text(f"\nRevenue against the fixed price: {gain(simulation)}"))


# SVG

_WIDTH: Final = 760
_PANEL_HEIGHT: Final = 190
_LEFT: Final = 92
_RIGHT: Final = 24
_TOP: Final = 64
_PLOT_HEIGHT: Final = 130


def to_svg(simulation: Simulation) -> str:
    """The chart as a self-contained SVG of 760 by 660."""
    panels = "".join(
        _svg_panel(panel, simulation.points, _TOP + number * _PANEL_HEIGHT)
        for number, panel in enumerate(_panels(simulation))
    )
    height = _TOP + 3 * _PANEL_HEIGHT + 26
    revenue = Money(simulation.rule.revenue_minor, simulation.currency)
    summary = (
        f"{simulation.seats} places, {simulation.days:g} days: {revenue}, "
        f"{gain(simulation)} against the fixed price"
    )
    days = f"{simulation.days:g} days before"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#1b1f23">'
        f"<title>{escape(summary)}</title>"
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
        f'<text x="{_LEFT}" y="24" font-weight="600">{escape(summary)}</text>'
        f'<path d="M{_LEFT} 40h24" stroke="{_RULE_COLOR}" stroke-width="2.5"/>'
        f'<text x="{_LEFT + 30}" y="44">with the rule</text>'
        f'<path d="M{_LEFT + 140} 40h24" stroke="{_FIXED_COLOR}" stroke-width="1.5" '
        f'stroke-dasharray="5 4"/><text x="{_LEFT + 170}" y="44">fixed price</text>'
        f"{panels}"
        f'<text x="{_LEFT}" y="{height - 8}">{days}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{height - 8}" text-anchor="end">the event</text></svg>'
    )


def _svg_panel(panel: _Panel, points: Sequence[SimulationPoint], top: int) -> str:
    low, high = _range(panel, points)
    bottom = top + 24 + _PLOT_HEIGHT
    lines = "".join(
        f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}" stroke="#d0d7de" stroke-width="1"/>'
        f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{panel.write(value)}</text>'
        for value, y in (
            (low + (high - low) * part, bottom - _PLOT_HEIGHT * part) for part in (0, 0.5, 1)
        )
    )
    return (
        f'<text x="{_LEFT}" y="{top + 12}" font-weight="600">{escape(panel.title)}</text>{lines}'
        + _curve(panel.fixed, points, low, high, bottom, "fixed")
        + _curve(panel.rule, points, low, high, bottom, "rule")
    )


def _curve(
    value: Value, points: Sequence[SimulationPoint], low: float, high: float, bottom: int, kind: str
) -> str:
    width, first = _WIDTH - _RIGHT - _LEFT, points[0].days_left
    span = first - points[-1].days_left or math.inf
    path = "L".join(
        f"{_LEFT + width * (first - point.days_left) / span:.1f} "
        f"{bottom - _PLOT_HEIGHT * (value(point) - low) / (high - low):.1f}"
        for point in points
    )
    look = (
        f'stroke="{_RULE_COLOR}" stroke-width="2.5"'
        if kind == "rule"
        else f'stroke="{_FIXED_COLOR}" stroke-width="1.5" stroke-dasharray="5 4"'
    )
    return f'<path d="M{path}" fill="none" stroke-linejoin="round" {look}/>'
