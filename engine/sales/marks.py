"""Marks identify one buyer behind several names, for the limit of places per buyer only.

An address or a card can be written in many ways. All ways of one give the same mark, 16 bytes of a hash,
as the 32 digits that PostgreSQL accepts for a uuid: each booking compares and sends its marks several
times, and objects of the uuid module would make that slow. Mails still go to the address as typed.
"""

import hashlib
from functools import lru_cache
from typing import Final

from engine.base.mail_addresses import mailbox

#: Hexadecimal digits of a mark.
_MARK_DIGITS: Final = 32


@lru_cache(maxsize=4096)
def email_mark(email: str) -> str:
    """The mark of a mailbox."""
    return _mark("email", mailbox(email))


def card_mark(provider: str, card: str | None) -> str | None:
    """The mark of a card, by its gateway's fingerprint; None if the gateway gave none."""
    return None if card is None else _mark(f"card/{provider}", card)


def _mark(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()[:_MARK_DIGITS]
