"""The OpenAPI 3.1 document.

Litestar finds the operations and their parameters; msgspec describes the types, which it alone knows
whole (limits of nested values, descriptions, closed objects); ``openapi_operations`` says what each
operation takes, gives and refuses. Made once, at the first request for it.
"""

import inspect
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, OpenAPI, SecurityScheme, Tag

from api.openapi_examples import (
    BOOKING_ID,
    ENTRY_ID,
    EVENT_ID,
    HOLD_ID,
    INVALID_PARAMETER,
    LAYOUT_ID,
    MAIL_ID,
    OFFER_ID,
    PERSON_ID,
    PROBLEMS,
    RULE_ID,
    VENUE_ID,
)
from api.openapi_operations import BINARY, OPERATIONS, Answer, Body, Operation
from api.problems import (
    PROBLEM_JSON,
    Problem,
    detail_of,
    problem_body,
    problem_headers,
    status_of,
)
from engine.base.errors import FrontrowError

Json = dict[str, Any]

_ABOUT = """\
Watch a live seat map, hold seats, pay, and get tickets. Nobody ever gets a seat that someone else has.

**A booking in four requests.** `POST /v1/auth/guest` gives a token; `GET /v1/events` says what is on; \
`POST /v1/events/{event_id}/holds` keeps seats for some minutes at a frozen price; `POST /v1/bookings` \
pays for them.

**Money** is in minor units of its currency: `{"amount": 4800, "currency": "EUR"}` is 48 euros.

**Times** are RFC 3339 in UTC. Times that you send need a zone.

**Ids** are UUIDs of version 7. A `seat_no` is the dense number of a seat in its event, from 0; an \
`area_no` that of a general-admission area.

**Refusals** are problems after RFC 9457, `application/problem+json`. Their `type` is stable, opens its \
description, and is what a program should look at; `detail` is for people.

**Lists** come in pages: `limit` says how many, and `next_cursor` of one page is the `cursor` of the \
next.

**Retries.** Every POST that has an effect takes an `Idempotency-Key`: the same key and body give the \
same response again, marked `Idempotency-Replayed: true`. Keys are kept for 24 hours, those of refusals \
for one; 200 for each buyer.

**Edits.** What can be edited carries an `ETag`; send it back as `If-Match`, so that nobody's change is \
lost.

**Waiting.** 429 and 503 carry `Retry-After`, in seconds. Routes with a limit carry `RateLimit` and \
`RateLimit-Policy`.
"""

_TAGS = {
    "Access": "Who you are. A buyer is the subject of a token: having the token is all it takes. An "
    "account brings the same person back on another device.",
    "Events": "What is on, where, for how much, and what is free right now. Nothing here needs a token.",
    "Holds": "Seats kept for a moment, all of them or none, at a price that stays.",
    "Bookings": "Seats paid for, and their tickets. Yours are those made with your token.",
    "Waitlist": "A place in line for what is gone, and the seats that are offered to you when your turn "
    "comes: nobody can buy them past the line.",
    "Organisers": "Venues, events and their waitlists, with the organiser's key.",
    "Pricing": "Prices that follow a rule and say why: make one, try it, put it in force, put your hand on "
    "a price. With the organiser's key.",
    "Mails": "What is put in writing: the templates, what was sent and what was not. With the "
    "organiser's key.",
    "Operations": "For those who run it.",
}

#: Response headers by name: description and example.
HEADERS: dict[str, tuple[str, str]] = {
    "ETag": ("The version of what you got; for If-Match and If-None-Match.", '"3"'),
    "Location": ("Where to read it again.", f"/v1/bookings/{BOOKING_ID}"),
    "Cache-Control": ("How long it may be kept.", "public, max-age=31536000, immutable"),
    "Content-Disposition": (
        "The name to keep it under.",
        f'attachment; filename="waitlist-{EVENT_ID}.csv"',
    ),
    "Retry-After": ("Seconds after which asking again makes sense.", "2"),
    "Idempotency-Replayed": ("`true` on a response that was given before under this key.", "true"),
    "RateLimit": (
        "What is left (`r`), and the seconds (`t`) until it is whole again.",
        '"guest-tokens";r=599;t=42',
    ),
    "RateLimit-Policy": (
        "How many requests (`q`) in how many seconds (`w`).",
        '"guest-tokens";q=600;w=60',
    ),
    "WWW-Authenticate": ("How to say who you are.", "Bearer"),
}

