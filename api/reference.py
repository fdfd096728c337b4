"""The reference at /schema: the OpenAPI document as a page, without scripts or resources of other sites.

``/schema/openapi.json`` is the document itself; ``/schema`` also answers JSON when the client asks for it.
"""

import json
import re
from collections.abc import Iterable
from html import escape
from http import HTTPStatus
from typing import Any

from litestar import MediaType, Response, Router, get
from litestar.datastructures import ResponseHeader
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath
from litestar.response import Redirect

from api.conventions import AnyRequest
from api.examples.problems import PROBLEMS
from api.json_types import Json
from api.openapi import example_path, problem_example
from api.problems import status_of
from engine.base.errors import FrontrowError

_LINE_LENGTH = 64
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_ACCESS = {
    "BearerToken": "Needs a buyer's token",
    "OrganiserKey": "Needs the organiser's key",
    None: "Open to everyone",
}


class ReferencePage(OpenAPIRenderPlugin):
    """Renders the page once; the document does not change while the process runs."""

    def __init__(self) -> None:
        super().__init__(path="/")
        self._page: bytes | None = None

    def render(self, request: AnyRequest, openapi_schema: Json) -> bytes:
        del request
        if self._page is None:
            self._page = render_reference(openapi_schema).encode()
        return self._page


def reference_router() -> Router:
    """The plug-in through which Litestar serves the page and the document."""
    return Router(
        "/schema",
        route_handlers=[],
        include_in_schema=False,
        before_request=_negotiate,
        response_headers=[
            ResponseHeader(name="Content-Security-Policy", value=_CSP),
            ResponseHeader(name="Vary", value="Accept"),
        ],
    )


async def _negotiate(request: AnyRequest) -> Response[Any] | None:
    path = request.url.path.rstrip("/")
    if path not in ("/schema", "/schema/openapi.json"):
        raise NotFoundException
    if path == "/schema" and _prefers_json(request.headers.get("accept", "")):
        document = request.app.openapi_schema.to_schema()
        return Response(document, media_type=MediaType.JSON, headers={"Vary": "Accept"})
    return None


def _prefers_json(accept: str) -> bool:
    kinds = [kind.partition(";")[0].strip() for kind in accept.split(",")]
    is_json = [kind == "application/json" or kind.endswith("+json") for kind in kinds]
    return any(is_json) and "text/html" not in kinds


@get("/problems/{code:str}", include_in_schema=False)
async def describe_problem(code: FromPath[str]) -> Redirect:
    """A problem's type opens its description."""
    if code not in PROBLEMS:
        raise NotFoundException
    return Redirect(f"/schema#problem-{code}", status_code=303)


# The page


def render_reference(document: Json) -> str:
    """The whole page of an OpenAPI document as ``api.openapi`` makes it."""
    info, components = document["info"], document["components"]
    by_tag: dict[str, list[Json]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            by_tag[operation["tags"][0]].append({**operation, "path": path, "method": method})
    title = f"{info['title']} API"
    main = (
        f'<section class="about" id="about"><div class="words"><h1>{escape(title)}</h1>'
        f'<p class="lead">{escape(info["summary"])}</p>{prose(info["description"])}</div>'
        f'<div class="examples">{_panel("A booking in four requests", _FIRST_STEPS)}</div></section>'
        + "".join(_tag(tag, by_tag[tag["name"]], components) for tag in document["tags"])
        + _types(components["schemas"])
        + _problems([operation for group in by_tag.values() for operation in group])
    )
    return _PAGE.format(title=escape(title), contents=_contents(by_tag), main=main)


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/base.css">
<link rel="stylesheet" href="/web/reference.css">
</head>
<body>
<a class="skip" href="#about">Skip to the text</a>
<header class="bar">
<a class="brand" href="/"><img src="/web/icon.svg" alt="" width="28" height="28">Frontrow</a>
<span class="where">API reference</span>
<a class="document" href="/schema/openapi.json">openapi.json</a>
</header>
<div class="reference">
<nav class="contents" aria-label="Contents">{contents}</nav>
<main>{main}</main>
</div>
</body>
</html>
"""


_FIRST_STEPS = escape(
    """\
API=http://localhost:8000

curl -X POST $API/v1/auth/guest

curl $API/v1/events

curl $API/v1/events/$EVENT_ID/holds \\
  -H "Authorization: Bearer $ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"seats": [117, 118]}'

curl $API/v1/bookings \\
  -H "Authorization: Bearer $ACCESS_TOKEN" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: my-first-booking" \\
  -d '{
    "hold_id": "'$HOLD_ID'",
    "buyer": {"email": "ada@example.com", "name": "Ada"},
    "payment": {"provider": "sandbox", "token": "tok_visa"}
  }'
