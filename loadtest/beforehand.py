"""Checks before a run, so that a wrong address is one line of text and not a thousand failures."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from geventhttpclient import HTTPClient

_WAIT_S = 10.0


def which_event(options: Any) -> str | None:
    """Why these options do not say where to buy; None if they do. Everything bought is really sold."""
    named = any(each.strip() for each in options.event.split(","))
    if named == options.any_event:
        return (
            "--event and --any-event exclude each other"
            if named
            else "which event? --event ID names it; --any-event buys out whatever is listed"
        )
    return None


def complaint(options: Any) -> str | None:
    """Why ``locust -f loadtest`` cannot run with these options, in one line; None if it can."""
    if options.num_users is not None and options.num_users < 1:
        return f"-u {options.num_users}: at least one user must come"
    for file in (options.html_file, options.summary_file, options.csv_prefix):
        if file and (why := _cannot_write(Path(file))):
            return f"cannot write {file}: {why}"
    return _wrong_host(options.host or "", options.event)


def _cannot_write(file: Path) -> str | None:
    """Missing folders are made later."""
    folder = file.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if file.is_dir() or not folder.is_dir():
        return "name a file in a folder"
    return None if os.access(folder, os.W_OK) else "Permission denied"


def _wrong_host(host: str, event_ids: str) -> str | None:
    address = urlsplit(host)
    if address.scheme not in ("http", "https") or not address.hostname:
        return f"--host {host!r} is not an address, as http://localhost:8000"
    try:
        client = HTTPClient.from_url(
            host, connection_timeout=_WAIT_S, network_timeout=_WAIT_S, insecure=True
        )
        with contextlib.closing(client):
            prefix = address.path.rstrip("/")
            status, listed = _get(client, f"{prefix}/v1/events?limit=1")
            if not isinstance(listed, dict) or "items" not in listed:
                return f"{host} is no Frontrow: its list of events answers {status}"
            for event_id in filter(None, map(str.strip, event_ids.split(","))):
                status, _ = _get(client, f"{prefix}/v1/events/{event_id}")
                if status == 404:
                    return f"--event: there is no event {event_id} at {host}"
    except (OSError, ValueError) as error:
        return f"{host} does not answer ({error}): is it the address of a running Frontrow?"
    return None


def _get(client: HTTPClient, path: str) -> tuple[int, Any]:
    """The status, and the answer if it is JSON."""
    answer = client.get(path, headers={"Accept": "application/json"})
    body = answer.read()
    try:
        return answer.status_code, json.loads(body)
    except ValueError:
        return answer.status_code, None