#: Parameters by name: description, where the handler gives none, and example.
_PARAMETERS: dict[str, tuple[str, Any]] = {
    "event_id": ("The event.", EVENT_ID),
    "hold_id": ("The hold.", HOLD_ID),
    "booking_id": ("The booking.", BOOKING_ID),
    "venue_id": ("The venue.", VENUE_ID),
    "person_id": ("The person: the buyer of a booking, whoever is in line.", PERSON_ID),
    "entry_id": ("The place in line.", ENTRY_ID),
    "offer_id": ("The offer.", OFFER_ID),
    "rule_id": ("A version of a rule.", RULE_ID),
    "category_no": ("The category's number.", 0),
    "mail_id": ("The mail.", MAIL_ID),
    "kind": ("The kind of mail, or `layout`.", "booking-confirmed"),
    "language": ("A language; `mul` for the layout.", "en"),
    "version": ("Its number.", 2),
    "status": ("", "waiting"),
    "email": ("", "ada@example.com"),
    "If-Match": ("", '"3"'),
    "If-None-Match": ("", f'"{LAYOUT_ID}"'),
    "q": ("", "seagull"),
    "category": ("", "theatre"),
    "city": ("", "Erfurt"),
    "near": ("", "50.98,11.03"),
    "radius_km": ("", 25),
    "from": ("", "2027-05-01T00:00:00Z"),
    "to": ("", "2027-05-31T23:59:59Z"),
    "available": ("", True),
    "id": ("", [EVENT_ID]),
    "timezone": ("", "Europe/Berlin"),
    "limit": ("", 20),
}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Yours, new for each attempt. The same key and body give the same response again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "7c0f5a4e-retry-safe",
}


#: What Litestar says of an operation that stays.
_KEPT = ("tags", "summary", "description", "operationId", "security")


class Document(OpenAPI):
    """Litestar's document, completed when it is written."""

    @cached_property
    def _completed(self) -> Json:
        return _complete(super().to_schema())

    def to_schema(self) -> Json:
        return self._completed


class DocumentConfig(OpenAPIConfig):
    def to_openapi_schema(self) -> OpenAPI:
        return Document(**vars(super().to_openapi_schema()))


def document_config(**options: Any) -> OpenAPIConfig:
    """How Litestar makes and serves the document. ``options`` as OpenAPIConfig."""
    return DocumentConfig(
        title="Frontrow",
        version="1",
        summary="Seats, held and sold in real time.",
        description=_ABOUT,
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        operation_id_creator=lambda handler, *_: handler.handler_name,
        components=Components(
            security_schemes={
                "BearerToken": _bearer("From `POST /v1/auth/guest`."),
                "OrganiserKey": _bearer("The value of `FRONTROW_ORGANISER_KEY`."),
            }
        ),
        tags=[Tag(name, description) for name, description in _TAGS.items()],
        **options,
    )


def _bearer(description: str) -> SecurityScheme:
    return SecurityScheme(type="http", scheme="bearer", description=description)


# Types


class _Types:
    """JSON Schemas of the types that the operations name, and the components they refer to."""

    def __init__(self, types: Iterable[Any]) -> None:
        named = list(types)
        schemas, self.components = msgspec.json.schema_components(
            named, ref_template="#/components/schemas/{name}"
        )
        self._schemas = [(type_, schema) for type_, schema in zip(named, schemas, strict=True)]
        _tidy_descriptions(self.components)

    def schema(self, type_: Any) -> Json:
        return next(schema for known, schema in self._schemas if known == type_)


def _tidy_descriptions(node: Any) -> None:
    """Docstrings as CommonMark: no indentation, one backtick around code."""
    if isinstance(node, dict):
        if isinstance(text := node.get("description"), str):
            node["description"] = inspect.cleandoc(text).replace("``", "`")
        for value in node.values():
            _tidy_descriptions(value)
    elif isinstance(node, list):
        for value in node:
            _tidy_descriptions(value)


def _bodies() -> Iterable[Body]:
    for operation in OPERATIONS.values():
        if operation.takes:
            yield operation.takes
        for answer in operation.gives.values():
            yield from answer.bodies


def _complete(document: Json) -> Json:
    types = _Types([Problem, *(body.type for body in _bodies() if body.media_type != BINARY)])
    document["components"]["schemas"] = types.components
    document["components"]["headers"] = {
        name: {"description": text, "schema": {"type": "string"}, "example": value}
        for name, (text, value) in HEADERS.items()
    }
    for path, item in document["paths"].items():
        for method, found in item.items():
            item[method] = _complete_operation(path, found, types)
    return document


