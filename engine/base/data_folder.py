"""Files of an installation's data folder: private ones, and its generated secrets."""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.base.redaction import hide


class StartError(Exception):
    """A server could not be started. The message is one line that says what to do."""


class AlreadyRunning(StartError):
    """Another process owns the servers of this data directory."""


def write_private(path: Path, value: Any) -> None:
    """Write JSON that only its owner may read; a reader sees the old file or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty when there is no such file or it holds something else."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (ValueError, UnicodeDecodeError):
        # The files that are read this way can be made again, except secrets (see kept_secret).
        return {}
    return value if isinstance(value, dict) else {}


def is_installed(data_dir: Path) -> bool:
    """Whether an installation keeps its data in this folder."""
    return (data_dir / "secrets.json").exists()


def prepare_data_dir(data_dir: Path) -> None:
    """Create the data directory, or raise StartError when it cannot be written to."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / "logs").mkdir(exist_ok=True)
        probe = data_dir / f".probe.{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"cannot write to the data folder {data_dir}: {error.strerror or error}; "
            "make it writable, or name another one with FRONTROW_DATA_DIR"
        ) from None
    with suppress(FileNotFoundError):
        owner = (data_dir / "secrets.json").stat().st_uid
        if owner != os.geteuid():
            # With files of two users in one folder, one of them could not open the other's.
            raise StartError(
                f"the data folder {data_dir} was made by {_user_name(owner)}: run Frontrow as that "
                "user, or name another folder with FRONTROW_DATA_DIR"
            )


def _user_name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - POSIX only

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user number {uid}"


def kept_secret(data_dir: Path, name: str) -> str:
    """The secret ``name`` of this installation, generated on first use and kept (mode 0600)."""
    prepare_data_dir(data_dir)
    path = data_dir / "secrets.json"
    # Processes that start side by side must not each invent their own.
    with (data_dir / "secrets.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            kept = json.loads(path.read_text()) if path.exists() else {}
            for value in kept.values():
                hide(str(value))
            if name in kept:
                return str(kept[name])
        except (OSError, ValueError, TypeError) as error:
            raise StartError(
                f"cannot read {path}: {error}; restore it, or delete it together with "
                f"{data_dir / 'postgres'} to start afresh"
            ) from None
        kept[name] = secrets.token_urlsafe(32)
        hide(kept[name])
        write_private(path, kept)
        return str(kept[name])
