"""What a browser shows where there is no page, or none at this moment: a page, not JSON.

Clients of the API get problems (``api.problems``); so does everybody at an address of the API.
"""

import html
from typing import Any, Final, NamedTuple

from litestar import Response

from api.conventions import AnyRequest


class _Words(NamedTuple):
    title: str
    detail: str


class _Language(NamedTuple):
    missing: _Words
    failed: _Words
    busy: _Words
    all_events: str
    tickets: str


_LANGUAGES: Final = {
    "en": _Language(
        missing=_Words(
            "This page does not exist",
            "The address may be mistyped, or the page was taken down. "
            "Your tickets and places in line are safe.",
        ),
        failed=_Words(
            "Something went wrong on our side",
            "It has been logged. Nothing that you hold or bought is lost; please try again in a moment.",
        ),
        busy=_Words(
            "Too many people at once",
            "Please wait a moment, then load this page again. Nothing that you hold or bought is lost.",
        ),
        all_events="See all events",
        tickets="My tickets",
    ),
    "de": _Language(
        missing=_Words(
            "Diese Seite gibt es nicht",
            "Vielleicht ist die Adresse falsch geschrieben, oder die Seite wurde entfernt. "
            "Ihre Karten und Wartelistenplätze sind sicher.",
        ),
        failed=_Words(
            "Bei uns ist etwas schiefgegangen",
            "Der Fehler ist aufgezeichnet. Was Sie reserviert oder gekauft haben, ist nicht verloren; "
            "bitte versuchen Sie es gleich noch einmal.",
        ),
        busy=_Words(
            "Zu viele Menschen auf einmal",
            "Bitte warten Sie einen Augenblick und laden Sie die Seite dann neu. "
            "Was Sie reserviert oder gekauft haben, ist nicht verloren.",
        ),
        all_events="Alle Veranstaltungen",
        tickets="Meine Karten",
    ),
}
_PAGE: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<title>{title} · Frontrow</title><link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/base.css"></head>
<body><header class="bar"><a class="brand" href="/"><img src="/web/icon.svg" alt="" width="28" height="28">Frontrow</a>
<a class="place" href="/tickets">{tickets}</a></header>
<main class="empty"><h1>{title}</h1><p>{detail}</p><a class="button" href="/">{all_events}</a></main></body></html>
"""
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Language",
}


def wants_page(request: AnyRequest) -> bool:
    """Does a person look at this address with a browser?"""
    if request.method not in ("GET", "HEAD") or request.scope["path"].startswith("/v1/"):
        return False
    accept = request.headers.get("accept", "").lower()
    first_json = accept.find("json")
    return "text/html" in accept and (first_json < 0 or accept.find("text/html") < first_json)


def lost_page(request: AnyRequest, status: int, headers: dict[str, str]) -> Response[Any] | None:
    """The page of a refusal; None where a problem says it better."""
    if not wants_page(request):
        return None
    preferred = request.headers.get("accept-language", "").strip().lower()
    language = "de" if preferred.startswith("de") else "en"
    words = _LANGUAGES[language]
    kinds = {404: words.missing, 405: words.missing, 429: words.busy, 503: words.busy}
    kind = words.failed if status == 500 else kinds.get(status)
    if kind is None:
        return None
    text = _PAGE.format(
        language=language,
        title=html.escape(kind.title),
        detail=html.escape(kind.detail),
        all_events=words.all_events,
        tickets=words.tickets,
    )
    return Response(
        text, status_code=status, headers={**headers, **_HEADERS}, media_type="text/html"
    )
