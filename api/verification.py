"""Proof of an e-mail address: the page behind a mailed link, and the same for programs."""

import html
from typing import Annotated, Final
from urllib.parse import parse_qs

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import buyer_id
from api.bodies import ClientGone, whole_body
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import Reply, described
from engine.base.errors import Conflict, InvalidInput, NotFound
from engine.people.verification import AddressClaim

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_FORM_SIZE_MAX: Final = 1024
#: Longest name shown: anybody can choose a name, and it stands on our page.
_NAME_SHOWN_MAX: Final = 40
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>{title}</title><link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/base.css"></head>
<body><main class="empty"><h1>{title}</h1><p>{words}</p>{form}</main></body></html>
"""


class LinkToken(Struct, frozen=True, forbid_unknown_fields=True):
    """The part after `/verify/` in the mailed link."""

    token: Annotated[str, Meta(min_length=1, max_length=200)]


class ProvenAddress(Struct, frozen=True):
    """An address that is yours."""

    email: Annotated[str, Meta(examples=["ada@example.com"])]


_LINK_TOKEN = msgspec.json.Decoder(LinkToken)


@post(
    "/v1/auth/verify-email",
    status_code=200,
    tags=["Access"],
    security=[{}, {"BearerToken": []}],
    summary="Show that an address is yours",
    description=(
        "With the token of the link that was mailed to it. The address then belongs to the "
        "account that the mail was written for; with an access token, to your own account, if "
        "that has the same address. The first account that proves the address owns it, and all "
        "others lose it."
    ),
    opt=described(
        takes=LinkToken,
        gives={200: Reply("It is yours.", ProvenAddress)},
        refuses=("link-not-ours", "address-of-another", "address-not-claimed", "unavailable"),
    ),
)
async def verify_email(request: AnyRequest) -> Response[ProvenAddress]:
    person_id = buyer_id(request) if "authorization" in request.headers else None
    sent = await read_body(request, _LINK_TOKEN)
    claim = await runtime_of(request).people.verification.redeem(sent.token, person_id)
    return Response(ProvenAddress(claim.email), headers={"Cache-Control": "no-store"})


@get("/verify/{token:str}", media_type=MediaType.HTML, include_in_schema=False)
async def ask_address(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    # Programs that scan mails open this link too, so opening it changes nothing.
    try:
        claims = await runtime_of(request).people.verification.claims(token)
    except NotFound:
        return _unknown_link()
    return _page(
        f"Is {claims[0].email} yours?",
        "Somebody has registered here with this address. If it was you, say so. If not, close this "
        "page: nobody gets anything by it.",
        form=_form(claims),
    )


@post("/verify/{token:str}", media_type=MediaType.HTML, status_code=200, include_in_schema=False)
async def give_address(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    try:
        claim = await runtime_of(request).people.verification.redeem(token, await _chosen(request))
    except NotFound:
        return _unknown_link()
    except Conflict as error:
        return _page("It stays as it is", error.detail, status=409)
    return _page("Done", f"{claim.email} is yours: log in with it and your password.")


async def _chosen(request: AnyRequest) -> str | None:
    """The account that was chosen on the page."""
    try:
        body = await whole_body(request.receive, _FORM_SIZE_MAX)
    except ClientGone:
        raise InvalidInput("The connection closed before the body was whole.") from None
    return next(iter(parse_qs(body.decode("latin-1")).get("account", [])), None)


def _form(claims: list[AddressClaim]) -> str:
    """One button; one for each account where several have the address."""
    if len(claims) == 1:
        return '<form method="post"><button class="button">Yes, that was me</button></form>'
    buttons = "".join(
        f'<p><button class="button" name="account" value="{claim.person_id}">That was me: '
        f"{html.escape(claim.name[:_NAME_SHOWN_MAX])}, {claim.created_at:%d %B %Y, %H:%M} UTC"
        "</button></p>"
        for claim in claims
    )
    return f'<form method="post">{buttons}</form>'


def _unknown_link() -> Response[str]:
    words = (
        "Perhaps it was cut in two: copy the whole of it from the mail. It is good for thirty days, and "
        "while the account has this address."
    )
    return _page("That link is not one of ours", words, status=404)


def _page(title: str, words: str, *, form: str = "", status: int = 200) -> Response[str]:
    page = _PAGE.format(title=html.escape(title), words=html.escape(words), form=form)
    return Response(page, headers=_HEADERS, media_type=MediaType.HTML, status_code=status)


HANDLERS = [verify_email, ask_address, give_address]
