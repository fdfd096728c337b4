"""Shared by all commands of the command line: to refuse, to read a file, to open the engine."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.base.config import Settings, data_path

if TYPE_CHECKING:
    from engine.runtime import Runtime

T = TypeVar("T")
_DOCUMENT_BYTES_MAX = 64 * 1024 * 1024


class CommandRefused(Exception):
    """A refusal by the command line itself. The message is one line that says what to do."""


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def need_installation(settings: Settings) -> None:
    """Raise CommandRefused where embedded servers would be used and the data folder has no installation."""
    from engine.base.data_folder import is_installed  # noqa: PLC0415
    from engine.local.embedded import EmbeddedStores  # noqa: PLC0415

    folder = data_path(settings)
    if EmbeddedStores(settings).servers and not is_installed(folder):
        raise CommandRefused(
            f"there is no Frontrow in {folder}: run this where it is, name its data folder with "
            "FRONTROW_DATA_DIR, or make a new one with frontrow up"
        )


@asynccontextmanager
async def opened(settings: Settings, *, may_install: bool = False) -> AsyncIterator["Runtime"]:
    """The engine on the running stores, or on embedded ones that run for this command only.

    A command that needs existing data does not make a new installation.
    Raises CommandRefused.
    """
    import msgspec  # noqa: PLC0415

    from engine.local.embedded import stores  # noqa: PLC0415
    from engine.runtime import open_runtime  # noqa: PLC0415
    from engine.stores import migrate as migrations  # noqa: PLC0415

    if not may_install:
        need_installation(settings)
    async with stores(settings) as urls:
        if settings.postgres_url is None:
            migrations.migrate(urls.postgres_owner_url)
        settings = msgspec.structs.replace(settings, **msgspec.structs.asdict(urls))
        async with open_runtime(settings, role="cli") as runtime:
            yield runtime


def read_document(file: Path) -> object:
    from engine.base.documents import decode_json  # noqa: PLC0415

    try:
        size = file.stat().st_size
        if size > _DOCUMENT_BYTES_MAX:
            raise CommandRefused(f"{file} has {size} bytes; at most {_DOCUMENT_BYTES_MAX} are read")
        return decode_json(file.read_bytes())
    except OSError as error:
        raise CommandRefused(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise CommandRefused(f"{file} is not JSON: {error}") from None


def named_price(text: str) -> tuple[str, int]:
    """``Stalls=15000``: a category and minor units. Raises CommandRefused."""
    category, equals, amount = text.rpartition("=")
    if not equals or not amount.isdecimal():
        raise CommandRefused(f"--price {text!r} is not CATEGORY=AMOUNT, for example Stalls=15000")
    return category, int(amount)


def moment(at: datetime) -> str:
    """A time as the command line writes it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def given_moment(option: str, text: str) -> datetime:
    """The time that an option gives. Raises CommandRefused."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        lacks = "is not a time" if at is None else "has no time zone"
        raise CommandRefused(
            f"{option} {text!r} {lacks}; write it like 2027-05-01T20:00:00Z or 2027-05-01T22:00:00+02:00"
        )
    return at


def check_id(event_id: str) -> None:
    try:
        uuid.UUID(event_id)
    except ValueError:
        raise CommandRefused(
            f"{event_id!r} is not an event's id; see frontrow event list"
        ) from None
