"""The OpenAPI 3.1 document.

Litestar finds the operations and their parameters; msgspec describes the types, which it alone knows
completely (limits of nested values, descriptions, closed objects); each handler describes its bodies and
refusals (``api.description``), and ``api.examples`` has examples of them. The document is made once, at the
first request for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, License, OpenAPI, SecurityScheme, Tag

from api import idempotency
from api.description import BINARY, JSON, Operation, Reply, operation_of
from api.examples import SHOWN
from api.examples.evening import (
    BOOKING_ID,
    ENTRY_ID,
    EVENT_ID,
    HOLD_ID,
    LAYOUT_ID,
    MAIL_ID,
    OFFER_ID,
    PERSON_ID,
    RULE_ID,
    VENUE_ID,
)
from api.examples.problems import INVALID_PARAMETER, NO_KEY, PROBLEMS
from api.examples.shown import Shown
from api.json_types import Json, Types
from api.problems import PROBLEM_JSON, Problem, detail_of, problem_body, problem_headers, status_of
from engine.base.errors import FrontrowError

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
for one hour; a buyer may have 200.

**Edits.** Resources that can be edited carry an `ETag`; send it back as `If-Match`, so that no change is \
lost.

**Waiting.** 429 and 503 carry `Retry-After`, in seconds. Routes with a limit carry `RateLimit` and \
`RateLimit-Policy`.
"""

_TAGS = {
    "Access": "Who you are. A buyer is the subject of a token: possession of the token is enough. An "
    "account brings the same person back on another device.",
    "Events": "What is on, where, for how much, and what is free right now. Nothing here needs a token.",
    "Holds": "Seats kept for some minutes, all or none, at a frozen price.",
    "Bookings": "Paid seats and their tickets. Your bookings are those made with your token.",
    "Waitlist": "Wait for places that are sold out; when your turn comes, seats are offered to "
    "you. Nobody else can buy seats that the waitlist keeps.",
    "Organisers": "Venues, events and their waitlists, with the organiser's key.",
    "Pricing": "Prices that follow a rule and give their reason: make a rule, try it, put it in "
    "force, or override a price. With the organiser's key.",
    "Mails": "Mail templates, and the mails that were sent or failed. With the organiser's key.",
    "Operations": "Health and metrics, for operators.",
}

#: Response headers by name: description and example.
HEADERS: dict[str, tuple[str, str]] = {
    "ETag": ("The version of the resource; for If-Match and If-None-Match.", '"3"'),
    "Location": ("The address to read it again.", f"/v1/bookings/{BOOKING_ID}"),
    "Cache-Control": ("How long a cache may keep it.", "public, max-age=31536000, immutable"),
    "Content-Disposition": (
        "The file name to save it under.",
        f'attachment; filename="waitlist-{EVENT_ID}.csv"',
    ),
    "Retry-After": ("Seconds to wait before a retry.", "2"),
    "Idempotency-Replayed": ("`true` on a replay of the first response under this key.", "true"),
    "RateLimit": (
        "Requests left (`r`), and the seconds (`t`) until the full quota is back.",
        '"guest-tokens";r=599;t=42',
    ),
    "RateLimit-Policy": (
        "The quota: requests (`q`) per window of seconds (`w`).",
        '"guest-tokens";q=600;w=60',
    ),
    "WWW-Authenticate": ("The authentication scheme to use.", "Bearer"),
}

#: Parameters by name: description, where the handler gives none, and example.
_PARAMETERS: dict[str, tuple[str, Any]] = {
    "event_id": ("The event.", EVENT_ID),
    "hold_id": ("The hold.", HOLD_ID),
    "booking_id": ("The booking.", BOOKING_ID),
    "venue_id": ("The venue.", VENUE_ID),
    "person_id": ("The person: the buyer of a booking, or a person in a waitlist.", PERSON_ID),
    "entry_id": ("The waitlist entry.", ENTRY_ID),
    "offer_id": ("The offer.", OFFER_ID),
    "rule_id": ("A version of a rule.", RULE_ID),
    "category_no": ("The category's number.", 0),
    "mail_id": ("The mail.", MAIL_ID),
    "kind": ("The kind of mail, or `layout`.", "booking-confirmed"),
    "language": ("A language; `mul` for the layout.", "en"),
    "version": ("Its number.", 2),
    "status": ("", "waiting"),
    "booking": ("The booking: its id, or its reference.", "7K2M9Q4TXV"),
    "seat": ("", "F 12"),
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
    "name": idempotency.HEADER,
    "in": "header",
    "description": "Made by you, new for each attempt. The same key and body give the same response again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.KEY_LENGTH_MAX},
    "example": "7c0f5a4e-retry-safe",
}


#: The fields of Litestar's description that are kept.
_KEPT = ("tags", "summary", "description", "operationId", "security")


class Described(NamedTuple):
    """An operation as its handler describes it, and its examples."""

    operation: Operation
    shown: Shown


def described_operations(handlers: Iterable[HTTPRouteHandler]) -> dict[str, Described]:
    """The described operations, by the operation's id. Raises TypeError, which says what to write, for a
    handler that does not describe its operation, or whose operation has no example.
    """
    found = {}
    for handler in handlers:
        if handler.include_in_schema is not False:
            operation, shown = _operation(handler), SHOWN.get(handler, Shown())
            _check_examples(handler.handler_name, operation, shown)
            found[handler.handler_name] = Described(operation, shown)
    return found


