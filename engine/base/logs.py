"""Logs: one line per event on stderr, pretty or JSON, ours and those of libraries alike.

Every line carries the process's role and the id of the work being served: a request, a connection of
the gateway, a round of a worker's step; in a batch, the ids of all its members. Addresses of people,
tokens and passwords in URLs must not be written down: they are masked in the finished line, wherever
they came from (engine.base.redaction). A traceback never shows the values of variables, and one place in
the code may write only a few of them a second: a client that can provoke an error must not fill a disk.
"""

import itertools
import logging
import re
import secrets
import sys
import time
import traceback
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, ExcInfo, Processor

from engine.base.config import Settings, data_path
from engine.base.redaction import hide, redacted, write_redacted_traceback

#: The ids of the work being served here, as they came over the wire; in a batch, those of all members.
REQUEST_ID: ContextVar[bytes | tuple[bytes, ...]] = ContextVar("request_id", default=b"")
#: For ids of work that comes without one: this process, and a number within it.
_PROCESS = secrets.token_hex(6).encode()
_COUNT = itertools.count(1)
#: No character with a meaning in SQL, a log or a header, and no person's address.
_GIVEN = re.compile(rb"[A-Za-z0-9._:/+=-]{1,64}")
#: The most tracebacks that one place writes in a second; further ones are named in one line.
_TRACEBACKS_PER_S: Final = 3
#: The most frames of one exception, the innermost; and the most characters of one traceback, from both ends.
_FRAMES_MAX: Final = 25
_TRACEBACK_LENGTH_MAX: Final = 16_000
#: The most characters of any other text: a stranger's input may be long.
_VALUE_LENGTH_MAX: Final = 2_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def request_id(given: bytes = b"") -> bytes:
    """``given`` if it is safe to write everywhere, else a new id of this process."""
    if given and _GIVEN.fullmatch(given):
        return given
    return b"%b-%x" % (_PROCESS, next(_COUNT))


def served_ids() -> str:
    """The ids of the work being served, for other programs' logs; empty outside of a request."""
    ids = REQUEST_ID.get()
    if isinstance(ids, bytes):
        return ids.decode("ascii")
    return b",".join(ids).decode("ascii")


def _redact(_: Any, __: str, line: Any) -> str:
    return redacted(line)


class Tracebacks:
    """Writes exceptions without the values of variables, and only a few per second and place."""

    def __init__(self, *, per_second: int = _TRACEBACKS_PER_S) -> None:
        self._per_second = per_second
        self._second = 0
        self._written: dict[tuple[type[BaseException], str, int], int] = {}

    def __call__(self, exc_info: ExcInfo) -> str:
        kind, error, where = exc_info
        name = traceback.format_exception_only(kind, error)[-1].strip()
        if not self._may_write(kind, where):
            return f"{name[:_VALUE_LENGTH_MAX]} (traceback not repeated)"
        written = traceback.TracebackException(
            kind,
            error,
            where,
            limit=-_FRAMES_MAX,
            max_group_width=5,
            max_group_depth=4,
            compact=True,
        )
        text = "".join(written.format()).rstrip()
        if len(text) > _TRACEBACK_LENGTH_MAX:
            end = _TRACEBACK_LENGTH_MAX // 2
            text = f"{text[:end]}\n […]\n{text[-end:]}"
        return text

    def _may_write(self, kind: type[BaseException], where: Any) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._written = second, {}
        place = (kind, *_place(where))
        self._written[place] = self._written.get(place, 0) + 1
        return self._written[place] <= self._per_second


def _place(where: Any) -> tuple[str, int]:
    """File and line of the innermost frame."""
    place = ("", 0)
    while where is not None:
        place = (where.tb_frame.f_code.co_filename, where.tb_lineno)
        where = where.tb_next
    return place


def _shorten(_: Any, __: str, event: EventDict) -> EventDict:
    """Limit the length of values, and remove line breaks and colour codes from them."""
    for name, value in event.items():
        if isinstance(value, str) and name != "exception":
            shown = value if len(value) <= _VALUE_LENGTH_MAX else value[:_VALUE_LENGTH_MAX] + "…"
            event[name] = _CONTROL.sub(_escaped, shown)
    return event


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def add_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """A processor of structlog: adds the ids of the work being served, as ``request_id`` or ``request_ids``."""
    ids = REQUEST_ID.get()
    if isinstance(ids, tuple):
        # Work outside of requests has no id.
        event["request_ids"] = [one.decode("ascii") for one in ids if one]
    elif ids:
        event["request_id"] = ids.decode("ascii")
    return event


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the ``sys.stderr`` of the moment, which may have been replaced."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.set_name("frontrow")

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        raise AttributeError("it is always stderr")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's name
        """Drop a line that cannot be written: the library would print it with all its arguments."""
        kind, error, where = sys.exc_info()
        if kind is not None and error is not None:
            write_redacted_traceback(kind, error, where)


def _hide_kept_secrets(folder: Path) -> None:
    """Mask this installation's kept secrets in every process, also in one that does not use them."""
    try:
        kept = msgspec.json.decode((folder / "secrets.json").read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError):
        return
    for value in kept.values():
        hide(value)


def configure_logging(settings: Settings, role: str) -> None:
    """Use structlog for everything, also for libraries that log to the standard library's ``logging``."""

    def add_role(_: Any, __: str, event: EventDict) -> EventDict:
        event["role"] = role
        return event

    settings.hide_secrets()
    _hide_kept_secrets(data_path(settings))
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_role,
        add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=0,
            # The pretty formatter would show the values of variables.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    tracebacks = structlog.processors.ExceptionRenderer(Tracebacks())
    end: list[Processor] = [tracebacks, _shorten, renderer]
    structlog.configure(
        processors=[*before, *end, _redact],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    _route_libraries(before, end, level)


def _route_libraries(before: list[Processor], end: list[Processor], level: int) -> None:
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end, _redact],
        )
    )
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if known.get_name() == "frontrow"]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    # Messages of libraries below a warning are useful only to their authors.
    root.setLevel(level if level in (logging.DEBUG, logging.ERROR) else logging.WARNING)
