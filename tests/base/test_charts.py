"""Charts: scales with round marks, and self-contained pictures."""

from xml.etree import ElementTree

import pytest

from engine.base.charts import COLORS, Curve, Frame, Mark, Panel, even, picture

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 0),
        (0, 0.3),
        (0, 97),
        (0, 100),
        (4677, 6867),
        (5000, 5000),
        (999_990, 1_000_000),
        (0.1, 0.3),
    ],
)
def test_a_scale_holds_its_values_between_few_round_marks(low: float, high: float) -> None:
    scale = even(high, low)
    step = scale.marks[1] - scale.marks[0]
    assert scale.low <= low + step * 1e-3
    assert scale.high >= high - step * 1e-3
    assert 2 <= len(scale.marks) <= 6
    assert scale.high > scale.low


def _panel(title: str, *names: str) -> Panel:
    curves = [
        Curve(name=name, color=color, points=[(0, 1), (50, 4), (100, 2)], dotted=True)
        for color, name in zip(COLORS, names, strict=False)
    ]
    columns = [Mark(0, "0"), Mark(100, "10")]
    return Panel(
        title=title,
        scale=even(4),
        write=str,
        curves=curves,
        columns=columns,
        axis="watchers",
        names=curves,
    )


def _inside(drawing: ElementTree.Element) -> bool:
    """Whether no text begins outside the picture."""
    _, _, width, height = map(float, drawing.attrib["viewBox"].split())
    groups = [(0.0, 0.0, drawing)]
    for group in drawing.iter(f"{SVG}g"):
        x, y = map(float, group.attrib["transform"][len("translate(") : -1].split())
        groups.append((x, y, group))
    return all(
        0 <= x + float(text.attrib["x"]) <= width and 0 <= y + float(text.attrib["y"]) <= height
        for x, y, group in groups
        for text in group.findall(f"{SVG}text")
    )


def test_a_picture_shows_every_panel_curve_and_name() -> None:
    frame = Frame(across=2, panel_width=300, plot_height=100)
    panels = [
        _panel("Seats < 10", "p50", "p99"),
        _panel("CPU", "gateway & API"),
        _panel("Joins", "j"),
    ]
    drawing = ElementTree.fromstring(picture("Size & speed", panels, frame))  # noqa: S314  # our own
    curves = [path for path in drawing.iter(f"{SVG}path") if path.get("fill") == "none"]
    assert len(curves) == 4
    assert {path.attrib["d"].count("L") for path in curves} == {2}
    assert len(list(drawing.iter(f"{SVG}circle"))) == 12
    texts = [text.text for text in drawing.iter(f"{SVG}text")]
    assert {"Size & speed", "Seats < 10", "gateway & API", "p50", "p99", "10", "watchers"} <= set(
        texts
    )
    assert _inside(drawing)


def test_many_names_take_further_rows_and_long_ones_are_cut() -> None:
    frame = Frame(across=1, panel_width=300, plot_height=100)
    names = [
        Curve(name=f"A category of some length, {n}", color=COLORS[0], points=[]) for n in range(5)
    ]
    few = ElementTree.fromstring(picture("Prices", [_panel("Price", "a")], frame))  # noqa: S314
    many = ElementTree.fromstring(picture("Prices", [_panel("Price", "a")], frame, names))  # noqa: S314
    height = [float(one.attrib["viewBox"].split()[3]) for one in (few, many)]
    assert height[1] >= height[0] + 100
    rows = [text.attrib["y"] for text in many.findall(f"{SVG}text")][1:]
    assert len(set(rows)) == len(rows) == 5
    assert _inside(many)
    assert all("…" in (text.text or "") for text in many.findall(f"{SVG}text")[1:])
