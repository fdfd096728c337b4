"""A server of the MongoDB protocol, on a socket in a folder that nobody else can enter."""

import asyncio
import hashlib
import os
import stat
import struct
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from engine.base.data_folder import (
    StartError,
)
from engine.local.embedded.processes import (
    package_folder,
)
from engine.local.embedded.server import EmbeddedServer, ask


class EmbeddedMongo(EmbeddedServer):
    """A server of the MongoDB protocol on SQLite. It knows no passwords, so it listens on a socket in a
    folder that nobody else can enter, and on no port."""

    name = "mongo"
    title = "the MongoDB-protocol server"

    @property
    def url(self) -> str:
        return f"mongodb://{quote(str(self.socket), safe='')}/?directConnection=true"

    @property
    def socket(self) -> Path:
        """The socket in its folder or, if that path is too long for a socket, in a shorter folder of ours."""
        path = self.folder / "mongo.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES_MAX:
            return path
        base = "/run" if os.geteuid() == 0 and Path("/run").is_dir() else tempfile.gettempdir()
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(base, f"frontrow-{os.geteuid()}-{digest}", "mongo.sock")

    def _choose_port(self) -> int:
        return 0

    async def _prepare(self) -> None:
        package_folder("nx_27017", "MongoDB-protocol server", "FRONTROW_MONGO_URL")
        for folder in (self.folder, self.socket.parent):
            _make_private(folder)
        (self.folder / "server.pid").unlink(missing_ok=True)

    def _command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-c", _MONGO_PROGRAM),
            *("--db", str(self.folder / "catalogue.db"), "--single-db-compat"),
            *("--host", str(self.socket)),
            # The defaults are fixed names in the shared temporary folder.
            *("--pid-file", str(self.folder / "server.pid"), "--log-file", os.devnull),
        ]

    async def _answers(self) -> bool:
        return b"ok" in await ask(asyncio.open_unix_connection(self.socket), _mongo_ping(), 16)


def _make_private(folder: Path) -> None:
    """Make a folder that only we can enter. Raises StartError if it belongs to somebody else."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise StartError(f"{folder} belongs to another user: remove it, and start again")
    folder.chmod(0o700)


#: The kernel's limit of a socket's path, including the final NUL.
_SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
# The server supports only TCP sockets, and by default it logs two lines for every command.
_MONGO_PROGRAM = """
import asyncio, logging
from nx_27017.nx_27017 import main

def listen(client, path, port):
    return asyncio.start_unix_server(client, path)

logging.disable(logging.INFO)
asyncio.start_server = listen
main()
"""


def _mongo_ping() -> bytes:
    """OP_MSG ``{ping: 1, $db: "admin"}``, built here to spare the owner the driver's import."""
    fields = b"\x10ping\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6)
    body = fields + b"admin\x00" + b"\x00"
    document = struct.pack("<i", len(body) + 4) + body
    message = struct.pack("<I", 0) + b"\x00" + document
    return struct.pack("<iiii", 16 + len(message), 1, 0, 2013) + message