""",
    quote=False,
)


def _contents(by_tag: dict[str, list[Json]]) -> str:
    groups = [
        f'<li><a class="group" href="#{_anchor(tag)}">{escape(tag)}</a><ul>'
        + "".join(
            f'<li><a href="#{o["operationId"]}">{_method(o)}{escape(o["summary"])}</a></li>'
            for o in operations
        )
        + "</ul></li>"
        for tag, operations in by_tag.items()
    ]
    ends = "".join(
        f'<li><a class="group" href="#{_anchor(name)}">{name}</a></li>'
        for name in ("Types", "Problems")
    )
    return f"<ul>{''.join(groups)}{ends}</ul>"


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _method(operation: Json) -> str:
    method = operation["method"]
    return f'<span class="method {method}">{method.upper()}</span>'


def _tag(tag: Json, operations: list[Json], components: Json) -> str:
    return (
        f'<section class="tag" id="{_anchor(tag["name"])}"><header><h2>{escape(tag["name"])}</h2>'
        f"{prose(tag.get('description', ''))}</header>"
        + "".join(_operation(operation, components) for operation in operations)
        + "</section>"
    )


# One operation: words on the left, examples on the right


def _operation(operation: Json, components: Json) -> str:
    name = operation["operationId"]
    return (
        f'<article class="operation" id="{name}"><div class="words">'
        f'<h3><a href="#{name}">{escape(operation["summary"])}</a></h3>'
        f'<p class="route">{_method(operation)}<code>{_path(operation["path"])}</code></p>'
        f"{prose(operation.get('description', ''))}"
        f'<p class="access">{_access(operation)}</p>'
        f"{_parameters(operation)}{_request_fields(operation, components)}{_responses(operation)}"
        f'</div><div class="examples">{_request_example(operation)}{_response_examples(operation)}'
        "</div></article>"
    )


def _path(path: str) -> str:
    """The path with its parameters marked, breakable at every slash."""
    marked = re.sub(r"\{(\w+)\}", r"<var>{\1}</var>", escape(path))
    return re.sub(r"(?<=.)/", "<wbr>/", marked.replace("</", "<\0")).replace("<\0", "</")


def _access(operation: Json) -> str:
    schemes = [name for entry in operation.get("security", []) for name in entry]
    if len(set(schemes)) > 1:
        return "Needs a buyer's token, or the organiser's key"
    return _ACCESS[schemes[0] if schemes else None]


def _parameters(operation: Json) -> str:
    rows = [
        _field(
            parameter["name"],
            parameter["schema"],
            parameter["in"],
            "required" if parameter["required"] else "",
            description=parameter["description"],
        )
        for parameter in operation.get("parameters", [])
    ]
    return f'<h4>Parameters</h4><dl class="fields">{"".join(rows)}</dl>' if rows else ""


def _request_fields(operation: Json, components: Json) -> str:
    if "requestBody" not in operation:
        return ""
    (content,) = operation["requestBody"]["content"].values()
    schema = _resolved(content["schema"], components)
    fields = _fields(schema) or f"<p>{_type(schema)}</p>"
    return f"<h4>Body {_type(content['schema'])}</h4>{fields}"


def _resolved(schema: Json, components: Json) -> Json:
    if "$ref" in schema:
        found: Json = components["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _responses(operation: Json) -> str:
    given: list[str] = []
    refused: list[str] = []
    for status, response in operation["responses"].items():
        is_problem = "application/problem+json" in response.get("content", {})
        (refused if is_problem else given).append(_response(status, response, is_problem))
    answers = f'<h4>Responses</h4><dl class="statuses">{"".join(given)}</dl>'
    problems = f'<h4>Problems</h4><dl class="statuses">{"".join(refused)}</dl>'
    return answers + (problems if refused else "")


def _response(status: str, response: Json, is_problem: bool) -> str:
    if is_problem:
        codes = response["content"]["application/problem+json"]["examples"]
        words = " ".join(
            f'<a class="code" href="#problem-{code}">{escape(code)}</a>' for code in codes
        )
    else:
        bodies = [
            _type(content["schema"]) if "schema" in content else f"<code>{escape(kind)}</code>"
            for kind, content in response.get("content", {}).items()
        ]
        words = inline(response["description"]) + "".join(f" {body}" for body in bodies)
    headers = ", ".join(f"<code>{escape(name)}</code>" for name in response.get("headers", {}))
    sent = f'<span class="headers">with {headers}</span>' if headers else ""
    family = "good" if status < "400" else "bad"
    return f'<div><dt class="{family}">{status}</dt><dd>{words}{sent}</dd></div>'


def _request_example(operation: Json) -> str:
    parameters = operation.get("parameters", [])
    lines = [f"{operation['method'].upper()} {_example_target(operation, parameters)}"]
    if operation.get("security"):
        lines.append("Authorization: Bearer …")
    lines += [
        f"{p['name']}: {p['example']}"
        for p in parameters
        if p["in"] == "header" and "example" in p and p["name"] != "If-None-Match"
    ]
    bodies = _examples(operation["requestBody"]["content"]) if "requestBody" in operation else []
    if not bodies:
        return _panel("Request", escape("\n".join(lines)))
    head = escape("\n".join([*lines, "Content-Type: application/json"]))
    return "".join(
        _panel("Request" if len(bodies) == 1 else f"Request: {name}", f"{head}\n\n{body}")
        for name, body in bodies
    )


def _example_target(operation: Json, parameters: list[Json]) -> str:
    """Path and, for lists, a query as one would write it."""
    shown = (
        {"city", "from", "available", "status", "limit"} if operation["method"] == "get" else set()
    )
    query = "&".join(
        f"{p['name']}={json.dumps(p['example']).strip(chr(34))}"
        for p in parameters
        if p["in"] == "query" and "example" in p and p["name"] in shown
    )
    return example_path(operation["path"], parameters) + (f"?{query}" if query else "")


def _response_examples(operation: Json) -> str:
    panels = []
    for status, response in operation["responses"].items():
        if "application/problem+json" in response.get("content", {}):
            continue
        phrase = f"{status} {HTTPStatus(int(status)).phrase}"
        bodies = _examples(response.get("content", {})) or [("", "")]
        panels += [_panel(phrase, body) for _, body in bodies]
    return "".join(panels)


def _examples(content: Json) -> list[tuple[str, str]]:
    return [
        (name, escape(value["value"]) if kind.startswith("text/") else highlight(value["value"]))
        for kind, body in content.items()
        for name, value in body.get("examples", {}).items()
    ]


def _panel(title: str, body: str) -> str:
    label = escape(title)
    code = f'<pre tabindex="0" aria-label="{label}"><code>{body}</code></pre>' if body else ""
    return f'<figure class="panel"><figcaption>{label}</figcaption>{code}</figure>'


# Types and their fields


def _types(schemas: Json) -> str:
    entries = "".join(
        f'<article class="type" id="type-{name}"><h3><a href="#type-{name}">{name}</a></h3>'
        f"{prose(schema.get('description', ''))}"
        f"{_fields(schema, mark='optional') or _choices(schema)}</article>"
        for name, schema in sorted(schemas.items())
    )
    return f'<section class="tag" id="types"><header><h2>Types</h2></header>{entries}</section>'


def _choices(schema: Json) -> str:
    return f'<p class="choices">{_type(schema)}</p>'


def _fields(schema: Json, *, mark: str = "required") -> str:
    """The properties; ``mark`` says which ones are marked: the required or the optional ones."""
    required = schema.get("required", [])
    rows = [
        _field(name, field, mark if (name in required) == (mark == "required") else "")
        for name, field in schema.get("properties", {}).items()
    ]
    return f'<dl class="fields">{"".join(rows)}</dl>' if rows else ""


def _field(name: str, schema: Json, *marks: str, description: str = "") -> str:
    """A name with its marks beside a type with its description."""
    shown = [mark for mark in marks if mark]
    if schema.get("default") not in (None, "", [], {}, False):
        shown.append(f"default {json.dumps(schema['default'])}")
    spans = "".join(f'<span class="{mark.split()[0]}">{escape(mark)}</span>' for mark in shown)
    said = inline(description or schema.get("description", ""))
    return (
        f"<div><dt><code>{escape(name)}</code>{spans}</dt>"
        f'<dd><span class="kind">{_type(schema)}</span>{said and f"<p>{said}</p>"}</dd></div>'
    )


def _type(schema: Json) -> str:
    """A schema in words, named types as links: ``array of SeatItem``, ``integer, at least 1``."""
    match schema:
        case {"$ref": reference}:
            name = reference.rpartition("/")[2]
            words = f'<a href="#type-{name}">{name}</a>'
        case {"anyOf": choices}:
            words = " or ".join(_type(choice) for choice in choices)
        case {"enum": values}:
            words = " · ".join(f"<code>{escape(str(value))}</code>" for value in values)
        case {"prefixItems": items}:
            words = f"[{', '.join(_type(item) for item in items)}]"
        case {"type": "array", "items": item}:
            words = f"array of {_type(item)}"
        case {"type": "object", "additionalProperties": dict(value)}:
            words = f"object of {_type(value)}"
        case _:
            words = ", ".join([_plain_type(schema), *_limits(schema)])
    return words


def _plain_type(schema: Json) -> str:
    kind = str(schema.get("type", "anything"))
    return {"uuid": "UUID", "date-time": "time"}.get(schema.get("format", ""), kind)


def _limits(schema: Json) -> Iterable[str]:
    """Limits that matter to a client; a limit to 32 bits is left out."""
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "minLength": "at least {} long",
        "maxLength": "at most {} long",
    }
    for key, text in words.items():
        if key in schema and schema[key] < 2**31 - 1:
            yield text.format(f"{schema[key]:,.10g}".replace(",", "\u202f"))


def _problems(operations: list[Json]) -> str:
    errors = sorted(PROBLEMS.values(), key=lambda error: (status_of(error), error.code))
    entries = "".join(_problem(error, _refusing(error.code, operations)) for error in errors)
    lead = prose("The last part of a problem's `type`. A program should look at nothing else.")
    return (
        f'<section class="tag" id="problems"><header><h2>Problems</h2>{lead}</header>'
        f"{entries}</section>"
    )


def _refusing(code: str, operations: list[Json]) -> list[Json]:
    """The operations that may refuse with this code."""
    return [
        operation
        for operation in operations
        if any(
            code in body.get("examples", {})
            for response in operation["responses"].values()
            for body in response.get("content", {}).values()
        )
    ]


def _problem(error: FrontrowError, operations: list[Json]) -> str:
    code, status = error.code, status_of(error)
    given_by = ", ".join(
        f'<a href="#{o["operationId"]}">{escape(o["summary"])}</a>' for o in operations
    )
    example = _panel("", highlight(problem_example(error, "/v1/…")))
    return (
        f'<article class="problem" id="problem-{code}"><div class="words">'
        f'<h3><a href="#problem-{code}">{code}</a></h3>'
        f'<p class="status">{status} {HTTPStatus(status).phrase}</p>'
        f'<p class="given">{given_by or "Any request"}</p></div>'
        f'<div class="examples">{example}</div></article>'
    )


# Text


def prose(text: str) -> str:
    """Paragraphs of CommonMark; only the marks that our own texts use."""
    return "".join(f"<p>{inline(part)}</p>" for part in text.strip().split("\n\n") if part)


def inline(text: str) -> str:
    """``code`` and strong words."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)


def pretty(value: Any, indent: int = 0) -> str:
    """JSON; a value that fits on one line is put on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(flat) + indent <= _LINE_LENGTH:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f"{json.dumps(k)}: {pretty(v, indent + 2)}" for k, v in value.items()]
        opening, closing = "{}"
    else:
        parts = [pretty(v, indent + 2) for v in value]
        opening, closing = "[]"
    return f"{opening}\n{pad}" + f",\n{pad}".join(parts) + f"\n{' ' * indent}{closing}"


def highlight(value: Any) -> str:
    """JSON as HTML, with keys, strings and other values told apart."""

    def mark(found: re.Match[str]) -> str:
        text, colon = found.group(1) or found.group(3), found.group(2) or ""
        kind = "k" if colon else "s" if text.startswith('"') else "n"
        return f'<span class="{kind}">{escape(text, quote=False)}</span>{colon}'

    return re.sub(
        r'("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null|-?\d[\d.eE+-]*)\b', mark, pretty(value)
    )
