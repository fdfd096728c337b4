"""How many mails an address gets in a day, which anybody may have given for theirs.

Until somebody has followed a link from one of our mails and acted on that page (``people.prove_address``),
an address may be a stranger's whom somebody wants to annoy. So it gets few mails of each kind about each
event in a day, and few in all (``most``). What a buyer has booked is put in writing all the same:
confirmations of paid bookings nearly always go at once, those of free ones and what follows a booking go
some at a time, and the others wait, for the proof or for the next day. An address that is proven can
still be given by somebody else; it gets many times as many.

What an organiser announces to everybody is not counted: it goes to each address once as it is.
"""

import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from engine.base import metrics
from engine.notifications.facts import Due
from engine.notifications.model import MailKind
from engine.people.accounts import email_key
from engine.stores.postgres import Postgres

BOOKING_KINDS: Final = frozenset(
    {
        MailKind.BOOKING_CONFIRMED,
        MailKind.BOOKING_CANCELLED,
        MailKind.BOOKING_REFUNDED,
        MailKind.BOOKING_LINKS,
    }
)
_UNCOUNTED: Final = frozenset({MailKind.EVENT_CHANGED, MailKind.EVENT_CANCELLED})
_OFFER_KINDS: Final = frozenset({MailKind.OFFER_MADE, MailKind.OFFER_EXPIRING})
#: So many times as many confirmations of bookings that cost something: each was paid for.
_PAID_FACTOR: Final = 10
_PROVEN_FACTOR: Final = 20
#: Providers that see no dots, by the domain that they are one of.
_DOTLESS: Final = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}


class MailClaim(NamedTuple):
    """PostgreSQL's type ``mail_claim``, field by field; ``most`` and ``most_in_all`` are those of ``most()``."""

    event_id: str
    notification_id: str
    email_key: str
    mailbox: str
    is_booking: bool
    most: int
    most_in_all: int


def most(kind: MailKind) -> tuple[int, int]:
    """How many mails of a kind about one event go to a mailbox in a day, and at how many in all they end.

    In all: of bookings, or of everything that is no booking.
    """
    if kind in BOOKING_KINDS:
        return 5, 20
    if kind in _OFFER_KINDS:
        # Who waits is offered places again and again, and has minutes to accept each time.
        return 5, 30
    if kind == MailKind.WELCOME:
        # One that was lost can be asked for again.
        return 3, 10
    return 1, 10


def mailbox(email: str) -> str:
    """The mailbox behind an address, as nearly as anybody can tell: ``ada+1@x`` is read by ``ada@x``."""
    local, _, domain = unicodedata.normalize("NFKC", email_key(email)).rpartition("@")
    with suppress(UnicodeError):
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), _DOTLESS[domain]
    return f"{local}@{domain}"


def is_counted(due: Due) -> bool:
    """Whether a mail takes one of those that its address may get today."""
    return not due.counted and due.kind not in _UNCOUNTED


async def allowed(postgres: Postgres, worker: str, mails: Sequence[Due]) -> list[Due]:
    """Those of the mails that ``worker`` has claimed which may go today. Raises Unavailable.

    The others are skipped or held, in the database.
    """
    asked = [due for due in mails if is_counted(due)]
    if not asked:
        return list(mails)
    rows = await postgres.fetch(
        "notifications.take_allowances",
        worker,
        [_claim(due) for due in asked],
        _PROVEN_FACTOR,
        _PAID_FACTOR,
    )
    outcomes = {row["notification_id"]: row["outcome"] for row in rows}
    for due in asked:
        if outcome := outcomes.get(due.notification_id):
            metrics.MAILS.labels(due.kind.value, outcome).inc()
    return [due for due in mails if due.notification_id not in outcomes]


def _claim(due: Due) -> MailClaim:
    about_one, in_all = most(due.kind)
    return MailClaim(
        event_id=due.event_id,
        notification_id=due.notification_id,
        email_key=email_key(due.email),
        mailbox=mailbox(due.email),
        is_booking=due.kind in BOOKING_KINDS,
        most=about_one,
        most_in_all=in_all,
    )
