"""Drawings of venues: what they are (``model``) and how they come in from files.

::

    document ── native.py ──┐
             ── pretix.py ──┴─ draft ── assemble.py ── Layout
                     └─ reading.py and report.py find and name every problem
"""

from msgspec import Struct

from engine.base.documents import decode_json
from engine.layout.assemble import assemble
from engine.layout.model import Layout, SeatFlag
from engine.layout.native import read_native
from engine.layout.pretix import read_pretix
from engine.layout.report import LayoutRejected, Problem, Report


class Imported(Struct, frozen=True):
    """A sound layout, warnings about repaired or doubtful parts, and the file's seat ids by ``seat_no``."""

    layout: Layout
    warnings: list[Problem]
    seat_ids: tuple[str, ...]


def import_layout(document: object, *, renumber: bool = False, lenient: bool = False) -> Imported:
    """Read a venue from a decoded JSON document (or its bytes), native or pretix, by its keys.

    ``renumber`` gives fresh names where they are not unique (seat ids, seat numbers, row labels,
    section and area names); ``lenient`` drops or replaces dispensable parts. Both only turn those
    problems into warnings. Raises LayoutRejected with every problem, and then nothing is imported.
    """
    report = Report(lenient=lenient, renumber=renumber)
    decoded = _decode(document, report)
    draft = None
    if not isinstance(decoded, dict):
        report.fatal("$", f"expected an object, got {_kind(decoded)}")
    elif "zones" in decoded and "format" not in decoded:
        draft = read_pretix(decoded, report)
    elif {"format", "sections", "areas"} & decoded.keys():
        draft = read_native(decoded, report)
    else:
        report.fatal("$", 'neither a pretix plan ("zones") nor a native one ("sections")')
    if draft is None:
        report.reject()
    layout, seat_ids = assemble(draft, report)
    return Imported(layout, report.warnings(), tuple(seat_ids))


def _decode(document: object, report: Report) -> object:
    if isinstance(document, str):
        document = document.encode("utf-8", "surrogatepass")
    if not isinstance(document, bytes | bytearray | memoryview):
        return document
    try:
        return decode_json(document)
    except ValueError as error:
        report.fatal("$", f"not JSON: {error}")
        report.reject()


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", type(None): "nothing"}
    return kinds.get(type(value), "something else")


__all__ = ["Imported", "Layout", "LayoutRejected", "Problem", "SeatFlag", "import_layout"]