def _operation(handler: HTTPRouteHandler) -> Operation:
    operation = operation_of(handler)
    if operation is None:
        raise TypeError(
            f"{handler.handler_name} ({', '.join(sorted(handler.paths))}) does not describe its responses. "
            'Write opt=described(gives={200: Reply("What it is.", Type)}, refuses=(…)) beside its path '
            "(api.description), or include_in_schema=False."
        )
    return operation


def _check_examples(name: str, operation: Operation, shown: Shown) -> None:
    missing = ["takes"] if operation.takes and not shown.takes else []
    for status, reply in operation.gives.items():
        missing += [
            f"{status} {media_type}"
            for media_type in reply.bodies
            if media_type != BINARY and not shown.of_reply(status, media_type)
        ]
    if missing:
        raise TypeError(
            f"{name} has no example of: {', '.join(missing)}. Write one for its tag in api/examples/: "
            f'SHOWN = {{{name}: Shown(takes={{"title": value}}, gives={{200: {{"title": value}}}})}}.'
        )


class Document(OpenAPI):
    """Litestar's document, completed when it is serialised."""

    described: dict[str, Described]

    @cached_property
    def _completed(self) -> Json:
        return _complete(super().to_schema(), self.described)

    def to_schema(self) -> Json:
        return self._completed


class DocumentConfig(OpenAPIConfig):
    described: dict[str, Described]

    def to_openapi_schema(self) -> OpenAPI:
        document = Document(**vars(super().to_openapi_schema()))
        document.described = self.described
        return document


def document_config(handlers: Iterable[HTTPRouteHandler], **options: Any) -> OpenAPIConfig:
    """How Litestar makes and serves the document of these handlers. ``options``: those of OpenAPIConfig.

    Raises TypeError as ``described_operations`` does.
    """
    config = DocumentConfig(
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
    config.described = described_operations(handlers)
    return config


def _bearer(description: str) -> SecurityScheme:
    return SecurityScheme(type="http", scheme="bearer", description=description)


def _body_types(described: Iterable[Described]) -> Iterable[Any]:
    for operation, _ in described:
        if operation.takes:
            yield operation.takes
        for reply in operation.gives.values():
            yield from (type_ for kind, type_ in reply.bodies.items() if kind != BINARY)


def _complete(document: Json, described: dict[str, Described]) -> Json:
    types = Types([Problem, *_body_types(described.values())])
    document["components"]["schemas"] = types.components
    document["components"]["headers"] = {
        name: {"description": text, "schema": {"type": "string"}, "example": value}
        for name, (text, value) in HEADERS.items()
    }
    for path, item in document["paths"].items():
        for method, found in item.items():
            item[method] = _complete_operation(path, found, described[found["operationId"]], types)
    return document


def _complete_operation(path: str, found: Json, described: Described, types: Types) -> Json:
    operation, shown = described
    parameters = [
        _plain_parameter(parameter)
        for parameter in found.get("parameters", [])
        if parameter["name"] != idempotency.HEADER
    ]
    if operation.replays:
        parameters.append({**_IDEMPOTENCY_KEY, "required": operation.needs_key})
    told = {key: found[key] for key in _KEPT if key in found}
    if parameters:
        told["parameters"] = parameters
    if operation.takes:
        told["requestBody"] = {
            "required": not operation.takes_nothing_too,
            "content": {JSON: _content(operation.takes, _as_people_write(shown.takes), types)},
        }
    given = {
        str(status): _response(status, reply, described, types)
        for status, reply in operation.gives.items()
    }
    problems = {code: PROBLEMS[code] for code in _refused(told, operation)}
    if operation.takes is None and "invalid-request" in problems:
        problems["invalid-request"] = INVALID_PARAMETER
    if told.get("security") == [{"OrganiserKey": []}]:
        problems["not-authenticated"] = NO_KEY
    refused = _problem_responses(problems.values(), example_path(path, parameters))
    return {**told, "responses": {**given, **refused}}


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
        # Two operations use one parameter name for different things.
        example = schema["enum"][0]
    return {
        "name": name,
        "in": parameter["in"],
        "description": description or text,
        "required": parameter["required"],
        "schema": schema,
        **({} if example is None else {"example": example}),
    }


def _content(type_: Any, examples: Mapping[str, Any], types: Types) -> Json:
    return {
        "schema": types.schema(type_),
        "examples": {name: {"value": msgspec.to_builtins(it)} for name, it in examples.items()},
    }


def _as_people_write(examples: Mapping[str, Any]) -> Json:
    """The response without parts that do not apply."""
    return {
        name: {
            key: field
            for key, field in msgspec.to_builtins(value).items()
            if field not in (None, {})
        }
        for name, value in examples.items()
    }


def _response(status: int, reply: Reply, described: Described, types: Types) -> Json:
    operation, shown = described
    headers = [*reply.headers, *(["Idempotency-Replayed"] if operation.replays else [])]
    response: Json = {"description": reply.description}
    if headers:
        response["headers"] = _header_references(headers)
    if reply.bodies:
        response["content"] = {
            kind: {} if kind == BINARY else _content(type_, shown.of_reply(status, kind), types)
            for kind, type_ in reply.bodies.items()
        }
    return response


def _header_references(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


# Problems


def _refused(described: Json, operation: Operation) -> list[str]:
    """Every code the operation can refuse with: its own, and those that follow from its shape."""
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
        codes.append("too-many-requests")
        # A buyer's token is enough where it is one of two.
        codes += [] if "BearerToken" in schemes else ["not-allowed"]
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
