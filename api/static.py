"""The pages and the files that they load, from memory: compressed once, revalidated by strong ETags.

Browsers revalidate every file (``no-cache``), so nobody runs yesterday's script on today's API; that costs a
304. Each file's modification time is checked at each request: a change shows with the next reload.

Scripts are sent without their comments (``api.scripts``), and everything in brotli where the browser takes it
(docs/decisions/0049-packing.md). Each coding of a file is made once, when somebody first asks for it.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import brotli
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from api.conventions import accepted_coding, has_tag
from api.scripts import read_script
from engine.base.caching import SingleFlight

WEB_ROOT = Path(__file__).resolve().parents[1] / "seatmap" / "web"
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
_ASSET_HEADERS = {
    **_HEADERS,
    # Files are public. Pages of other origins can load module scripts only with this header: the map is made
    # to be embedded.
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PAGE_HEADERS = {
    **_HEADERS,
    # Pictures come from any host that organisers choose; everything else comes from here.
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: https:; "
        "style-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
_NAME = re.compile(r"\w[\w-]*(\.\w+)+", re.ASCII)
_ENTRY = re.compile(r'<script type="module" src="/web/([\w.-]+)">')


class StaticFile(Struct, frozen=True):
    """The bytes to send, before they are compressed. ``stamp`` changes with the source."""

    stamp: tuple[Any, ...]
    media_type: str
    plain: bytes
    digest: str
    imports: tuple[str, ...] = ()


class StaticFiles:
    """The files of one folder that browsers may load, by name; subfolders are not served."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, StaticFile] = {}
        self._pages: dict[str, StaticFile] = {}

    def file(self, name: str) -> StaticFile:
        """Raises NotFoundException for an unknown name."""
        path = self._root / name
        # The pattern allows no separator and no leading dot, so no name leads out of the folder.
        if path.suffix not in _MEDIA_TYPES or not _NAME.fullmatch(name):
            raise NotFoundException
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._files.get(name)
            if known is None or known.stamp != stamp:
                known = self._files[name] = _read(stamp, path.suffix, path.read_bytes())
        except OSError:
            raise NotFoundException from None
        return known

    def page(self, name: str) -> StaticFile:
        """An HTML file that names every module its script will import, so that all load in one round trip."""
        source = self.file(name)
        source_text = source.plain.decode()
        modules = self._modules(_ENTRY.findall(source_text))
        stamp = (source.digest, *modules)
        known = self._pages.get(name)
        if known is None or known.stamp != stamp:
            links = "".join(
                f'<link rel="modulepreload" href="/web/{module}">\n'
                for module in modules
                if f'href="/web/{module}"' not in source_text
            )
            text = _ENTRY.sub(lambda entry: links + entry[0], source_text, count=1)
            known = self._pages[name] = _read(stamp, ".html", text.encode())
        return known

    def _modules(self, entries: list[str]) -> list[str]:
        """The modules that ``entries`` import, directly or indirectly; not the entries themselves."""
        found = list(entries)
        for name in found:
            with suppress(NotFoundException):
                found += [other for other in self.file(name).imports if other not in found]
        return found[len(entries) :]


def _read(stamp: tuple[Any, ...], suffix: str, plain: bytes) -> StaticFile:
    imports: tuple[str, ...] = ()
    if suffix == ".js":
        script = read_script(plain)
        plain, imports = script.code, script.imports
    digest = hashlib.sha256(plain).hexdigest()[:20]
    return StaticFile(stamp, _MEDIA_TYPES[suffix], plain, digest, imports)


async def _packed(file: StaticFile, coding: str) -> bytes:
    # A thread: brotli takes some 30 ms for the largest file.
    return await asyncio.to_thread(_CODINGS[coding], file.plain)


async def respond(
    request: Request[Any, Any, Any],
    file: StaticFile,
    headers: dict[str, str],
    *,
    status: int = 200,
) -> Response[bytes]:
    """A file in the coding that the browser takes best, or 304 if it has it."""
    coding = accepted_coding(request.headers.get("accept-encoding"), *_CODINGS)
    # A strong tag identifies bytes, and each encoding has other bytes.
    tag = f'"{file.digest}-{coding}"' if coding else f'"{file.digest}"'
    headers = {**headers, "ETag": tag}
    if status == 200 and has_tag(request.headers.get("if-none-match"), tag):
        return Response(b"", status_code=304, headers=headers)
    body = file.plain
    if coding:
        headers["Content-Encoding"] = coding
        body = await _packings.get((file.digest, coding), lambda: _packed(file, coding))
    return Response(body, status_code=status, headers=headers, media_type=file.media_type)


#: In the order of preference.
_CODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "br": lambda plain: brotli.compress(plain, quality=11),
    "gzip": lambda plain: gzip.compress(plain, 9, mtime=0),
}
_packings: Final[SingleFlight[tuple[str, str], bytes]] = SingleFlight(500)
_files = StaticFiles(WEB_ROOT)
#: Whole pages have addresses of their own; other HTML is a part that a script fetches.
_PAGES = frozenset({"index.html", "event.html", "tickets.html"})
METHODS = [HttpMethod.GET, HttpMethod.HEAD]


@route("/web/{name:str}", http_method=METHODS, include_in_schema=False)
async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
    if name in _PAGES:
        raise NotFoundException
    return await respond(request, _files.file(name), _ASSET_HEADERS)


def web_file(name: str) -> StaticFile:
    """A file of the folder that browsers may load. Raises NotFoundException."""
    return _files.file(name)


async def page_file(name: str) -> StaticFile:
    """A whole page, with all its modules named."""
    # A thread: the first page reads and parses all its modules.
    return await asyncio.to_thread(_files.page, name)


def made_page(text: str) -> StaticFile:
    """A page that was written for this request."""
    return _read((), ".html", text.encode())


async def _page(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    return await respond(request, await page_file(name), PAGE_HEADERS)


@route("/", http_method=METHODS, include_in_schema=False)
async def index_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    return await _page(request, "index.html")


@route("/tickets", http_method=METHODS, include_in_schema=False)
async def tickets_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    return await _page(request, "tickets.html")


HANDLERS = [asset, index_page, tickets_page]