def _complete_operation(path: str, found: Json, types: _Types) -> Json:
    operation = OPERATIONS[found["operationId"]]
    parameters = [
        _plain_parameter(parameter)
        for parameter in found.get("parameters", [])
        if parameter["name"] != _IDEMPOTENCY_KEY["name"]
    ]
    if operation.replays:
        parameters.append({**_IDEMPOTENCY_KEY, "required": operation.needs_key})
    described = {key: found[key] for key in _KEPT if key in found}
    if parameters:
        described["parameters"] = parameters
    if operation.takes:
        content = _content(operation.takes, types)
        for example in content[operation.takes.media_type]["examples"].values():
            example["value"] = _as_one_writes(example["value"])
        described["requestBody"] = {
            "required": not operation.takes.is_optional,
            "content": content,
        }
    given = {
        str(status): _response(answer, operation.replays, types)
        for status, answer in operation.gives.items()
    }
    problems = {code: PROBLEMS[code] for code in _refused(described, operation)}
    if operation.takes is None and "invalid-request" in problems:
        problems["invalid-request"] = INVALID_PARAMETER
    refused = _problem_responses(problems.values(), example_path(path, parameters))
    return {**described, "responses": {**given, **refused}}


def example_path(path: str, parameters: Iterable[Json]) -> str:
    """The path with its parameters' examples in place."""
    for parameter in parameters:
        path = path.replace("{" + parameter["name"] + "}", str(parameter.get("example")))
    return path


def _plain_parameter(parameter: Json) -> Json:
    """A parameter as people read it: absent is absent, not null."""
    name, schema = parameter["name"], dict(parameter["schema"])
    choices = [s for s in schema.pop("oneOf", []) if s != {"type": "null"}]
    schema = {**(choices[0] if choices else {}), **schema}
    description = schema.pop("description", None)
    text, example = _PARAMETERS.get(name, ("", None))
    if example not in schema.get("enum", [example]):
        # Two operations call different things by one name.
        example = schema["enum"][0]
    return {
        "name": name,
        "in": parameter["in"],
        "description": description or text,
        "required": parameter["required"],
        "schema": schema,
        **({} if example is None else {"example": example}),
    }


def _content(body: Body, types: _Types) -> Json:
    if body.media_type == BINARY:
        return {body.media_type: {}}
    content: Json = {"schema": types.schema(body.type)}
    if body.examples:
        content["examples"] = {
            name: {"value": msgspec.to_builtins(value)} for name, value in body.examples.items()
        }
    return {body.media_type: content}


def _as_one_writes(value: Json) -> Json:
    """A request without what it does not ask for."""
    return {key: field for key, field in value.items() if field not in (None, {})}


def _response(answer: Answer, replays: bool, types: _Types) -> Json:
    headers = [*answer.headers, *(["Idempotency-Replayed"] if replays else [])]
    response: Json = {"description": answer.description}
    if headers:
        response["headers"] = _header_references(headers)
    if answer.bodies:
        response["content"] = {}
        for body in answer.bodies:
            response["content"] |= _content(body, types)
    return response


def _header_references(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


# Problems


def _refused(described: Json, operation: Operation) -> list[str]:
    """Every code the operation can refuse with: its own, and what follows from its shape."""
    codes = list(operation.refuses)
    if operation.takes or any(p["in"] != "path" for p in described.get("parameters", [])):
        codes.insert(0, "invalid-request")
    if operation.takes:
        codes += ["body-too-large", "request-timeout", "unsupported-media-type"]
    if operation.replays:
        codes += ["invalid-idempotency-key", "idempotency-key-reused", "request-in-flight"]
        codes += ["answer-not-kept", "too-many-keys", "redis-unavailable"]
    schemes = [name for entry in described.get("security", []) for name in entry]
    if schemes:
        codes.append("not-authenticated")
    if "OrganiserKey" in schemes:
        codes += ["not-allowed", "too-many-requests"]
    return list(dict.fromkeys(codes))


def _problem_responses(problems: Iterable[FrontrowError], instance: str) -> Json:
    by_status: defaultdict[int, list[FrontrowError]] = defaultdict(list)
    for problem in problems:
        by_status[status_of(problem)].append(problem)
    return {
        str(status): _problem_response(status, by_status[status], instance)
        for status in sorted(by_status)
    }


def _problem_response(status: int, problems: list[FrontrowError], instance: str) -> Json:
    headers = {name for problem in problems for name in problem_headers(status, problem.extra)}
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers |= {"RateLimit", "RateLimit-Policy"}
    response: Json = {"description": HTTPStatus(status).phrase}
    if headers:
        response["headers"] = _header_references(sorted(headers))
    response["content"] = {
        PROBLEM_JSON: {
            "schema": {"$ref": "#/components/schemas/Problem"},
            "examples": {p.code: {"value": problem_example(p, instance)} for p in problems},
        }
    }
    return response


def problem_example(problem: FrontrowError, instance: str) -> Json:
    """A problem as the API would send it for the path ``instance``."""
    return problem_body(
        status_of(problem), problem.code, detail_of(problem), instance, problem.extra
    )
