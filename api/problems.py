"""Every refusal as RFC 9457 ``application/problem+json``; the only module that knows HTTP statuses."""

from typing import Annotated, Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from msgspec import Meta, Struct

from api.conventions import AnyRequest
from api.lost import lost_page
from api.rate_limits import LimitExceeded
from engine.base import errors
from engine.base.errors import FrontrowError, Remedy
from engine.base.model import Id, Moment
from engine.base.wording import what_to_send
from engine.waitlist.model import OfferStatus

log = structlog.get_logger(__name__)

PROBLEM_JSON = "application/problem+json"
#: Characters of a path that a problem repeats.
_PATH_SHOWN_MAX = 200

#: The first class in an error's ancestry that is listed here gives the status.
_STATUS: dict[type[FrontrowError], int] = {
    errors.InvalidInput: 400,
    errors.NotAuthenticated: 401,
    errors.PaymentDeclined: 402,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.PreconditionRequired: 428,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    FrontrowError: 500,
}
#: Codes whose meaning has a status of its own.
_STATUS_BY_CODE = {
    "idempotency-key-reused": 422,
    "invalid-layout": 422,
    "method-not-allowed": 405,
    "request-timeout": 408,
    "headers-too-large": 431,
    "unsupported-media-type": 415,
    "body-too-large": 413,
}
_TITLES = {
    400: "The request cannot be understood",
    401: "Not signed in",
    402: "The payment was declined",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "The request came too slowly",
    409: "Not possible at present",
    410: "It has ended",
    412: "It changed meanwhile",
    413: "The request is too large",
    415: "Unsupported media type",
    422: "The request cannot be carried out",
    428: "A precondition is required",
    429: "Too many requests",
    431: "The request's headers are too large",
    500: "Something went wrong on our side",
    503: "Unavailable for a moment",
}
HTTP_CODES = {
    400: "invalid-request",
    401: "not-authenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}


#: How the remedy of an error is written as a request of this API.
_REMEDIES: dict[Remedy, str] = {
    Remedy.RETRY_SAME_KEY: "with the same Idempotency-Key",
    Remedy.USE_NEW_KEY: "in the header Idempotency-Key",
    Remedy.USE_NO_KEY: "the key is the header Idempotency-Key",
    Remedy.ACCEPT_OFFER: "POST /v1/offers/{id}/accept",
    Remedy.IMPORT_LAYOUT: "POST /v1/venues/import",
    Remedy.LIST_TEMPLATES: "GET /v1/mail/templates",
    Remedy.LOG_IN: "POST /v1/auth/login",
    Remedy.GET_TOKEN: "POST /v1/auth/login if you have an account, else POST /v1/auth/guest and no token",
    Remedy.REGISTER: "POST /v1/auth/register",
    Remedy.CHANGE_ADDRESS: "PATCH /v1/me",
    Remedy.MAIL_NEW_PROOF: "POST /v1/auth/register, or PATCH /v1/me",
    Remedy.MAIL_NEW_LINKS: "POST /v1/bookings/lookup",
}


class Problem(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. ``type`` is stable and opens its description; the fields after ``instance`` are those that
    the caller needs to go on, present where they apply.
    """

    type: Annotated[str, Meta(examples=["/problems/seat-unavailable"])]
    title: Annotated[str, Meta(description="The same for every problem of this status.")]
    status: Annotated[int, Meta(examples=[409])]
    detail: Annotated[str, Meta(description="What happened here and what to do about it.")]
    instance: Annotated[str, Meta(description="The path that was asked for.")]
    errors: Annotated[
        list[dict[str, Any]] | None, Meta(description="Each mistake, and where it is.")
    ] = None
    seats: Annotated[
        list[int] | None,
        Meta(description="Seats that are taken; of `still-on-sale`: seats you can have."),
    ] = None
    areas: Annotated[
        list[int] | None,
        Meta(description="Areas without enough room; of `still-on-sale`: areas that have it."),
    ] = None
    url: Annotated[str | None, Meta(description="The page where you can have it.")] = None
    limit: Annotated[int | None, Meta(description="Places one buyer may have.")] = None
    owned: Annotated[int | None, Meta(description="Places you have already.")] = None
    retry_after: Annotated[int | None, Meta(description="Seconds; as `Retry-After`.")] = None
    challenge: Annotated[
        str | None, Meta(description="Of `proof-needed`: the challenge to find a nonce for.")
    ] = None
    bits: Annotated[
        int | None,
        Meta(description="Zero bits that SHA-256 of challenge and nonce has to begin with."),
    ] = None
    expires_at: Annotated[
        Moment | None, Meta(description="Until when the challenge can be answered.")
    ] = None
    current_version: Annotated[
        int | None, Meta(description="The version that If-Match had to name.")
    ] = None
    decline_code: Annotated[str | None, Meta(description="Why the card was declined.")] = None
    booking_id: Annotated[Id | None, Meta(description="The booking this is about.")] = None
    hold_id: Annotated[Id | None, Meta(description="The hold this is about.")] = None
    offer_status: Annotated[OfferStatus | None, Meta(description="How the offer ended.")] = None
    entry_id: Annotated[Id | None, Meta(description="Your waitlist entry that this is about.")] = (
        None
    )


def status_of(error: FrontrowError) -> int:
    if error.code in _STATUS_BY_CODE:
        return _STATUS_BY_CODE[error.code]
    return next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)


def detail_of(error: FrontrowError) -> str:
    """What happened and what to do next, with the request to send."""
    if error.remedy is None:
        return error.detail
    how = _REMEDIES[error.remedy].replace("{id}", error.remedy_id)
    return f"{error.detail.removesuffix('.')} ({how})."


def shown_path(path: str) -> str:
    """A path as a problem may repeat it: a long one is cut."""
    return path if len(path) <= _PATH_SHOWN_MAX else path[:_PATH_SHOWN_MAX] + "…"


def problem_body(
    status: int, code: str, detail: str, instance: str, extra: dict[str, Any]
) -> dict[str, Any]:
    body = {
        "type": f"/problems/{code}",
        "title": _TITLES.get(status, "The request failed"),
        "status": status,
        "detail": detail,
        "instance": shown_path(instance),
    }
    return body | {key: value for key, value in extra.items() if value not in (None, [], {})}


def problem_headers(status: int, extra: dict[str, Any]) -> dict[str, str]:
    headers = {}
    if "retry_after" in extra or status in (429, 503):
        headers["Retry-After"] = str(extra.get("retry_after", 2))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def encode_problem(error: FrontrowError, instance: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an engine error, for code that answers without Litestar."""
    status = status_of(error)
    body = problem_body(status, error.code, detail_of(error), instance, error.extra)
    return status, problem_headers(status, error.extra), msgspec.json.encode(body)


def _response(
    request: AnyRequest, status: int, code: str, detail: str, extra: dict[str, Any]
) -> Response[bytes]:
    headers = problem_headers(status, extra)
    if page := lost_page(request, status, headers):
        return page
    return Response(
        msgspec.json.encode(problem_body(status, code, detail, request.scope["path"], extra)),
        status_code=status,
        headers=headers,
        media_type=PROBLEM_JSON,
    )


def problem_response(
    request: AnyRequest, error: FrontrowError, headers: dict[str, str]
) -> Response[Any]:
    """The response for an engine error, with some headers of its own."""
    response = _response(request, status_of(error), error.code, detail_of(error), error.extra)
    response.headers.update(headers)
    return response


def on_frontrow_error(request: AnyRequest, error: FrontrowError) -> Response[bytes]:
    headers = error.headers if isinstance(error, LimitExceeded) else {}
    return problem_response(request, error, headers)


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    status = error.status_code
    detail, extra = error.detail, {}
    if isinstance(error, ValidationException):
        given = error.extra if isinstance(error.extra, list) else []
        found = [_in_words(request, item) for item in given]
        extra = {"errors": found}
        detail = (
            "; ".join(f"{item['key']}: {item['message']}" for item in found) + "."
            if found
            else detail
        )
    elif status == 404:
        detail = f"There is nothing at {shown_path(request.scope['path'])}; the API is described at /schema."
    response = _response(request, status, HTTP_CODES.get(status, "request-failed"), detail, extra)
    # They include Allow, which a 405 must have.
    response.headers.update(error.headers or {})
    return response


def _in_words(request: AnyRequest, item: dict[str, Any]) -> dict[str, Any]:
    """A parameter's mistake under the name that the request has, with what to send."""
    handler = request.route_handler
    name = item["key"].partition(".")[0]
    parameter = handler.parsed_fn_signature.parameters[name]
    written = getattr(parameter.kwarg_definition, "name", None) or name
    kind = handler.signature_model.__annotations__[name]
    return {**item, "key": written, "message": f"send {what_to_send(kind, nullable=False)}"}


def on_exception(request: AnyRequest, error: Exception) -> Response[bytes]:
    # The route and not the path: some paths carry a secret.
    route = request.scope.get("path_template") or "unmatched"
    log.error("request failed", method=request.method, route=route, exc_info=error)
    return _response(
        request,
        500,
        "internal",
        "This is our mistake; it has been logged. Trying again may work.",
        {},
    )
