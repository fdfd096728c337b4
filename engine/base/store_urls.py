"""URLs of the stores: from the settings, or as the owner of the embedded servers wrote them down."""

from collections.abc import Mapping
from typing import Any

import msgspec
import psutil
from msgspec import Struct

from engine.base.config import Settings, data_path, mask
from engine.base.data_folder import StartError, read_json
from engine.base.redaction import hide_url


class StoreUrls(Struct, frozen=True, kw_only=True):
    """URLs of the stores. Logins of PostgreSQL that are not given are ``postgres_url``: one for all."""

    #: The login that sells, and serves all work without a login of its own.
    postgres_url: str
    #: The login for the organiser's work and accounts.
    postgres_house_url: str = ""
    postgres_worker_url: str = ""
    #: The owner of the schema: migrations, backups, inspection.
    postgres_owner_url: str = ""
    redis_url: str
    mongo_url: str

    def __post_init__(self) -> None:
        for name in POSTGRES_LOGINS:
            if not getattr(self, name):
                msgspec.structs.force_setattr(self, name, self.postgres_url)
        # They hold passwords, and code that has them may write them down by mistake.
        for url in msgspec.structs.astuple(self):
            hide_url(url)

    def __repr__(self) -> str:
        return f"StoreUrls({', '.join(f'{name}={url!r}' for name, url in self.__rich_repr__())})"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [(name, mask(url)) for name, url in msgspec.structs.asdict(self).items()]


#: Settings and fields of StoreUrls that name PostgreSQL's other logins.
POSTGRES_LOGINS = ("postgres_house_url", "postgres_worker_url", "postgres_owner_url")


def running_urls(settings: Settings) -> StoreUrls | None:
    """The URLs to use now: the given ones, else those of the running embedded servers.

    None when a URL is not given and no owner runs on the data directory.
    """
    given = (settings.postgres_url, settings.redis_url, settings.mongo_url)
    run: dict[str, Any] = {}
    if None in given:
        run = _running(settings)
        if not run:
            return None
    return given_or(settings, run.get("urls", {}))


def running_addresses(settings: Settings) -> dict[str, tuple[str, int]]:
    """Host and port of each process of the ``frontrow up`` that runs on the data folder, by its name.

    Empty where none runs. Raises StartError as ``running_urls``.
    """
    return msgspec.convert(
        _running(settings).get("listening", {}), dict[str, tuple[str, int]], strict=False
    )


def _running(settings: Settings) -> dict[str, Any]:
    """The record that the running owner of the data folder has written; empty where none runs."""
    try:
        run: dict[str, Any] = read_json(data_path(settings) / "run.json")
    except PermissionError as error:
        raise StartError(
            f"cannot read {error.filename}: Frontrow runs there as another user"
        ) from None
    if not run or not is_same_process(int(run["pid"]), float(run["started_s"])):
        return {}
    return run


def given_or(settings: Settings, own: Mapping[str, str]) -> StoreUrls:
    """The URLs of the settings; for servers without one there, those of our own servers."""
    names = ["postgres_url", "redis_url", "mongo_url"]
    urls = {name: getattr(settings, name) or own[name] for name in names}
    logins = own if settings.postgres_url is None else {}
    for name in POSTGRES_LOGINS:
        urls[name] = getattr(settings, name) or logins.get(name, "")
    return StoreUrls(**urls)


def start_time_s(pid: int) -> float | None:
    """When the process started, as seconds since the epoch; None when there is no such process."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def is_same_process(pid: int, started_s: float) -> bool:
    """Whether the process that started at this time still runs: process ids are reused."""
    actual = start_time_s(pid)
    return actual is not None and abs(actual - started_s) < 1.0
