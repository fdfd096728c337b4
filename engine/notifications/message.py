"""A mail as it goes over the wire: RFC 5322 and MIME, from what was written."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from msgspec import Struct

from engine.notifications.model import Picture, Written

#: What SMTP can carry between angle brackets without quoting; anything else is nobody's real address.
_LOCAL_PART = re.compile(r"[^\s\x00-\x20()<>@,;:\\\"\[\]\x7f]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class Unwritable(Exception):
    """No mail can be made of this: the message says why."""


class Envelope(Struct, frozen=True, kw_only=True):
    """A mail ready to leave. ``needs_utf8``: only for servers that speak SMTPUTF8 (RFC 6531)."""

    sender: str
    recipient: str
    message: bytes
    needs_utf8: bool


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
    """The mail to ``email``. Raises Unwritable for an address that no server would take."""
    sender_name, sender = parseaddr(mail_from)
    recipient = ascii_domain(email)
    needs_utf8 = not recipient.isascii()
    message = EmailMessage(policy=SMTPUTF8 if needs_utf8 else SMTP)
    message["From"] = _address(sender_name, sender)
    message["To"] = _address(_one_line(name), recipient)
    if reply_to:
        message["Reply-To"] = _address(*parseaddr(reply_to))
    message["Subject"] = _one_line(written.subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Content-Language"] = language
    # Nobody's absence note shall answer.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["X-Frontrow-Kind"] = kind
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(written.text, cte="quoted-printable")
    message.add_alternative(written.html, subtype="html", cte="quoted-printable")
    if pictures:
        _add_pictures(message, pictures)
    return Envelope(
        sender=sender, recipient=recipient, message=bytes(message), needs_utf8=needs_utf8
    )


def _add_pictures(message: EmailMessage, pictures: Sequence[Picture]) -> None:
    html = message.get_payload()[1]  # type: ignore[index]  # the second of two alternatives
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


def ascii_domain(email: str) -> str:
    """The address with its domain as DNS knows it (``xn--…``). Raises Unwritable."""
    local, _, domain = email.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise Unwritable(f"{email!r} is no address that a mail server would take.")
    return f"{local}@{domain}"


def _address(name: str, addr_spec: str) -> Address:
    local, _, domain = addr_spec.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
