"""Curves as a self-contained SVG picture, for documents: one panel per measure, side by side."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from msgspec import Struct

from loadtest.rehearsal.drawing import even

_PANEL_WIDTH: Final = 330
_LEFT: Final = 62
_RIGHT: Final = 18
_TOP: Final = 78
_PLOT_HEIGHT: Final = 170
_HEIGHT: Final = _TOP + _PLOT_HEIGHT + 52
#: Of the palette that colour-blind people can tell apart, dark enough on white.
_COLORS: Final = ("#0072b2", "#b25900", "#007d5c")


class Panel(Struct, frozen=True):
    """A title and the measures drawn under it, on one scale that begins at 0."""

    title: str
    measures: Sequence[str]


def draw(
    title: str, axis: str, points: Mapping[int, Mapping[str, float]], panels: Sequence[Panel]
) -> str:
    """Every step of ``points`` is as far from the last as any: they grow by factors."""
    width = _PANEL_WIDTH * len(panels)
    drawn = "".join(
        f'<g transform="translate({_PANEL_WIDTH * number} 0)">{_panel(panel, axis, points)}</g>'
        for number, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#1b1f23">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{width}" height="{_HEIGHT}" fill="#ffffff"/>'
        f'<text x="16" y="26" font-size="15" font-weight="600">{escape(title)}</text>'
        f"{drawn}</svg>\n"
    )


def _panel(panel: Panel, axis: str, points: Mapping[int, Mapping[str, float]]) -> str:
    steps = list(points)
    scale = even(max(points[step][name] for step in steps for name in panel.measures))
    bottom = _TOP + _PLOT_HEIGHT

    def x(number: int) -> float:
        span = _PANEL_WIDTH - _LEFT - _RIGHT
        return _LEFT + span * (number / (len(steps) - 1) if len(steps) > 1 else 0.5)

    def y(value: float) -> float:
        return bottom - _PLOT_HEIGHT * scale.part(value)

    parts = [f'<text x="16" y="50" font-weight="600">{escape(panel.title)}</text>']
    parts += [
        f'<path d="M{_LEFT} {y(mark):.1f}H{_PANEL_WIDTH - _RIGHT}" stroke="#d0d7de"/>'
        f'<text x="{_LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{_short(mark)}</text>'
        for mark in scale.marks
    ]
    parts += [
        f'<text x="{x(number):.1f}" y="{bottom + 18}" text-anchor="middle">{_short(step)}</text>'
        for number, step in enumerate(steps)
    ]
    middle = (_LEFT + _PANEL_WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle:.1f}" y="{bottom + 38}" text-anchor="middle" fill="#57606a">'
        f"{escape(axis)}</text>"
    )
    for color, name in zip(_COLORS, panel.measures, strict=False):
        at = [(x(number), y(points[step][name])) for number, step in enumerate(steps)]
        path = "L".join(f"{left:.1f} {top:.1f}" for left, top in at)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="3" fill="{color}"/>' for left, top in at
        ]
    if len(panel.measures) > 1:
        parts.append(_legend(panel.measures))
    return "".join(parts)


def _legend(measures: Sequence[str]) -> str:
    parts, left = [], _LEFT
    for color, name in zip(_COLORS, measures, strict=False):
        words = name.removesuffix("_ms").replace("_", " ")
        parts.append(
            f'<circle cx="{left}" cy="64" r="4" fill="{color}"/>'
            f'<text x="{left + 8}" y="68">{escape(words)}</text>'
        )
        left += 22 + 7 * len(words)
    return "".join(parts)


def _short(value: float) -> str:
    """``200k``, ``1,500``, ``0.5``."""
    if value >= 10_000 and value % 1000 == 0:
        return f"{value / 1000:g}k"
    return f"{value:,.0f}" if value >= 1 or not value or math.isclose(value, 1) else f"{value:g}"
