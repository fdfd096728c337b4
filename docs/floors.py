"""Draws the floors of the engine from its imports: ``python -m docs.floors`` writes docs/images/floors.svg.

The rows are the layers that import-linter enforces (pyproject.toml); a line is an import, from a room down to
one below. A test compares the picture with the code. ``python -m docs.floors CHECKOUT PICTURE`` draws another
checkout, with or without floors: each room stands above all rooms that it imports, and rooms in an import
cycle are drawn in red.
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import grimp

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / "docs" / "images" / "floors.svg"

_WIDTH, _FLOOR, _TOP = 860, 84, 16
_BOX_WIDTH, _BOX_HEIGHT = 168, 46
_ROW_MAX = 5
_STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #18181b; text-anchor: middle }
  .size { font-size: 12px; fill: #52525b }
  rect { fill: #ffffff; stroke: #71717a }
  path { fill: none; stroke: #a11232; stroke-opacity: 0.28 }
  .ground { fill: #f4f4f2; stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f0ec } .size { fill: #a1a1aa }
    rect { fill: #18181b; stroke: #71717a } .ground { fill: #0e0f13 }
    path { stroke: #ff8095; stroke-opacity: 0.35 }
  }
"""


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest floor first."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c.get("containers") == ["engine"])
    return [[room.strip() for room in layer.split("|")] for layer in layers]


def imports() -> dict[str, set[str]]:
    """The rooms that each room imports."""
    graph = grimp.build_graph("engine")
    return {
        room.split(".")[1]: {
            found.split(".")[1]
            for module in {room, *graph.find_descendants(room)}
            for found in graph.find_modules_directly_imported_by(module)
            if found.count(".") and not found.startswith(f"{room}.") and found != room
        }
        for room in graph.find_children("engine")
    }


def _reach(graph: dict[str, set[str]], room: str) -> set[str]:
    """All rooms that a room needs, directly or indirectly."""
    found: set[str] = set()
    ahead = [room]
    while ahead:
        new = graph.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def knotted(graph: dict[str, set[str]]) -> set[str]:
    """The rooms that need themselves: those in an import cycle."""
    return {room for room in graph if room in _reach(graph, room)}


def strata(graph: dict[str, set[str]]) -> list[list[str]]:
    """Floors of rooms, each above all rooms that it needs, the highest first; a cycle is on one floor."""
    reach = {room: _reach(graph, room) for room in graph}

    def height(room: str) -> int:
        below = [r for r in reach[room] if r in graph and room not in reach[r]]
        return 1 + max((height(r) for r in below if r != room), default=0)

    heights = {room: height(room) for room in graph}
    rows = [sorted(r for r in graph if heights[r] == h) for h in sorted(set(heights.values()))]
    return [
        row[at : at + _ROW_MAX] for row in reversed(rows) for at in range(0, len(row), _ROW_MAX)
    ]


def _size(room: str) -> str:
    file, folder = PROJECT / "engine" / f"{room}.py", PROJECT / "engine" / room
    modules = [file] if file.exists() else [p for p in folder.glob("**/*.py") if p.name[0] != "_"]
    return f"{len(modules)} module{'s' if len(modules) > 1 else ''}"


def _places(rows: list[list[str]]) -> dict[str, tuple[int, int]]:
    """The middle of each room's box."""
    return {
        room: (_WIDTH * (2 * column + 1) // (2 * len(row)), _TOP + _FLOOR * at + _BOX_HEIGHT // 2)
        for at, row in enumerate(rows)
        for column, room in enumerate(row)
    }


def _parts(rows: list[list[str]]) -> Iterator[str]:
    places, graph = _places(rows), imports()
    circle = knotted(graph)
    for room, below in sorted(graph.items()):
        # Every room imports the base; drawing that would hide the other imports.
        for other in sorted(below & places.keys() - {"base"}) if room in places else ():
            (x, y), (to_x, to_y) = places[room], places[other]
            y, to_y = y + _BOX_HEIGHT // 2, to_y - _BOX_HEIGHT // 2
            bend = (to_y - y) // 2
            yield f'<path d="M{x} {y}C{x} {y + bend} {to_x} {to_y - bend} {to_x} {to_y}"/>'
    for room, (x, y) in places.items():
        left, top = x - _BOX_WIDTH // 2, y - _BOX_HEIGHT // 2
        knot = ' style="stroke:#a11232;stroke-width:2.5"' if room in circle else ""
        yield f'<rect x="{left}" y="{top}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="7"{knot}/>'
        yield f'<text x="{x}" y="{y - 2}">{escape(room)}</text>'
        yield f'<text class="size" x="{x}" y="{y + 15}">{_size(room)}</text>'


def drawing(rows: list[list[str]] | None = None) -> str:
    rows = rows or floors()
    height = 2 * _TOP + _FLOOR * (len(rows) - 1) + _BOX_HEIGHT
    parts = "\n".join(_parts(rows))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="The rooms of the engine on their floors, and what each imports">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="ground" width="{_WIDTH}" height="{height}" rx="10"/>\n{parts}\n</svg>\n'
    )


def _draw_checkout(checkout: str, picture: str) -> None:
    global PROJECT  # noqa: PLW0603 - the one thing that is another's
    PROJECT = Path(checkout).resolve()
    sys.path.insert(0, checkout)
    Path(picture).write_text(drawing(strata(imports())))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _draw_checkout(*sys.argv[1:])
    else:
        PICTURE.write_text(drawing())
