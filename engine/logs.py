"""Logs: one line per event on stderr, pretty or JSON, ours and those of libraries alike.

Every line carries the process's role and the id of what is being served: a request, a connection of
the gateway, a round of a worker's step; in a batch, the ids of all its members. What must not be
written down (addresses of people, tokens, passwords in URLs) is masked in the finished line, wherever it
came from: an exception's text quotes whatever it likes.
"""

import itertools
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from engine.config import Settings

#: What is being served here, as it came over the wire; of a batch, all that is.
REQUEST_ID: ContextVar[bytes | tuple[bytes, ...]] = ContextVar("request_id", default=b"")
#: Names what comes without an id: this process, and the piece of work within it.
_PROCESS = secrets.token_hex(6).encode()
_COUNT = itertools.count(1)
#: Nothing that means anything in SQL, a log or a header, and no address of a person.
_GIVEN = re.compile(rb"[A-Za-z0-9._:/+=-]{1,64}")

_SECRETS = re.compile(
    r"(?P<url>(?<=://)[^\s/@\"']*:[^\s/@\"']+(?=@))"
    r"|(?P<email>[\w.+%-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<token>\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*)"
    r"|(?P<bearer>(?<=[Bb]earer )[\w.~+/=-]{8,})"
    r"|(?P<link>(?:(?<=/[bw]/)|(?<=/3ds/)|(?<=/unsubscribe/)|(?<=#w=))[\w-]{20,})"
    r"|(?P<query>(?<=[?&])(?:ticket|token|key|secret)=[^\s&\"'\\]+)"
)


def request_id(given: bytes = b"") -> bytes:
    """``given`` if it is fit to be written everywhere, else a new id of this process."""
    if given and _GIVEN.fullmatch(given):
        return given
    return b"%b-%x" % (_PROCESS, next(_COUNT))


def served_ids() -> str:
    """The ids of what is being served, for other programs' logs; empty when it is nobody's."""
    ids = REQUEST_ID.get()
    if isinstance(ids, bytes):
        return ids.decode("ascii")
    return b",".join(ids).decode("ascii")


def redacted(line: str) -> str:
    """``line`` without addresses of people, tokens, and passwords in URLs."""
    return _SECRETS.sub(_mask, line)


def _mask(found: re.Match[str]) -> str:
    if found.lastgroup == "query":
        return found[0].partition("=")[0] + "=***"
    return "***"


def _redact(_: Any, __: str, line: Any) -> str:
    return redacted(line)


def add_request_id(_: Any, __: str, event: EventDict) -> EventDict:
    """A processor of structlog: what is being served, as ``request_id`` or ``request_ids``."""
    ids = REQUEST_ID.get()
    if isinstance(ids, tuple):
        event["request_ids"] = [one.decode("ascii") for one in ids]
    elif ids:
        event["request_id"] = ids.decode("ascii")
    return event


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to whatever stderr is by then."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.set_name("frontrow")

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, _: TextIO) -> None:
        raise AttributeError("it is always stderr")


def configure_logging(settings: Settings, role: str) -> None:
    """structlog for everything, also for what libraries tell the standard library's ``logging``."""

    def add_role(_: Any, __: str, event: EventDict) -> EventDict:
        event["role"] = role
        return event

    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_role,
        add_request_id,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    is_json = settings.log_format == "json"
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0)
    )
    # The pretty renderer shows a traceback by itself, and better.
    end: list[Processor] = [*([structlog.processors.format_exc_info] if is_json else []), renderer]
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
    # What libraries say below a warning is of use to those who write them.
    root.setLevel(level if level in (logging.DEBUG, logging.ERROR) else logging.WARNING)
