"""CSV for spreadsheets (RFC 4180): written to a file first, so that a table that is sent is complete.

A table that broke off half-way would look like a short one; and a slow reader keeps a file open, not a
store's connection.
"""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from tempfile import SpooledTemporaryFile
from typing import Any

from litestar.response import Stream

from engine.base.cells import safe_cells

CSV = "text/csv"
#: Smaller tables never touch the disk.
_MEMORY_MAX = 1024 * 1024
_CHUNK_SIZE = 64 * 1024


async def csv_response(
    header: Sequence[str], rows: AsyncIterator[Iterable[Any]], *, filename: str
) -> Stream:
    """A table as a download. Text goes through ``safe_cells``; nothing is sent before all rows are written."""
    with ExitStack() as failing:
        file = failing.enter_context(SpooledTemporaryFile(_MEMORY_MAX))
        text = TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(header)
        async for row in rows:
            writer.writerow(safe_cells(row))
        text.detach()
        size = file.tell()
        file.seek(0)
        failing.pop_all()
    return Stream(
        _chunks(file),
        # Litestar adds the charset itself.
        media_type=f"{CSV}; header=present",
        headers={
            "Content-Disposition": f'attachment; filename="{filename}"',
            "Content-Length": str(size),
            "Cache-Control": "no-store",
        },
    )


def _chunks(file: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with file:
        while chunk := file.read(_CHUNK_SIZE):
            yield chunk
