"""What all resources share: ETags and If-Match, cursors, page sizes."""

import base64
import binascii
from typing import Annotated, Any, TypeVar

import msgspec
from litestar.params import Parameter

from engine.errors import InvalidInput, PreconditionRequired

T = TypeVar("T")

Limit = Annotated[int, Parameter(ge=1, le=100, description="How many at most (1 to 100).")]
Cursor = Annotated[
    str | None, Parameter(max_length=500, description="`next_cursor` of the page before.")
]
IfMatch = Annotated[
    str | None, Parameter(header="If-Match", description="The ETag you have read.", max_length=100)
]


def etag(version: int) -> str:
    return f'"{version}"'


def required_version(if_match: str | None) -> int:
    """The version named by If-Match. Raises PreconditionRequired without it."""
    version = optional_version(if_match)
    if version is None:
        raise PreconditionRequired(
            "Send If-Match with the ETag that you read, so that nobody's change is lost."
        )
    return version


def optional_version(if_match: str | None) -> int | None:
    """The version named by If-Match; None without it. Raises InvalidInput when it is none of ours."""
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInput(f'If-Match must be an ETag of ours, for example "3"; got {if_match!r}.')
    return int(text)


def encode_cursor(position: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def decode_cursor(cursor: str | None, kind: type[T]) -> T | None:
    """Where the page before ended. Raises InvalidInput for what is no cursor of ours."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=kind)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise InvalidInput("cursor: not one of ours; start again without it.") from None
