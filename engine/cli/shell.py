"""What every command of the command line needs: to refuse, to read a file, to open the engine."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.base.config import Settings

if TYPE_CHECKING:
    from engine.runtime import Runtime

T = TypeVar("T")
_DOCUMENT_BYTES_MAX = 64 * 1024 * 1024


class Refused(Exception):
    """What the command line itself refuses. The message is one line that says what to do."""


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator["Runtime"]:
    """The engine on the stores that run, or on embedded ones for the length of one command."""
    import msgspec  # noqa: PLC0415

    from engine.local.embedded import stores  # noqa: PLC0415
    from engine.runtime import open_runtime  # noqa: PLC0415
    from engine.stores import migrate as migrations  # noqa: PLC0415

    async with stores(settings) as urls:
        if settings.postgres_url is None:
            migrations.migrate(urls.postgres_owner_url)
        settings = msgspec.structs.replace(settings, **msgspec.structs.asdict(urls))
        async with open_runtime(settings, role="cli") as runtime:
            yield runtime


def read_document(file: Path) -> object:
    import msgspec  # noqa: PLC0415

    try:
        size = file.stat().st_size
        if size > _DOCUMENT_BYTES_MAX:
            raise Refused(f"{file} has {size} bytes; at most {_DOCUMENT_BYTES_MAX} are read")
        return msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise Refused(f"cannot read {file}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is not JSON: {error}") from None


def named_price(text: str) -> tuple[str, int]:
    """``Stalls=15000``: a category and minor units. Raises Refused."""
    category, equals, amount = text.rpartition("=")
    if not equals or not amount.isdecimal():
        raise Refused(f"--price {text!r} is not CATEGORY=AMOUNT, for example Stalls=15000")
    return category, int(amount)


def check_id(event_id: str) -> None:
    try:
        uuid.UUID(event_id)
    except ValueError:
        raise Refused(f"{event_id!r} is not an event's id; see frontrow event list") from None
