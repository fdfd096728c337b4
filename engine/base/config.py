"""Settings, read from the environment once and refused loudly when wrong.

Every setting is an environment variable ``FRONTROW_<NAME>``, or ``FRONTROW_<NAME>_FILE`` with the
path of a file that holds it, meant for secrets. A setting that is not given has the default below.
Without the three store URLs the program uses the embedded servers.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from engine.base.addresses import is_local_host, parse_networks
from engine.base.redaction import MASK, hide, hide_url, is_secret_name
from engine.base.server_url import parse_server_url
from engine.base.wording import did_you_mean, what_to_send

PREFIX = "FRONTROW_"
_FILE = "_file"
_QUERY_SECRET = re.compile(r"(?i)([?&][\w-]*(?:key|secret|password|token)=)[^&\s]*")
#: Characters of a secret that an operator chooses.
SECRET_LENGTH_MIN = 32
#: Different characters in it: 32 times the same letter is guessed as quickly as one.
_SECRET_CHARACTERS_MIN = 8
_URL_SCHEMES = {
    "postgres_url": ("postgres", "postgresql"),
    "postgres_house_url": ("postgres", "postgresql"),
    "postgres_worker_url": ("postgres", "postgresql"),
    "postgres_owner_url": ("postgres", "postgresql"),
    "redis_url": ("redis", "rediss", "unix"),
    "mongo_url": ("mongodb", "mongodb+srv"),
    "public_url": ("http", "https"),
    "live_public_url": ("ws", "wss"),
    "otlp_url": ("http", "https"),
}
_EXAMPLES = {
    "postgres_url": "postgresql://frontrow_sell:secret@db.example:5432/frontrow",
    "postgres_house_url": "postgresql://frontrow_house:secret@db.example:5432/frontrow",
    "postgres_worker_url": "postgresql://frontrow_worker:secret@db.example:5432/frontrow",
    "postgres_owner_url": "postgresql://frontrow_owner:secret@db.example:5432/frontrow",
    "redis_url": "redis://frontrow:secret@cache.example:6379/0",
    "mongo_url": "mongodb://frontrow:secret@docs.example:27017",
    "public_url": "https://tickets.example",
    "live_public_url": "wss://tickets.example",
    "live_metrics_port": "8021",
    "trusted_proxies": "10.0.0.0/8,::1",
    "metrics_networks": "10.20.0.0/16",
    "unlimited_networks": "127.0.0.0/8,::1",
    "log_format": "pretty",
    "otlp_url": "http://127.0.0.1:4318",
    "data_dir": "/var/lib/frontrow",
    "smtp_url": "smtp://frontrow:secret@mail.example:587",
    "mail_from": "City Theatre <tickets@theatre.example>",
    "mail_reply_to": "box-office@theatre.example",
}
_SENDER = re.compile(r"[^<>@\s]+@[^<>@\s]+|[^<>\x00-\x1f]* <[^<>@\s]+@[^<>@\s]+>")
#: An address that nobody has; for mails that stay on this machine.
_NOBODYS_ADDRESS = "Frontrow <tickets@frontrow.example>"

Port = Annotated[int, Meta(ge=1, le=65535)]
PositiveInt = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
#: 1023 is for entries that an organiser moves to the front of the waitlist.
Weight = Annotated[int, Meta(ge=0, le=1022)]


class ConfigError(Exception):
    """A setting is wrong. The message is one line: the variable, the value read, an example."""


class Settings(Struct, frozen=True, kw_only=True):
    """One process's settings. Durations are seconds (``_s``), money is minor units."""

    #: The login that sells; also used for each of the following that is not given (docs/operations.md:
    #: PostgreSQL's roles).
    postgres_url: str | None = None
    #: The login for the organiser's work and people's accounts, in the API.
    postgres_house_url: str | None = None
    #: The worker's login.
    postgres_worker_url: str | None = None
    #: The login for `frontrow migrate`, backups and inspection; no serving process needs it.
    postgres_owner_url: str | None = None
    redis_url: str | None = None
    mongo_url: str | None = None
    mongo_database: str = "frontrow"
    #: Connections of each login. At least two: rebuilding an event's state takes two at once.
    postgres_pool_size: Annotated[int, Meta(ge=2)] = 8
    #: How long a buyer's request may take altogether; longer work goes on without the request.
    request_timeout_s: Seconds = 6.0
    #: How long one call to PostgreSQL, Redis or MongoDB may take while a buyer waits for it.
    store_timeout_s: Seconds = 2.0
    #: How long a statement waits for one lock in PostgreSQL; then its event counts as stuck.
    lock_timeout_s: Seconds = 1.0
    #: How long one statement of the worker, of a publication, an import or an export may take.
    long_timeout_s: Seconds = 30.0
    #: Where embedded servers keep their data and the generated secrets.
    data_dir: str = ".frontrow"

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    #: How long an API that was asked to end still takes requests while it reports "not ready": time for
    #: load balancers to notice.
    api_linger_s: Annotated[float, Meta(ge=0)] = 0.0
    #: How long a request's headers may take, from their first byte to their last.
    api_header_timeout_s: Seconds = 10.0
    #: How long the sending of a body, or the reading of an answer, may stall.
    api_progress_timeout_s: Seconds = 20.0
    #: How long a connection without a request stays open.
    api_idle_timeout_s: Seconds = 75.0
    #: Connections of one API. When all are taken, the one idle longest is closed for a new one.
    api_connections_max: PositiveInt = 8192
    #: Connections of one network (IPv4: /24, IPv6: /48); trusted proxies are not counted.
    api_connections_per_network: PositiveInt = 1024
    #: Requests under way in one API; further ones are refused with 503.
    api_requests_max: PositiveInt = 2000
    live_host: str = "127.0.0.1"
    live_port: Port = 8001
    worker_host: str = "127.0.0.1"
    #: Port of the worker's health and metrics.
    worker_port: Port = 8002
    #: Addresses at which browsers reach the API and the live gateway.
    public_url: str = "http://localhost:8000"
    live_public_url: str = "ws://localhost:8001"
    #: Origins whose pages may open a live connection, comma separated; ``*`` allows any.
    allowed_origins: tuple[str, ...] = ("http://localhost:8000", "http://127.0.0.1:8000")

    #: Bearer key of the organiser's API, at least 32 characters; empty switches that API off.
    organiser_key: str = ""
    #: Wrong organiser's keys that one network may send before it is refused for a while.
    wrong_keys_per_minute: PositiveInt = 10
    #: Signs access tokens; at least 32 characters. Empty: generated and kept in ``data_dir``.
    token_secret: str = ""
    token_ttl_s: PositiveInt = 7 * 24 * 3600
    #: Guest tokens that one address gets before each costs a proof of work.
    guest_tokens_per_minute: PositiveInt = 600
    #: Guest tokens that all addresses together get before each costs a proof of work.
    guest_tokens_of_all_per_minute: PositiveInt = 30_000
    #: How long an access token of a person with an account is valid; the page then exchanges its refresh token.
    account_token_ttl_s: PositiveInt = 900
    #: How long a login lasts, however often its refresh token is exchanged.
    login_ttl_s: PositiveInt = 30 * 24 * 3600
    #: A refresh token sent again within this time gives the same next one: the answer may have been lost.
    refresh_grace_s: PositiveInt = 60
    #: Least number of characters of a new password.
    password_length_min: Annotated[int, Meta(ge=8, le=64)] = 8
    #: Look-ups of bookings that one network may ask for; each is at most one mail.
    lookups_per_hour: PositiveInt = 60
    #: Logins and registrations of one address.
    logins_per_minute: PositiveInt = 60
    #: Passwords that one address may try for one account in a quarter of an hour.
    password_attempts: PositiveInt = 20

    #: How long a fresh hold lives, for events without a duration of their own.
    hold_ttl_s: PositiveInt = 300
    #: No hold outlives this, however often it is extended or paid for.
    hold_max_s: PositiveInt = 1800
    #: Buyers who watch are warned this long before their hold ends; holds shorter than this have no warning.
    hold_warning_s: PositiveInt = 60
    #: How much time a buyer has from checkout to the end of payment.
    payment_window_s: PositiveInt = 300
    #: Places one buyer may hold and own together, for events without a limit of their own.
    buyer_limit: PositiveInt = 10
    #: Unpaid places that one network (/24, /48) may hold at once: this number, or this share of the house,
    #: whichever is more. Networks in ``unlimited_networks`` have no limit.
    network_places: PositiveInt = 50
    network_share_percent: Annotated[float, Meta(ge=0, le=100)] = 1.5
    #: How long the waitlist keeps seats for one person, for events without a duration of their own.
    offer_window_s: PositiveInt = 900
    #: Waitlist entries that one network (IPv4 /24, IPv6 /48) may ask for: each may cause a mail.
    waitlist_joins_per_hour: PositiveInt = 1000
    #: The waitlist's order: tiers by weight, the larger first; within a tier, the earlier entry first.
    waitlist_weight_regular: Weight = 0
    waitlist_weight_premium: Weight = 100
    waitlist_weight_vip: Weight = 200
    #: How long the gateway may take to answer before its answer counts as unknown.
    gateway_timeout_s: Seconds = 5.0
    #: ``allow``: the sandbox takes payments in a public deployment, too; tickets there then cost nothing.
    sandbox: str = ""
    #: Difference tolerated between the clocks of Redis, PostgreSQL and this machine.
    clock_skew_max_s: Seconds = 0.5

    #: Rows of the outbox younger than this belong to the process that wrote them.
    outbox_grace_s: Seconds = 2.0
    worker_tick_s: Seconds = 0.2
    reconcile_interval_s: Seconds = 15.0
    #: How often the worker audits one open event, and a gateway one map; the next time, another one.
    audit_interval_s: Seconds = 20.0
    #: How often prices that follow a rule are reviewed.
    reprice_interval_s: Seconds = 5.0

    live_tick_ms: PositiveInt = 50
    #: Live maps of one address: twice a school behind one address. A network (IPv4: /24, IPv6: /48) may
    #: have four times as many.
    live_connections_per_address: PositiveInt = 1000
    #: Live maps of one gateway, about 15 KiB each.
    live_connections_max: PositiveInt = 30_000
    #: Several gateways share ``live_port``; the kernel spreads connections over them (SO_REUSEPORT).
    live_reuse_port: bool = False
    #: Port for health and metrics of this one gateway, for when ``live_port`` may reach any of several.
    live_metrics_port: Port | None = None
    #: Addresses and networks of proxies whose X-Forwarded-For is trusted, comma separated.
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    #: Addresses and networks of peers that may read ``/metrics`` and ``/health/*``, besides this machine.
    metrics_networks: tuple[str, ...] = ()
    #: Addresses and networks whose clients have no limits, comma separated: for load tests and rehearsals.
    unlimited_networks: tuple[str, ...] = ()

    #: The mail server: ``smtp://user:password@host:587`` or ``smtps://…``. Empty: mails are kept, to be
    #: read at ``/dev/mail`` on this machine.
    smtp_url: str = ""
    #: The sender: an address, or ``Name <address>``.
    mail_from: str = _NOBODYS_ADDRESS
    #: The address for replies; empty: the sender.
    mail_reply_to: str = ""
    #: The language for people who chose none, and events that name none.
    mail_language: str = "en"
    #: How long the mail server may take for one step; for its answer to a whole mail, ten times as long.
    mail_timeout_s: Seconds = 30.0
    #: How often it may defer one mail.
    mail_attempts_max: PositiveInt = 12
    #: Mails that could not be delivered within this time are given up.
    mail_age_max_s: PositiveInt = 48 * 3600
    #: The wait after the first failure; each further wait is twice as long, up to an hour.
    mail_retry_s: Seconds = 10.0
    #: The most sessions with the mail server that one worker has, each with one mail under way.
    mail_concurrency: Annotated[int, Meta(ge=1, le=100)] = 10
    #: The most mails that one worker sends in a second, over all its sessions.
    mail_per_second: Seconds = 25.0
    #: How long the delivery log keeps a mail after it was sent and its event began; dead and unknown ones
    #: stay until a person has dealt with them.
    mail_retention_days: Annotated[int, Meta(ge=7, le=36500)] = 90
    log_format: str = "pretty"
    log_level: str = "info"
    #: The collector that takes OpenTelemetry's traces over HTTP; without it no traces are made.
    otlp_url: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether buyers come from other machines: the public address is not this machine's own."""
        return not is_local_host(urlsplit(self.public_url).hostname or "")

    @property
    def sandbox_sells(self) -> bool:
        """Whether the sandbox takes payments: in a public deployment only when the setting says so."""
        return not self.is_public or self.sandbox == "allow"

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"Settings({shown})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The settings that differ from the defaults, without secrets: for logs, debuggers and tracebacks."""
        given = ((f, getattr(self, f.name)) for f in msgspec.structs.fields(self))
        return [(f.name, _shown(f.name, value)) for f, value in given if value != f.default]

    def hide_secrets(self) -> None:
        """Mask the secrets of these settings in everything that this process writes from now on."""
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, str) and value:
                if is_secret_name(name):
                    hide(value)
                elif name.endswith("_url"):
                    hide_url(value)


