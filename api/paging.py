"""Pages of lists: how many, and where the page before ended.

A cursor is the position of a page's last item: its kind is a type, its values have ranges, and it
carries a version. It is base64url of ``[version, position]`` in JSON. Only the text that
``encode_cursor`` makes is a cursor; everything else is refused, so that what reaches a store is always
something that a store can compare.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from engine.base.errors import InvalidInput

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741  # an item

Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most (1 to 100).")]
Cursor = Annotated[
    str | None, QueryParameter(max_length=500, description="`next_cursor` of the page before.")
]
#: PostgreSQL's ``integer`` and ``bigint``, as far as they count something.
Int32 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Int64 = Annotated[int, Meta(ge=0, le=2**63 - 1)]

#: Grows when the meaning of any position changes.
_VERSION: Final = 1
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Position(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ended. Its moments are in UTC and within what every store can compare."""

    def __post_init__(self) -> None:
        for value in msgspec.structs.astuple(self):
            if isinstance(value, datetime) and not (
                value.tzinfo is not None and _EARLIEST <= value < _LATEST
            ):
                raise ValueError("a moment out of range")


def encode_cursor(position: Any) -> str:
    """The cursor of the page behind ``position``, a ``Position`` or an id."""
    return _text(msgspec.json.encode((_VERSION, position)))


def decode_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """Where the page before ended. Raises InvalidInput for a cursor that this API did not make."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        _, position = msgspec.json.decode(raw, type=tuple[Literal[1], kind])  # type: ignore[valid-type]  # a type that is known when it runs
    except (ValueError, OverflowError, RecursionError, binascii.Error, msgspec.DecodeError):
        raise _refused() from None
    if encode_cursor(position) != cursor:
        raise _refused()
    return position


def cut(found: Sequence[I], limit: int, position: Callable[[I], Any]) -> tuple[list[I], str | None]:
    """The first ``limit`` of the items found, and the cursor behind them where there are more.

    Ask the store for one more than ``limit``; ``position`` gives an item's place in the list.
    """
    more = len(found) > limit
    return list(found[:limit]), encode_cursor(position(found[limit - 1])) if more else None


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _refused() -> InvalidInput:
    return InvalidInput("cursor: not valid; start again without it.")
