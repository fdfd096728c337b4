"""The mail server as one URL: ``smtp://user:password@host:587?starttls=always``."""

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

_PORTS = {"smtp": 25, "smtps": 465}
StartTls = Literal["always", "auto", "never"]


class MailServerUrl(Struct, frozen=True, kw_only=True):
    """The mail server. ``tls``: from the first byte; ``starttls``: whether to switch to TLS later."""

    host: str
    port: int
    tls: bool
    starttls: StartTls
    username: str | None = None
    password: str | None = None
    #: A file of certificates to trust, instead of the system's.
    ca: str | None = None


def parse_server_url(url: str) -> MailServerUrl:
    """Read an ``smtp://`` or ``smtps://`` URL; user and password are percent-encoded.

    ``?starttls=``: ``always`` (the default where there is a password, which must not be overheard),
    ``auto`` (when the server offers it; the default otherwise) or ``never``. ``?ca=``: a file.
    Raises ValueError, saying what is wrong.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError("must start with smtp:// or smtps://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.path not in ("", "/"):
        raise ValueError(f"must not have a path, but ends with {parts.path!r}")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := set(query) - {"starttls", "ca"}:
        raise ValueError(f"allows starttls and ca after the ?, not {', '.join(sorted(unknown))}")
    tls = parts.scheme == "smtps"
    return MailServerUrl(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        tls=tls,
        starttls="never" if tls else _starttls(query, has_login=parts.username is not None),
        username=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
        ca=query.get("ca"),
    )


def _starttls(query: dict[str, str], *, has_login: bool) -> StartTls:
    match query.get("starttls"):
        case None:
            return "always" if has_login else "auto"
        case "always" | "auto" | "never" as chosen:
            return chosen
        case other:
            raise ValueError(f"starttls must be always, auto or never, not {other!r}")
