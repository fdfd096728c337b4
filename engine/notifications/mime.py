"""Builds the message of a mail: RFC 5322 and MIME.

The head is written by ``engine.notifications.headers``, the body by ``email``, which gets only texts to
encode and names of ours. Then the whole is parsed again: a message that is not exactly the intended one
is not sent (``Distorted``).
"""

import email
import email.policy
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage, Message, MIMEPart
from email.utils import format_datetime
from typing import Final

from msgspec import Struct

from engine.base.mail_addresses import sendable
from engine.notifications import headers
from engine.notifications.model import Picture, Written

#: Addresses that SMTP can carry between angle brackets without quoting; no real address needs more.
_URL = re.compile(r"[!-;=?-~]+")
#: Lines end with CR LF only, and are no longer than servers accept (RFC 5321, 4.5.3.1.6).
_BAD_LINE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00|[^\r\n]{999}")
#: Header fields that belong to the body.
_BODY_FIELDS: Final = ("MIME-Version", "Content-Type")


class Unwritable(Exception):
    """No mail can be built: the message says why."""


class Distorted(Unwritable):
    """The finished message is not the intended one. The exception's text is ours and quotes none of it."""


class Envelope(Struct, frozen=True, kw_only=True):
    """A mail ready to leave. ``needs_utf8``: only for servers that speak SMTPUTF8 (RFC 6531)."""

    sender: str
    recipient: str
    message: bytes
    needs_utf8: bool


class _Meaning(Struct, frozen=True, kw_only=True):
    """The content that a reader must find in the message: texts and addresses decoded, the rest as written."""

    fields: headers.Fields
    texts: dict[str, str]
    addresses: dict[str, tuple[str, str]]
    written: Written
    pictures: Sequence[Picture]


def build_envelope(
    written: Written,
    pictures: Sequence[Picture],
    *,
    message_id: str,
    mail_from: str,
    reply_to: str,
    name: str,
    email: str,
    language: str,
    kind: str,
    unsubscribe_url: str | None,
) -> Envelope:
    """The mail to ``email``. Raises Unwritable for an address that no server would accept, and Distorted."""
    addresses = {"From": _mailbox(mail_from), "To": (headers.one_line(name), _address(email))}
    if reply_to:
        addresses["Reply-To"] = _mailbox(reply_to)
    sender = addresses["From"][1]
    subject = headers.one_line(written.subject)
    fields = [
        *((field, headers.address_value(field, *address)) for field, address in addresses.items()),
        ("Subject", headers.text_value("Subject", subject)),
        ("Date", format_datetime(datetime.now(UTC))),
        ("Message-ID", f"<{message_id}@{sender.rpartition('@')[2]}>"),
        ("Content-Language", language),
        # Suppresses automatic replies.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Frontrow-Kind", kind),
    ]
    if unsubscribe_url:
        fields.append(("List-Unsubscribe", f"<{_checked_url(unsubscribe_url)}>"))
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    head = "".join(f"{field}: {value}\r\n" for field, value in fields)
    message = head.encode() + _body(written, pictures)
    meaning = _Meaning(
        fields=fields,
        texts={"Subject": subject},
        addresses=addresses,
        written=written,
        pictures=pictures,
    )
    check_message(message, meaning)
    return Envelope(
        sender=sender,
        recipient=addresses["To"][1],
        message=message,
        needs_utf8=not head.isascii(),
    )


def _body(written: Written, pictures: Sequence[Picture]) -> bytes:
    """The body's header fields, an empty line, and the parts."""
    body = EmailMessage(policy=email.policy.SMTP)
    body.set_content(_encodable(written.text), cte="quoted-printable")
    body.add_alternative(_encodable(written.html), subtype="html", cte="quoted-printable")
    if pictures:
        html = body.get_payload()[1]  # type: ignore[index]  # the second of two alternatives
        assert isinstance(html, MIMEPart)
        for picture in pictures:
            html.add_related(
                picture.content,
                "image",
                "png",
                cid=f"<{picture.name}>",
                disposition="inline",
                filename=f"{picture.name}.png",
            )
    return bytes(body)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _address(email: str) -> str:
    try:
        return sendable(email)
    except ValueError as error:
        raise Unwritable(
            f"{email!r} is not an address that a mail server would accept: {error}."
        ) from None


def _mailbox(text: str) -> tuple[str, str]:
    """The name and the address of ``Name <address>``, as in settings."""
    name, bracket, address = text.rpartition("<")
    if not bracket:
        return "", _address(text.strip())
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return headers.one_line(name), _address(address.strip().removesuffix(">"))


def _checked_url(url: str) -> str:
    if not _URL.fullmatch(url):
        raise Unwritable("The link that switches mails off is not a URL; see FRONTROW_PUBLIC_URL.")
    return url


# Reading it again


def check_message(message: bytes, meaning: _Meaning) -> None:
    """Raises Distorted unless a reader finds exactly the intended content, and nothing else."""
    if _BAD_LINE.search(message):
        raise Distorted("The message has a line that no server accepts.")
    # The oldest of the library's policies: it leaves fields as they are.
    parsed = email.message_from_bytes(message, policy=email.policy.compat32)
    _check_fields(headers.fields_of(parsed), meaning)
    _check_parts(parsed, meaning)


def _check_fields(found: headers.Fields, meaning: _Meaning) -> None:
    names = [*(name for name, _ in meaning.fields), *_BODY_FIELDS]
    if sorted(name for name, _ in found) != sorted(names):
        raise Distorted("The message's header fields are not those that were set.")
    if [name for name, _ in found[: len(meaning.fields)]] != names[: len(meaning.fields)]:
        raise Distorted("The header fields are in the wrong order.")
    for (name, value), (_, set_value) in zip(found, meaning.fields, strict=False):
        try:
            if name in meaning.texts:
                is_meant = headers.read_text(value) == meaning.texts[name]
            elif name in meaning.addresses:
                is_meant = headers.read_address(value) == meaning.addresses[name]
            else:
                is_meant = value == set_value
        except ValueError:
            is_meant = False
        if not is_meant:
            raise Distorted(f"{name} does not have the intended value.")


def _check_parts(parsed: "Message[str, str]", meaning: _Meaning) -> None:
    pictures = [("image/png", f"{p.name}.png", p.content) for p in meaning.pictures]
    html = ("text/html", None, _wire(meaning.written.html))
    parts = [("text/plain", None, _wire(meaning.written.text)), html, *pictures]
    found = [_leaf(part) for part in parsed.walk() if not part.is_multipart()]
    defects = [defect for part in parsed.walk() for defect in part.defects]
    if defects or found != parts or parsed.preamble or parsed.epilogue:
        raise Distorted("The body is not the one that was written.")


def _leaf(part: "Message[str, str]") -> tuple[str, str | None, bytes]:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    is_text = part.get_content_maintype() == "text"
    return (
        part.get_content_type(),
        part.get_filename(),
        content.rstrip(b"\r\n") if is_text else content,
    )


def _wire(text: str) -> bytes:
    """A text as its reader gets it, without empty lines at its end."""
    return b"\r\n".join(_encodable(text).encode().splitlines()).rstrip(b"\r\n")
