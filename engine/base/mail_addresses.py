"""E-mail addresses: the one definition of a valid one, and the forms in which addresses are compared and sent.

Local parts are dot-atoms (RFC 5321, 4.1.2), with letters beyond ASCII as RFC 6531 allows; quoted local parts and
addresses of machines (``ada@[192.0.2.1]``) are refused. Domains follow IDNA 2008 with the non-transitional mapping
of UTS 46: ``straße.example`` is not ``strasse.example``, which belongs to somebody else.
"""

import re
import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import Final

import idna
import msgspec

from engine.base.errors import InvalidInput
from engine.base.model import Buyer

#: Octets of a local part and of a whole address as sent (RFC 5321, 4.5.3.1).
_LOCAL_SIZE_MAX: Final = 64
_SIZE_MAX: Final = 254
_ATOM: Final = r"[^\s\x00-\x20()<>@,;:\\\"\[\].\x7f]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
#: At least two labels, the last one not a number (RFC 3696, 2).
_DOMAIN: Final = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
#: Domains of one mail service that ignores dots in a mailbox's name, and its main domain.
_DOTLESS: Final = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
_EXAMPLE: Final = "write it like ada@example.com"


@lru_cache(maxsize=4096)
def sendable(address: str) -> str:
    """The address as a mail server gets it, its domain as A-labels (``xn--…``).

    Raises ValueError, with a sentence about the part that is wrong.
    """
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError(f"no @ in it; {_EXAMPLE}")
    # Readers that decode once too often would take "=?" for the beginning of an encoded word.
    if not _LOCAL.fullmatch(local) or not local.isprintable() or "=?" in local:
        raise ValueError(f"the part before the @ is not one that mail servers accept; {_EXAMPLE}")
    if len(local.encode("utf-8", "surrogatepass")) > _LOCAL_SIZE_MAX:
        raise ValueError(f"the part before the @ is longer than {_LOCAL_SIZE_MAX} octets")
    sent = f"{local}@{_ascii_domain(domain)}"
    if len(sent.encode("utf-8", "surrogatepass")) > _SIZE_MAX:
        raise ValueError(f"longer than {_SIZE_MAX} octets")
    return sent


def _ascii_domain(domain: str) -> str:
    wrong = f"the part behind the @ is not a domain; {_EXAMPLE}"
    try:
        written = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode()
    except (UnicodeError, ValueError):
        raise ValueError(wrong) from None
    if not _DOMAIN.fullmatch(written.lower()):
        raise ValueError(wrong)
    return written


def checked(address: str, *, key: str = "email", source: str = "body") -> str:
    """A valid address, in the form in which it is stored: as typed, an internationalised domain as U-labels.

    ``key`` and ``source`` say where it was in the request. Raises InvalidInput.
    """
    try:
        return _stored(address)
    except ValueError as error:
        message = f"{key}: {address!r} is not an e-mail address: {error}."
        raise InvalidInput(
            message, errors=[{"message": str(error), "key": key, "source": source}]
        ) from None


@lru_cache(maxsize=4096)
def _stored(address: str) -> str:
    local, _, domain = sendable(address).rpartition("@")
    typed = address.rpartition("@")[2]
    if typed.isascii() and "xn--" not in typed.lower():
        return address
    return f"{local}@{idna.decode(domain)}"


def email_key(address: str) -> str:
    """An address in its compared form. Capitals make no difference in real mailboxes."""
    # One that was stored before addresses were checked equals itself.
    with suppress(ValueError):
        address = _stored(address)
    return unicodedata.normalize("NFC", address).lower()


def mailbox(address: str) -> str:
    """The probable mailbox behind an address, for limits.

    Without what leads to the same mailbox: capitals, wide letters, ``+tags``, and for Gmail dots.
    """
    local, _, domain = unicodedata.normalize("NFKC", address).rpartition("@")
    # NFKC keeps ß, which IDNA has to see: case is folded behind it.
    try:
        domain = _ascii_domain(domain.rstrip("."))
    except ValueError:
        domain = domain.rstrip(".")
    local, domain = local.casefold(), domain.casefold()
    tagless = local.partition("+")[0] or local
    if domain in _DOTLESS:
        tagless, domain = tagless.replace(".", "") or tagless, _DOTLESS[domain]
    return f"{tagless}@{domain}"


def checked_buyer(buyer: Buyer, *, key: str = "buyer.email") -> Buyer:
    """A buyer whose address is valid, in its stored form. Raises InvalidInput."""
    email = checked(buyer.email, key=key)
    return buyer if email == buyer.email else msgspec.structs.replace(buyer, email=email)
