"""Settings, read from the environment once and refused loudly when wrong.

Every setting is an environment variable ``FRONTROW_<NAME>``, or ``FRONTROW_<NAME>_FILE`` with the
path of a file that holds it: secrets come that way. A setting that is not given has the default
below. With the three store URLs absent the program uses the embedded servers.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from engine.addresses import parse_networks
from engine.notifications.server_url import parse_server_url

PREFIX = "FRONTROW_"
_FILE = "_file"
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
    "unlimited_networks": "127.0.0.0/8,::1",
    "log_format": "pretty",
    "otlp_url": "http://127.0.0.1:4318",
    "data_dir": "/var/lib/frontrow",
    "smtp_url": "smtp://frontrow:secret@mail.example:587",
    "mail_from": "City Theatre <tickets@theatre.example>",
    "mail_reply_to": "box-office@theatre.example",
}
_SENDER = re.compile(r"[^<>@\s]+@[^<>@\s]+|[^<>\x00-\x1f]* <[^<>@\s]+@[^<>@\s]+>")
#: Nobody has it; for mails that stay here.
_NOBODYS_ADDRESS = "Frontrow <tickets@frontrow.example>"
_SECRET = re.compile(r"(key|secret|password)$")

Port = Annotated[int, Meta(ge=1, le=65535)]
PositiveInt = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
#: 1023 is for who is moved to the head of a line by hand.
Weight = Annotated[int, Meta(ge=0, le=1022)]


class ConfigError(Exception):
    """A setting is wrong. The message is one line: the variable, what was read, an example."""


class Settings(Struct, frozen=True, kw_only=True):
    """One process's settings. Durations are seconds (``_s``), money is minor units."""

    #: Who sells; also whoever of the following is not given (docs/operations.md: PostgreSQL's roles).
    postgres_url: str | None = None
    #: The organiser's work and people's accounts, in the API.
    postgres_house_url: str | None = None
    #: The worker.
    postgres_worker_url: str | None = None
    #: `frontrow migrate`, backups and inspection; no process that serves needs it.
    postgres_owner_url: str | None = None
    redis_url: str | None = None
    mongo_url: str | None = None
    mongo_database: str = "frontrow"
    #: Of each login. At least two: laying an event's state anew takes two at once.
    postgres_pool_size: Annotated[int, Meta(ge=2)] = 8
    #: Where embedded servers keep their data and the generated secrets.
    data_dir: str = ".frontrow"

    api_host: str = "127.0.0.1"
    api_port: Port = 8000
    #: How long an API that was asked to end goes on taking requests, not ready any more: for load
    #: balancers that ask for readiness to look away first.
    api_linger_s: Annotated[float, Meta(ge=0)] = 0.0
    live_host: str = "127.0.0.1"
    live_port: Port = 8001
    worker_host: str = "127.0.0.1"
    #: The worker's health and metrics.
    worker_port: Port = 8002
    #: How browsers reach the API and the live gateway.
    public_url: str = "http://localhost:8000"
    live_public_url: str = "ws://localhost:8001"
    #: Origins whose pages may open a live connection, comma separated; ``*`` allows any.
    allowed_origins: tuple[str, ...] = ("http://localhost:8000", "http://127.0.0.1:8000")

    #: Bearer key of the organiser's API; empty switches that API off.
    organiser_key: str = ""
    #: Signs access tokens; at least 32 characters. Empty: generated and kept in ``data_dir``.
    token_secret: str = ""
    token_ttl_s: PositiveInt = 7 * 24 * 3600
    #: Tokens without an account that one address gets.
    guest_tokens_per_minute: PositiveInt = 600
    #: How long an access token of somebody with an account is good for; the page exchanges its refresh token.
    account_token_ttl_s: PositiveInt = 900
    #: How long a login lasts, however often its refresh token is exchanged.
    login_ttl_s: PositiveInt = 30 * 24 * 3600
    #: A refresh token that comes again within this gives the same next one: the answer may have been lost.
    refresh_grace_s: PositiveInt = 60
    #: Characters of a new password.
    password_length_min: Annotated[int, Meta(ge=8, le=64)] = 8
    #: Logins and registrations of one address.
    logins_per_minute: PositiveInt = 60
    #: Passwords tried for one account in a quarter of an hour.
    password_attempts: PositiveInt = 20

    #: How long a fresh hold lives, for events that do not say.
    hold_ttl_s: PositiveInt = 300
    #: No hold outlives this, however often it is extended or paid for.
    hold_max_s: PositiveInt = 1800
    #: Buyers who watch are told this long before their hold ends; of shorter holds they are not.
    hold_warning_s: PositiveInt = 60
    #: What a buyer has from checkout to the end of payment.
    payment_window_s: PositiveInt = 300
    #: Places one buyer may hold and own together, for events that do not say.
    buyer_limit: PositiveInt = 10
    #: How long the waitlist keeps seats for one person, for events that do not say.
    offer_window_s: PositiveInt = 900
    #: Who stands ahead in the line: tiers by weight, the larger first; within a tier, who came first.
    waitlist_weight_regular: Weight = 0
    waitlist_weight_premium: Weight = 100
    waitlist_weight_vip: Weight = 200
    #: How long the gateway may take to answer before its answer counts as unknown.
    gateway_timeout_s: Seconds = 5.0
    #: Difference tolerated between the clocks of Redis, PostgreSQL and this machine.
    clock_skew_max_s: Seconds = 0.5

    #: Rows of the outbox younger than this belong to the process that wrote them.
    outbox_grace_s: Seconds = 2.0
    worker_tick_s: Seconds = 0.2
    reconcile_interval_s: Seconds = 15.0
    #: How often the worker audits one open event, and a gateway one map; the next time, another one.
    audit_interval_s: Seconds = 20.0
    #: How often prices that follow a rule are looked at.
    reprice_interval_s: Seconds = 5.0

    live_tick_ms: PositiveInt = 50
    live_connections_per_address: PositiveInt = 20_000
    #: Several gateways share ``live_port``; the kernel spreads connections over them (SO_REUSEPORT).
    live_reuse_port: bool = False
    #: Health and metrics of this very gateway, for when ``live_port`` may reach any of them.
    live_metrics_port: Port | None = None
    #: Addresses and networks of proxies that are believed about whom they forward, comma separated.
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    #: Addresses and networks whose clients no limit counts, comma separated: for load tests and rehearsals.
    unlimited_networks: tuple[str, ...] = ()

    #: The mail server: ``smtp://user:password@host:587`` or ``smtps://…``. Empty: mails are kept, to be
    #: read at ``/dev/mail`` on this machine.
    smtp_url: str = ""
    #: The sender: an address, or ``Name <address>``.
    mail_from: str = _NOBODYS_ADDRESS
    #: Where answers go; empty: to the sender.
    mail_reply_to: str = ""
    #: For people who chose none, and events that name none.
    mail_language: str = "en"
    #: How long the mail server may take for one step; for its last word, ten times as long.
    mail_timeout_s: Seconds = 30.0
    #: How often it may put one mail off.
    mail_attempts_max: PositiveInt = 12
    #: Mails that could not be delivered for so long are given up.
    mail_age_max_s: PositiveInt = 48 * 3600
    #: The wait after the first failure; each further one is twice as long, up to an hour.
    mail_retry_s: Seconds = 10.0
    #: Sessions with the mail server that one worker has at most, each with one mail under way.
    mail_concurrency: Annotated[int, Meta(ge=1, le=100)] = 10
    #: Mails that one worker sends in a second at most, over all its sessions.
    mail_per_second: Seconds = 25.0
    #: The delivery log keeps a mail so long after it was sent and its event began; dead and doubtful ones
    #: until somebody has dealt with them.
    mail_retention_days: Annotated[int, Meta(ge=7, le=36500)] = 90
    log_format: str = "pretty"
    log_level: str = "info"
    #: The collector that takes OpenTelemetry's traces over HTTP; none are made without.
    otlp_url: str | None = None