def _shown(name: str, value: object) -> object:
    if not isinstance(value, str):
        return value
    return MASK if is_secret_name(name) else mask(value)


def mask(value: str) -> str:
    """Hide passwords inside URLs, also inside malformed ones."""
    return _QUERY_SECRET.sub(rf"\1{MASK}", re.sub(r":(?!//)\S*@", f":{MASK}@", value))


def _complain(name: str, raw: str, why: str, default: Any) -> ConfigError:
    example = _EXAMPLES.get(name, "" if default is None else default)
    if isinstance(example, tuple):
        example = ",".join(example)
    shown = _shown(name, raw)
    hint = f"; for example {PREFIX}{name.upper()}={example}" if example != "" else ""
    return ConfigError(f"{PREFIX}{name.upper()}: {why} (read: {shown!r}){hint}")


def _check(settings: Settings, given: Mapping[str, str]) -> None:
    _check_urls(settings, given)
    if settings.log_format not in ("pretty", "json"):
        raise _complain("log_format", settings.log_format, "must be 'pretty' or 'json'", None)
    if settings.sandbox not in ("", "allow"):
        raise _complain("sandbox", settings.sandbox, "must be 'allow', or not set", "allow")
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise _complain(
            "log_level", settings.log_level, "must be debug, info, warning or error", "info"
        )
    for name in ("token_secret", "organiser_key"):
        _check_secret(name, getattr(settings, name))
    _check_mail(settings)
    for name in ("trusted_proxies", "metrics_networks", "unlimited_networks"):
        networks: tuple[str, ...] = getattr(settings, name)
        try:
            parse_networks(networks)
        except ValueError as error:
            raise _complain(name, ",".join(networks), str(error), None) from None
    if settings.hold_max_s < settings.hold_ttl_s:
        raise _complain(
            "hold_max_s",
            str(settings.hold_max_s),
            f"must be at least {PREFIX}HOLD_TTL_S ({settings.hold_ttl_s})",
            1800,
        )


