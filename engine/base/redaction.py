"""Masks secrets in text: known ones by their value, others by their shape.

A log line, a traceback and an error on the command line pass through ``redacted`` last, in their
finished form, because an exception's text may quote anything. Secrets that this process knows (its
settings, ``secrets.json``) are registered with ``hide`` and masked everywhere, in every encoding;
tokens, passwords in URLs, and addresses of people are recognised by their shape.
"""

import json
import re
import sys
import threading
import traceback
from types import TracebackType
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MASK: Final = "***"
#: A password this short may be part of ordinary words; it is masked within URLs only.
_KNOWN_LENGTH_MIN: Final = 6
_SECRET_NAME: Final = re.compile(r"(?i)(key|secret|password|token|ticket)$")

_SHAPES: Final = re.compile(
    # A password; and a user name without password, which may be a token.
    r"(?P<url>://[^\s/\"':@]*:)[^\s/\"']+(?=@)"
    r"|(?P<userinfo>(?<=://)[^\s/\"']+(?=@))"
    r"|(?P<email>[\w.+%-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<jwt>\beyJ[\w-]{5,}(?:\.[\w-]*)*)"
    r"|(?P<bearer>(?<=bearer )[\w.~+/=-]{8,})"
    r"|(?P<authorization>authorization\W{1,6}(?:b\W)?(?:\w+ )?)[\w.~+/=:-]{8,}"
    r"|(?P<query>[?&][\w-]*(?:ticket|token|key|secret|password|code|proof)=)[^\s&\"'\\]+"
    # The token in a mailed link, or in a page of the sandbox bank.
    r"|(?P<link>/(?:[bw]|3ds|unsubscribe|verify)/|#w=)[\w-]{20,}"
    # As reprs, JSON and keyword arguments are written: password='…', "refresh_token": "…".
    r"|(?P<named>(?:password|passwd|secret|token|organiser_key|api_key)(?:\\?[\"'])?\s*[:=]\s*b?\\?[\"'])"
    r"[^\"'\\]+"
    # A random secret of 32 bytes or more, in base64url: has letters of both cases and digits.
    r"|(?P<random>(?<![\w-])(?=[\w-]{0,80}\d)[\w-]{43,})",
    re.IGNORECASE,
)
#: Groups that announce a secret; they stay.
_LABELS: Final = frozenset({"url", "authorization", "query", "link", "named"})


class _Known:
    """The secrets of this process, in every encoding in which a line may hold them."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        forms = {
            value,
            quote(value, safe=""),
            quote(value),
            repr(value)[1:-1],
            repr(value.encode())[2:-1],
            json.dumps(value)[1:-1],
        }
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            # The longest first: one form may be the beginning of another.
            ordered = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def mask(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)


_KNOWN: Final = _Known()


def hide(value: str) -> None:
    """Mask ``value`` from now on in everything that this process writes."""
    if len(value) >= _KNOWN_LENGTH_MIN:
        _KNOWN.add(value)


def hide_url(url: str) -> None:
    """Hide the passwords and tokens of a URL, in its authority and in its query."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query)
    except ValueError:
        return
    for password in filter(None, (parts.password, *(v for k, v in query if is_secret_name(k)))):
        hide(password)
        hide(unquote(password))


def is_secret_name(name: str) -> bool:
    """Whether this is the name of a secret: ``organiser_key``, ``sslpassword`` …"""
    return _SECRET_NAME.search(name) is not None


def redacted(text: str) -> str:
    """``text`` without secrets, tokens, passwords in URLs, and addresses of people."""
    return _SHAPES.sub(_mask, _KNOWN.mask(text))


def _mask(found: re.Match[str]) -> str:
    label = found.lastgroup
    if label == "random" and not _is_random(found[0]):
        return found[0]
    return found[label] + MASK if label in _LABELS else MASK


def _is_random(word: str) -> bool:
    # The whole pattern ignores case, so the two cases are checked here.
    return any(c.isupper() for c in word) and any(c.islower() for c in word)


def write_redacted_traceback(
    kind: type[BaseException], error: BaseException, where: TracebackType | None
) -> None:
    """``sys.excepthook``: writes an uncaught exception as Python does, without secrets."""
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, where))))


def install_hooks() -> None:
    """Write exceptions that end this process or one of its threads without secrets."""
    sys.excepthook = write_redacted_traceback

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            write_redacted_traceback(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        if args.exc_value is not None:
            write_redacted_traceback(args.exc_type, args.exc_value, args.exc_traceback)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
