"""The engine does not know HTTP, neither in its imports nor in its texts: the API names routes and headers."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator

import api
from api.problems import detail_of
from engine.base.errors import Conflict, Remedy
from tests.conftest import REPO

ENGINE = REPO / "engine"
#: These packages start the processes and ask them over HTTP.
_OUTSIDE = {"cli", "local"}
#: Exceptions: HTTP terms that the engine does use, by module.
ALLOWED: dict[str, set[str]] = {
    # Links to pages for people, on the public address in the settings.
    "notifications/facts.py": {"/events/", "/tickets"},
    "notifications/samples.py": {"/b/", "/mail/unsubscribe/", "/tickets", "/verify/"},
    "notifications/unsubscribe.py": {"/mail/unsubscribe/"},
    "people/verification.py": {"/verify/"},
    "sales/next_action.py": {"/v1/"},
    "sales/payments/sandbox.py": {"/sandbox/3ds/"},
    "waitlist/entries.py": {"/events/"},
    # A health server of its own, a foreign protocol, and mail headers.
    "base/health.py": {"/health/live", "/health/ready", "/metrics", "X-Content-Type-Options"},
    "base/tracing.py": {"/v1/"},
    "notifications/mime.py": {"X-Auto-Response-Suppress", "X-Frontrow-Kind"},
}
_VERB = r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) /"
_HEADER = r"\b(?:Idempotency-\w+|If-(?:None-)?Match|ETag|Authorization|Retry-After|RateLimit|X(?:-[A-Z]\w+)+)\b"


def _routes() -> set[str]:
    """The beginnings of the API's paths, up to the first parameter; for those below /v1/ only that prefix."""
    paths = {
        path
        for module in pkgutil.iter_modules(api.__path__)
        for handler in getattr(importlib.import_module(f"api.{module.name}"), "HANDLERS", [])
        for path in getattr(handler, "paths", [])
    }
    starts = {path.partition("{")[0] for path in paths if path != "/"}
    return {"/v1/" if start.startswith("/v1/") else start for start in starts}


def _strings(tree: ast.AST) -> Iterator[str]:
    """String literals of the code, without docstrings and without field descriptions, which the API publishes."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                skipped.add(node.value)
            case ast.Call(func=ast.Name(id="Meta")):
                skipped.update(ast.walk(node))
            case ast.Constant(value=str(text)) if node not in skipped:
                yield text


def test_the_engine_names_no_route_and_no_header() -> None:
    starts = sorted(map(re.escape, _routes()), key=len, reverse=True)
    assert len(starts) > 10
    # Not after another slash: a host may have the name of a page.
    words = re.compile(rf"(?<!/)(?:{'|'.join(starts)})|{_VERB}|{_HEADER}")
    found: dict[str, set[str]] = {}
    for path in ENGINE.rglob("*.py"):
        name = path.relative_to(ENGINE)
        if name.parts[0] in _OUTSIDE:
            continue
        said = {
            word for text in _strings(ast.parse(path.read_text())) for word in words.findall(text)
        }
        if said:
            found[str(name)] = said
    assert found == ALLOWED


def test_every_remedy_names_a_request() -> None:
    for remedy in Remedy:
        error = Conflict("It is so; do that.", remedy=remedy, remedy_id="one")
        told = detail_of(error)
        assert re.fullmatch(r"It is so; do that \([^{}]+\)\.", told), told
        assert re.search(f"{_VERB}|{_HEADER}", told), told
    assert "/v1/offers/one/accept" in detail_of(
        Conflict("Accept it.", remedy=Remedy.ACCEPT_OFFER, remedy_id="one")
    )
    assert detail_of(Conflict("It is so.")) == "It is so."