def _check_urls(settings: Settings, given: Mapping[str, str]) -> None:
    for name, schemes in _URL_SCHEMES.items():
        value = getattr(settings, name)
        if value is None:
            continue
        raw = given.get(name, value)
        try:
            parts = urlsplit(value)
            _ = parts.port
        except ValueError as error:
            raise _complain(name, raw, f"is not a URL: {error}", None) from None
        if parts.scheme not in schemes:
            raise _complain(name, raw, f"must start with {schemes[0]}://", None)
        if parts.scheme != "unix" and not parts.netloc:
            raise _complain(name, raw, "names no host", None)
    for name in ("postgres_house_url", "postgres_worker_url", "postgres_owner_url"):
        if getattr(settings, name) and not settings.postgres_url:
            why = f"needs {PREFIX}POSTGRES_URL as well: the embedded server has logins of its own"
            raise _complain(name, given.get(name, ""), why, None)


def _check_secret(name: str, value: str) -> None:
    if value and (len(value) < SECRET_LENGTH_MIN or len(set(value)) < _SECRET_CHARACTERS_MIN):
        raise ConfigError(
            f"{PREFIX}{name.upper()}: needs at least {SECRET_LENGTH_MIN} characters, and not a few "
            "repeated ones (read: ***); make one with: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ConfigError(
            f"{PREFIX}{name.upper()}: must be printable ASCII without blanks (read: ***)"
        )