def mask(value: str) -> str:
    """Hide passwords inside URLs, also in those that are not quite URLs."""
    return re.sub(r":(?!//)\S*@", ":***@", value)


def _complain(name: str, raw: str, why: str, default: Any) -> ConfigError:
    example = _EXAMPLES.get(name, "" if default is None else default)
    if isinstance(example, tuple):
        example = ",".join(example)
    shown = "***" if _SECRET.search(name) else mask(raw)
    hint = f"; for example {PREFIX}{name.upper()}={example}" if example != "" else ""
    return ConfigError(f"{PREFIX}{name.upper()}: {why} (read: {shown!r}){hint}")


def _check(settings: Settings, given: Mapping[str, str]) -> None:
    _check_urls(settings, given)
    if settings.log_format not in ("pretty", "json"):
        raise _complain("log_format", settings.log_format, "must be 'pretty' or 'json'", None)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise _complain(
            "log_level", settings.log_level, "must be debug, info, warning or error", "info"
        )
    if settings.token_secret and len(settings.token_secret) < 32:
        raise ConfigError(
            f"{PREFIX}TOKEN_SECRET: needs at least 32 characters (read: ***); "
            "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    _check_mail(settings)
    for name in ("trusted_proxies", "unlimited_networks"):
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
            why = f"needs {PREFIX}POSTGRES_URL beside it: the embedded server has logins of its own"
            raise _complain(name, given.get(name, ""), why, None)


def _check_mail(settings: Settings) -> None:
    for name in ("mail_from", "mail_reply_to"):
        value = getattr(settings, name)
        if value and not _SENDER.fullmatch(value):
            raise _complain(name, value, "must be an address, or Name <address>", None)
    if not settings.mail_from:
        raise _complain("mail_from", "", "mails need a sender", None)
    if not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", settings.mail_language):
        raise _complain("mail_language", settings.mail_language, "is no language", "en")
    if not settings.smtp_url:
        return
    try:
        parse_server_url(settings.smtp_url)
    except ValueError as error:
        raise _complain("smtp_url", settings.smtp_url, str(error), None) from None
    if settings.mail_from == _NOBODYS_ADDRESS:
        raise _complain("mail_from", "", "mails that leave need a sender of your own", None)


def is_given(name: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ``environ`` says a setting, by value or by file."""
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
            why = getattr(error, "strerror", None) or "it is no UTF-8 text"
            raise ConfigError(
                f"{variable}_FILE: cannot read {path!r}: {why}; name a file that this user may read"
            ) from None
        del values[key]
    return values


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``FRONTROW_*`` from ``environ`` (default: the process's), and the files they name.

    Raises ConfigError for an unknown or wrong variable, naming it, what was read (secrets masked)
    and an example; for a file that cannot be read, and for a setting given twice.
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
            known = ", ".join(sorted(PREFIX + f.upper() for f in fields))
            raise ConfigError(f"{PREFIX}{name.upper()}: no such setting; known are {known}")
        wanted: Any = raw
        if fields[name].type == tuple[str, ...]:
            wanted = [part.strip() for part in raw.split(",") if part.strip()]
        try:
            values[name] = msgspec.convert(wanted, fields[name].type, strict=False)
        except msgspec.ValidationError as error:
            why = str(error)[0].lower() + str(error)[1:]
            raise _complain(name, raw, why, fields[name].default) from None
    settings = Settings(**values)
    _check(settings, given)
    return settings


def data_path(settings: Settings) -> Path:
    """The folder of embedded data and generated secrets, absolute."""
    return Path(settings.data_dir).expanduser().resolve()


__all__ = ["ConfigError", "Settings", "data_path", "is_given", "load_settings", "mask"]
