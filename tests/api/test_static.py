"""Pages and their files: small and always fresh; no other file of the disk is served."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import brotli
import httpx
import pytest
from litestar.exceptions import NotFoundException

from api.static import StaticFiles
from tests.catalog.test_event_list_api import raw
from tests.conftest import House

pytestmark = pytest.mark.contract

UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
}
WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
SCRIPTS = sorted(path.name for path in WEB.glob("*.js"))
#: Bytes of all scripts together as they are sent: what the page may cost on a telephone that has none of
#: them yet. Every browser of today takes brotli; a reader loads the texts of one language.
SCRIPT_BUDGET = 72 * 1024


async def test_all_scripts_together_stay_small(http: httpx.AsyncClient) -> None:
    sizes = {}
    for name in SCRIPTS:
        headers, body = await raw(http, f"/web/{name}", "gzip, deflate, br, zstd")
        assert headers["content-encoding"] == "br"
        sizes[name] = len(body)
    assert len(sizes) > 10
    languages = [
        sizes.pop(name) for name in SCRIPTS if name.startswith("texts.") and name != "texts.js"
    ]
    assert len(languages) > 1
    assert sum(sizes.values()) + max(languages) <= SCRIPT_BUDGET, (sizes, languages)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("index.js", "text/javascript; charset=utf-8"),
        ("base.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_is_sent_with_its_headers_and_encodings(
    http: httpx.AsyncClient, name: str, media_type: str
) -> None:
    content = StaticFiles(WEB).file(name).plain
    tags = set()
    for coding, unpack in UNPACK.items():
        headers, body = await raw(http, f"/web/{name}", coding)
        assert headers.get("content-encoding", "identity") == coding
        assert unpack(body) == content
        assert headers["content-type"] == media_type
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-cache"
        assert headers["vary"] == "Accept-Encoding"
        # Module scripts of a page elsewhere load only with this.
        assert headers.get_list("access-control-allow-origin") == ["*"]
        tags.add(headers["etag"])
        known = {"Accept-Encoding": coding, "If-None-Match": f'"other", W/{headers["etag"]}'}
        again = await http.get(f"/web/{name}", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == headers["etag"]
        head = await http.head(f"/web/{name}", headers={"Accept-Encoding": coding})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(body))
    # A strong tag names bytes: each coding has its own.
    assert len(tags) == len(UNPACK)
    stale = await http.get(f"/web/{name}", headers={"If-None-Match": '"other"'})
    assert stale.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/web/",
        "/web/nothing.js",
        "/web/tsconfig.json",
        "/web/event.html",
        "/web/.hidden.js",
        "/web/..%2f..%2fpyproject.toml",
        "/web/%2e%2e/%2e%2e/api/static.py",
        "/web/..%5cstatic.js",
        "/web/index.js%00.css",
        "/web/%2fetc%2fpasswd.js",
    ],
)
async def test_only_known_files_are_served(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("page", ["/", "event"])
async def test_a_page_names_all_its_modules(
    http: httpx.AsyncClient, house: House, page: str
) -> None:
    path = f"/events/{house.event_id}" if page == "event" else page
    response = await http.get(path)
    assert response.headers["content-encoding"] == "br"
    assert "script-src 'self'" in response.headers["content-security-policy"]
    preloaded = re.findall(r'<link rel="modulepreload" href="/web/([^"]+)">', response.text)
    entries = re.findall(r'<script type="module" src="/web/([^"]+)">', response.text)
    assert len(preloaded) == len(set(preloaded))
    needed = list(entries)
    for name in needed:
        imports = re.findall(
            r'^(?:import|export)[^;]*?"\./([^"]+)"', (WEB / name).read_text(), re.M
        )
        needed += [other for other in imports if other not in needed]
    assert len(needed) > len(entries) > 0
    assert set(preloaded) == set(needed) - set(entries)
    again = await http.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_change_shows_with_the_next_request(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('<script type="module" src="/web/a.js"></script>')
    (tmp_path / "a.js").write_text('import "./b.js";\n')
    (tmp_path / "b.js").write_text("1;\n")
    files = StaticFiles(tmp_path)
    first, before = files.file("b.js"), files.page("page.html")
    assert files.file("b.js") is first
    assert files.page("page.html") is before
    assert b'modulepreload" href="/web/b.js"' in before.plain

    (tmp_path / "b.js").write_text('import "./new.js";\n')
    (tmp_path / "new.js").write_text("2;\n")
    assert files.file("b.js").digest != first.digest
    assert files.file("b.js").plain == b'import "./new.js";\n'
    assert files.page("page.html").digest != before.digest
    assert b"/web/new.js" in files.page("page.html").plain

    (tmp_path / "new.js").unlink()
    with pytest.raises(NotFoundException):
        files.file("new.js")
