"""``/dev/mail``: shows the mails that are not sent, for people who try the product.

It exists only while no mail server is set, and only for people who have its key, because mails hold tickets.
``frontrow up`` prints the key inside the link; programs send it as a bearer token.
"""

import base64
import email
import email.policy
import hmac
import html
from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID

from litestar import MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from api.conventions import AnyRequest
from engine.base.signing import dev_mail_key
from engine.notifications.deliveries import Deliveries

_COOKIE: Final = "frontrow_dev_mail"
_LIST_MAX: Final = 200
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
#: A mail, whatever it contains, runs no script, loads nothing and reaches no page of ours.
_MAIL_HEADERS: Final = {
    **_HEADERS,
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    ),
}
#: Header fields that are shown; the others are in the source.
_SHOWN: Final = ("From", "To", "Reply-To", "Date", "Message-ID", "List-Unsubscribe")
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/base.css"><link rel="stylesheet" href="/web/dev-mail.css">
<script type="module" src="/web/dev-mail.js"></script></head>
<body><header class="bar"><a class="brand" href="/"><img src="/web/icon.svg" width="26" height="26" alt="">
Frontrow</a><a class="place" href="/dev/mail">Mail</a></header>
<main class="mail">{content}</main></body></html>
"""


class KeptMail(Struct, frozen=True):
    """A mail as it would have been sent. ``message`` is the text of RFC 5322."""

    kind: str
    envelope_to: str
    subject: str
    message: str


def _deliveries(request: AnyRequest) -> Deliveries:
    """Raises NotFoundException for a client that must not see this page."""
    settings = request.app.state["settings"]
    if settings.smtp_url or not _has_key(request, dev_mail_key(settings)):
        raise NotFoundException
    deliveries: Deliveries = request.app.state["runtime"].notifications.deliveries
    return deliveries


def _has_key(request: AnyRequest, key: str) -> bool:
    sent = (
        request.query_params.get("key", ""),
        request.headers.get("authorization", "").removeprefix("Bearer "),
        request.cookies.get(_COOKIE, ""),
    )
    return any(hmac.compare_digest(one.encode(), key.encode()) for one in sent)


@get("/dev/mail", include_in_schema=False)
async def mail_list(request: AnyRequest) -> Response[Any]:
    deliveries = _deliveries(request)
    if "application/json" in request.headers.get("accept", ""):
        kept = await deliveries.kept_messages(_LIST_MAX)
        return Response({"items": [_kept_mail(row) for row in kept]}, headers=_HEADERS)
    rows = await deliveries.kept(_LIST_MAX)
    if rows:
        listed = f'<ul class="list">{"".join(map(_row, rows))}</ul>'
    else:
        listed = (
            '<div class="empty"><h2>No mails yet</h2><p>Book a seat or join a waitlist: the '
            "mails that would be sent are shown here.</p></div>"
        )
    page = _page(
        "Mail",
        '<div class="head"><h1>Mail</h1><p class="note">No mail server is set, so mails stay here. '
        f'<span id="fresh">The list updates by itself.</span></p></div><div id="list">{listed}</div>',
    )
    # From here on the browser keeps the key, and the page removes it from its address.
    page.set_cookie(
        _COOKIE,
        dev_mail_key(request.app.state["settings"]),
        path="/dev/mail",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return page


def _kept_mail(row: Any) -> KeptMail:
    message = bytes(row["message"])
    subject = str(_parsed(message)["Subject"])
    return KeptMail(row["kind"], row["email"], subject, message.decode("utf-8", "replace"))


def _row(row: Any) -> str:
    subject = str(_parsed(bytes(row["head"]))["Subject"])
    to = f"{row['name']} <{row['email']}>" if row["name"] else row["email"]
    when = row["kept_at"]
    return (
        f'<li><a href="/dev/mail/{row["notification_id"]}"><span class="subject">{html.escape(subject)}</span>'
        f'<span class="to">{html.escape(to)}</span><span class="kind">{html.escape(row["kind"])}</span>'
        f'<time datetime="{when.isoformat()}">{when:%H:%M:%S} UTC</time></a></li>'
    )


@get("/dev/mail/{mail_id:uuid}", include_in_schema=False)
async def mail_page(request: AnyRequest, mail_id: FromPath[UUID]) -> Response[str]:
    message = _parsed(await _deliveries(request).kept_mail(str(mail_id)))
    subject = html.escape(str(message["Subject"]))
    shown = "".join(
        f"<div><dt>{name}</dt><dd>{html.escape(str(message[name]))}</dd></div>"
        for name in _SHOWN
        if message[name]
    )
    pictures = "".join(
        f'<li><img src="{_data_url(part)}" width="96" height="96" alt="">'
        f"<span>{html.escape(part.get_filename() or '')}</span></li>"
        for part in _pictures(message)
    )
    attached = f'<h2>Attached</h2><ul class="attached">{pictures}</ul>' if pictures else ""
    return _page(
        subject,
        f'<p class="back"><a href="/dev/mail">All mails</a></p><h1>{subject}</h1><dl class="facts">{shown}</dl>'
        f'<div class="views"><h2>HTML</h2><iframe title="The mail" src="/dev/mail/{mail_id}/html" '
        'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe></div>'
        f"<h2>Text</h2><pre>{html.escape(_body(message, 'plain'))}</pre>{attached}"
        f'<p><a href="/dev/mail/{mail_id}/source">Source</a></p>',
    )


@get("/dev/mail/{mail_id:uuid}/html", include_in_schema=False)
async def mail_html(request: AnyRequest, mail_id: FromPath[UUID]) -> Response[str]:
    message = _parsed(await _deliveries(request).kept_mail(str(mail_id)))
    page = _body(message, "html").replace("<head>", '<head><base target="_blank">', 1)
    for part in _pictures(message):
        name = str(part["Content-ID"]).strip("<>")
        page = page.replace(f'"cid:{name}"', f'"{_data_url(part)}"')
    return Response(page, headers=_MAIL_HEADERS, media_type=MediaType.HTML)


@get("/dev/mail/{mail_id:uuid}/source", include_in_schema=False)
async def mail_source(request: AnyRequest, mail_id: FromPath[UUID]) -> Response[bytes]:
    message = await _deliveries(request).kept_mail(str(mail_id))
    return Response(message, headers=_HEADERS, media_type=MediaType.TEXT)


def _parsed(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    # A mail that an older build stored may be forged and lack parts.
    return str(part.get_content()) if isinstance(part, EmailMessage) else ""


def _pictures(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if part.get_content_maintype() == "image"]


def _data_url(part: EmailMessage) -> str:
    return "data:image/png;base64," + base64.b64encode(part.get_content()).decode()


def _page(title: str, content: str) -> Response[str]:
    page = _PAGE.format(title=title, content=content)
    return Response(page, headers=_HEADERS, media_type=MediaType.HTML)


HANDLERS = [mail_list, mail_page, mail_html, mail_source]
