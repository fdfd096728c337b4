"""Mails from the operator's side: templates and their versions, sent mails, sending again. Also the page
behind the link that switches mails off.
"""

import base64
import html
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import Reply, described
from api.paging import Cursor, Limit, cut, decode_cursor
from engine.base.actor import ORGANISER
from engine.base.errors import NotFound
from engine.base.model import Page, Uuid
from engine.notifications.model import (
    Letter,
    Mail,
    MailKind,
    Status,
    TemplateInForce,
    TemplateVersion,
    Texts,
    Written,
)

_ORGANISER: dict[str, Any] = {
    "tags": ["Mails"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}
_VERSION_MAX: Final = 2**31 - 1
_TEMPLATE = "/v1/mail-templates/{kind:str}/{language:str}"


class TemplateDraft(Texts, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The texts of the next version, in Jinja2; docs/notifications.md lists the names they can use."""

    note: Annotated[
        str, Meta(max_length=200, pattern=r"^[^\x00]*$", description="The changes in this version.")
    ] = ""
    activate: Annotated[bool, Meta(description="Write mails with it from now on.")] = False


class TemplateChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """Which version to write mails with."""

    version: Annotated[int, Meta(ge=1, le=_VERSION_MAX)]


class TemplateList(Page[TemplateInForce], frozen=True):
    """Every template with the version in force, on one page."""


class TemplateVersionList(Page[TemplateVersion], frozen=True):
    """All versions of one template, the newest first, on one page."""


class MailList(Page[Mail], frozen=True):
    """Mails, the newest first."""


_TEXTS = msgspec.json.Decoder(Texts)
_DRAFT = msgspec.json.Decoder(TemplateDraft)
_CHOICE = msgspec.json.Decoder(TemplateChoice)


# Templates


@get(
    "/v1/mail-templates",
    summary="Templates in force",
    opt=described(gives={200: Reply("All of them.", TemplateList)}, refuses=("unavailable",)),
    **_ORGANISER,
)
async def list_templates(request: AnyRequest) -> TemplateList:
    return TemplateList(await runtime_of(request).notifications.templates.templates())


@get(
    _TEMPLATE,
    summary="Versions of a template",
    opt=described(
        gives={200: Reply("All of them.", TemplateVersionList)},
        refuses=("template-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def list_template_versions(
    request: AnyRequest, kind: FromPath[str], language: FromPath[str]
) -> TemplateVersionList:
    return TemplateVersionList(
        await runtime_of(request).notifications.templates.versions(kind, language)
    )


@get(
    _TEMPLATE + "/{version:int}",
    summary="One version",
    opt=described(
        gives={200: Reply("Its texts.", TemplateVersion)},
        refuses=("template-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def read_template(
    request: AnyRequest,
    kind: FromPath[str],
    language: FromPath[str],
    version: FromPath[int],
) -> TemplateVersion:
    return await runtime_of(request).notifications.templates.version(kind, language, version)


@post(
    _TEMPLATE,
    summary="Add a version",
    description="Refused unless mails can be rendered with it. A first version adds its language.",
    opt=described(
        takes=TemplateDraft,
        gives={201: Reply("The version.", TemplateVersion, ("Location",))},
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def add_template(
    request: AnyRequest, kind: FromPath[str], language: FromPath[str]
) -> Response[TemplateVersion]:
    draft = await read_body(request, _DRAFT)
    made = await runtime_of(request).notifications.templates.add(
        kind,
        language,
        Texts(subject=draft.subject, html=draft.html, text=draft.text),
        note=draft.note,
        activate=draft.activate,
        actor=ORGANISER,
    )
    where = f"/v1/mail-templates/{kind}/{language}/{made.version}"
    return Response(made, status_code=201, headers={"Location": where})


@post(
    _TEMPLATE + "/preview",
    status_code=200,
    summary="See a mail before its template is saved",
    description="Rendered with made-up facts. Pictures are embedded in the HTML.",
    opt=described(
        takes=Texts,
        gives={200: Reply("The mail.", Written)},
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def preview_template(
    request: AnyRequest, kind: FromPath[str], language: FromPath[str]
) -> Written:
    texts = await read_body(request, _TEXTS)
    written, letter = await runtime_of(request).notifications.templates.preview(
        kind, language, texts
    )
    return msgspec.structs.replace(written, html=with_pictures(written.html, letter))


def with_pictures(page: str, letter: Letter) -> str:
    """The HTML with its pictures embedded, to show it outside of a mail."""
    for picture in letter.pictures:
        data = "data:image/png;base64," + base64.b64encode(picture.content).decode()
        page = page.replace(f'"cid:{picture.name}"', f'"{data}"')
    return page


@post(
    _TEMPLATE + "/activate",
    status_code=200,
    summary="Write mails with a version",
    opt=described(
        takes=TemplateChoice,
        gives={200: Reply("In force.", TemplateInForce)},
        refuses=("template-broken", "template-too-costly", "template-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def activate_template(
    request: AnyRequest, kind: FromPath[str], language: FromPath[str]
) -> TemplateInForce:
    choice = await read_body(request, _CHOICE)
    return await runtime_of(request).notifications.templates.activate(
        kind, language, choice.version, actor=ORGANISER
    )


@post(
    _TEMPLATE + "/rollback",
    status_code=200,
    summary="Go back to the version before",
    opt=described(
        gives={200: Reply("In force.", TemplateInForce)},
        refuses=("template-not-found", "nothing-to-roll-back", "unavailable"),
    ),
    **_ORGANISER,
)
async def roll_back_template(
    request: AnyRequest, kind: FromPath[str], language: FromPath[str]
) -> TemplateInForce:
    return await runtime_of(request).notifications.templates.roll_back(
        kind, language, actor=ORGANISER
    )


# Sent mails


@get(
    "/v1/mails",
    summary="Mails and their delivery",
    description="Mails with `?status=dead` and `?status=unknown` need a person.",
    opt=described(gives={200: Reply("A page of mails.", MailList)}, refuses=("unavailable",)),
    **_ORGANISER,
)
async def list_mails(
    request: AnyRequest,
    status: Annotated[
        Status | None, QueryParameter(description="Only mails with this status.")
    ] = None,
    kind: Annotated[MailKind | None, QueryParameter(description="Only mails of this kind.")] = None,
    event_id: Annotated[
        UUID | None, QueryParameter(description="Only mails about this event.")
    ] = None,
    email: Annotated[
        str | None,
        QueryParameter(
            max_length=254, pattern=r"^[^\x00]*$", description="Only mails to this address."
        ),
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> MailList:
    found = await runtime_of(request).notifications.deliveries.mails(
        statuses=[status] if status else None,
        kind=kind,
        event_id=str(event_id) if event_id else None,
        email=email,
        after=decode_cursor(cursor, Uuid),
        limit=limit + 1,
    )
    return MailList(*cut(found, limit, lambda mail: mail.mail_id))


@get(
    "/v1/mails/{mail_id:uuid}",
    summary="One mail and its delivery log",
    opt=described(
        gives={200: Reply("The mail, and every attempt to deliver it.", Mail)},
        refuses=("mail-not-found", "unavailable"),
    ),
    **_ORGANISER,
)
async def read_mail(request: AnyRequest, mail_id: FromPath[UUID]) -> Mail:
    return await runtime_of(request).notifications.deliveries.mail(str(mail_id))


@post(
    "/v1/mails/{mail_id:uuid}/resend",
    status_code=200,
    summary="Send a mail again",
    description=(
        "For a mail that is dead, unknown or skipped. An `unknown` mail may have arrived: ask its "
        "reader first. The mail keeps its Message-ID."
    ),
    opt=described(
        gives={200: Reply("The mail is waiting again.", Mail)},
        refuses=("mail-not-found", "mail-not-resendable", "unavailable"),
    ),
    **_ORGANISER,
)
async def resend_mail(request: AnyRequest, mail_id: FromPath[UUID]) -> Mail:
    return await runtime_of(request).notifications.deliveries.resend(str(mail_id), actor=ORGANISER)


# Switching mails off


_PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_TOPICS: Final = {
    "event": "changes to events that you have tickets for",
    "reminders": "reminders",
    "waitlist": "places in line and offers",
}
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{title}</title><link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/base.css"></head>
<body><main class="empty"><h1>{title}</h1><p>{words}</p>{form}</main></body></html>
"""
_FORM: Final = '<form method="post"><button class="button">Stop these mails</button></form>'


@get("/mail/unsubscribe/{token:str}", media_type=MediaType.HTML, include_in_schema=False)
async def ask_unsubscribe(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    # Programs that scan mails open this link too, so opening it changes nothing.
    try:
        _, topic = runtime_of(request).notifications.unsubscribe.read(token)
    except NotFound:
        return _unknown_link()
    return _page("Stop these mails?", f"Mails about {_TOPICS[topic]}.", form=_FORM)


@post(
    "/mail/unsubscribe/{token:str}",
    media_type=MediaType.HTML,
    status_code=200,
    include_in_schema=False,
)
async def unsubscribe(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    try:
        topic = await runtime_of(request).notifications.unsubscribe.redeem(token)
    except NotFound:
        return _unknown_link()
    return _page(
        "Done",
        f"We no longer write about {_TOPICS[topic]}. You still get mails about purchases, "
        "cancellations "
        "and refunds.",
    )


def _unknown_link() -> Response[str]:
    words = "Perhaps it was cut in two: copy the whole of it from the mail."
    return _page("That link is not one of ours", words, status=404)


def _page(title: str, words: str, *, form: str = "", status: int = 200) -> Response[str]:
    page = _PAGE.format(title=html.escape(title), words=html.escape(words), form=form)
    return Response(page, headers=_PAGE_HEADERS, media_type=MediaType.HTML, status_code=status)


HANDLERS = [
    list_templates,
    list_template_versions,
    read_template,
    add_template,
    preview_template,
    activate_template,
    roll_back_template,
    list_mails,
    read_mail,
    resend_mail,
    ask_unsubscribe,
    unsubscribe,
]