def _check_mail(settings: Settings) -> None:
    for name in ("mail_from", "mail_reply_to"):
        value = getattr(settings, name)
        if value and not _SENDER.fullmatch(value):
            raise _complain(name, value, "must be an address, or Name <address>", None)
    if not settings.mail_from:
        raise _complain("mail_from", "", "mails need a sender", None)
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", settings.mail_language):
        raise _complain("mail_language", settings.mail_language, "is not a language tag", "en")
    if not settings.smtp_url:
        return
    try:
        parse_server_url(settings.smtp_url)
    except ValueError as error:
        raise _complain("smtp_url", settings.smtp_url, str(error), None) from None
    if settings.mail_from == _NOBODYS_ADDRESS:
        raise _complain(
            "mail_from", "", "mails sent through a server need a sender of your own", None
        )


def is_given(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ``environ`` gives a setting, by value or by file."""
    variable = PREFIX + name.upper()
    return variable in environ or variable + _FILE.upper() in environ


def _read_files(given: Mapping[str, str]) -> dict[str, str]:
    """``given`` with the contents of files in place of their paths."""
    names = {field.name for field in msgspec.structs.fields(Settings)}
    values = dict(given)
    for key, path in given.items():
        name = key.removesuffix(_FILE)
        if name == key or name not in names:
            continue
        variable = PREFIX + name.upper()
        if name in given:
            raise ConfigError(f"{variable} and {variable}_FILE are both set; keep one of them")
        try:
            # Editors and `echo` end a file with a line break; no setting ends with one.
            values[name] = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ConfigError(
                f"{variable}_FILE: cannot read {path!r}: {why}; name a file that this user may read"
            ) from None
        del values[key]
    return values


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``FRONTROW_*`` from ``environ`` (default: the process's), and the files they name.

    Raises ConfigError for an unknown variable, with the nearest name; for a wrong one, with what was
    read (secrets masked) and an example; for a file that cannot be read, and for a setting given twice.
    """
    source = os.environ if environ is None else environ
    fields = {f.name: f for f in msgspec.structs.fields(Settings)}
    given = _read_files(
        {
            key.removeprefix(PREFIX).lower(): value
            for key, value in source.items()
            if key.startswith(PREFIX)
        }
    )
    values: dict[str, Any] = {}
    for name, raw in given.items():
        if name not in fields:
            near = did_you_mean(name, fields, PREFIX) or "; docs/operations.md lists them all"
            raise ConfigError(f"{PREFIX}{name.upper()}: no such setting{near}")
        wanted: Any = raw
        if fields[name].type == tuple[str, ...]:
            wanted = [part.strip() for part in raw.split(",") if part.strip()]
        try:
            values[name] = msgspec.convert(wanted, fields[name].type, strict=False)
        except msgspec.ValidationError:
            why = "must be " + what_to_send(fields[name].type, nullable=False)
            raise _complain(name, raw, why, fields[name].default) from None
    settings = Settings(**values)
    _check(settings, given)
    settings.hide_secrets()
    return settings


def quiet(settings: Settings) -> Settings:
    """The same settings, logging errors only: for work of many thousand steps, which warnings would slow down."""
    return msgspec.structs.replace(settings, log_level="error")


def data_path(settings: Settings) -> Path:
    """The folder of embedded data and generated secrets, absolute."""
    return Path(settings.data_dir).expanduser().resolve()


__all__ = ["ConfigError", "Settings", "data_path", "is_given", "load_settings", "mask"]
