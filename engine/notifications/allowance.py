"""Daily limits of mails to one address, because anybody may give an address as theirs.

Until somebody has followed a link from one of our mails and acted on that page (``people.prove_address``),
an address may belong to a stranger whom somebody wants to annoy. So it gets few mails of each kind about
each event in a day, and few in all (``most``). Mails about bookings are sent nevertheless: confirmations
of paid bookings nearly always at once; those of free ones, and later mails about a booking, some at a
time, while the others wait for the proof or for the next day. A proven address can still be given by
somebody else; its limits are many times higher.

An organiser's announcements to everybody are not counted: each address gets them once anyway.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.base import metrics
from engine.base.mail_addresses import email_key, mailbox
from engine.notifications.facts import Due
from engine.notifications.model import MailKind
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
#: Factor for confirmations of bookings that cost something: each was paid for.
_PAID_FACTOR: Final = 10
_PROVEN_FACTOR: Final = 20
#: Providers that ignore dots in a mailbox's name; each domain leads to the provider's main domain.


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
    """The daily limit of mails of a kind about one event to a mailbox, and the limit of all kinds together.

    "All kinds" are those about bookings, or all others.
    """
    if kind in BOOKING_KINDS:
        return 5, 20
    if kind in _OFFER_KINDS:
        # A person in the waitlist gets offers repeatedly, and has only minutes to accept each.
        return 5, 30
    if kind == MailKind.WELCOME:
        # A lost mail can be requested again.
        return 3, 10
    return 1, 10


def is_counted(due: Due) -> bool:
    """Whether a mail counts towards its address's daily limit."""
    return not due.counted and due.kind not in _UNCOUNTED


async def allowed(postgres: Postgres, worker: str, mails: Sequence[Due]) -> list[Due]:
    """The mails claimed by ``worker`` that may be sent today. Raises Unavailable.

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
