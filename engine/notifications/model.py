"""The data types of notifications: kinds, templates, and mails as operators see them."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from engine.base.model import Id, Moment, Version
from engine.base.texts import ONE_LINE

#: The event_id of mails without an event.
NO_EVENT: Final = "00000000-0000-0000-0000-000000000000"
#: The language of texts that serve every language: the frame around all mails.
EVERY_LANGUAGE: Final = "mul"
LAYOUT: Final = "layout"


class MailKind(StrEnum):
    WELCOME = "welcome"
    BOOKING_CONFIRMED = "booking-confirmed"
    BOOKING_CANCELLED = "booking-cancelled"
    BOOKING_REFUNDED = "booking-refunded"
    BOOKING_LINKS = "booking-links"
    WAITLIST_JOINED = "waitlist-joined"
    OFFER_MADE = "offer-made"
    OFFER_EXPIRING = "offer-expiring"
    EVENT_CHANGED = "event-changed"
    EVENT_CANCELLED = "event-cancelled"


#: Sent before all others: their readers have a deadline, or have paid. The SQL query ``claim`` repeats this.
URGENT: Final = frozenset(
    {
        MailKind.BOOKING_CONFIRMED,
        MailKind.BOOKING_CANCELLED,
        MailKind.BOOKING_REFUNDED,
        MailKind.OFFER_MADE,
        MailKind.OFFER_EXPIRING,
    }
)

#: Kinds that a person may switch off, by the fields of ``engine.people.model.EmailPreferences``; a mail is
#: sent only when all its topics are on. Other kinds are sent regardless of preferences.
TOPICS: Final[dict[MailKind, tuple[str, ...]]] = {
    MailKind.WAITLIST_JOINED: ("waitlist",),
    MailKind.OFFER_MADE: ("waitlist",),
    MailKind.OFFER_EXPIRING: ("reminders", "waitlist"),
    MailKind.EVENT_CHANGED: ("event",),
}


class Status(StrEnum):
    """The status of a mail; ``engine.notifications`` has a diagram."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    DEAD = "dead"
    UNKNOWN = "unknown"


Outcome = Literal[
    "under-way", "accepted", "deferred", "refused", "unreachable", "unwritable", "unknown"
]


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to deliver a mail."""

    attempt_no: int
    outcome: Outcome
    reply: Annotated[
        str | None,
        Meta(description="The server's words, or what happened.", examples=["250 2.0.0 Ok"]),
    ]
    started_at: Moment
    ended_at: Moment | None


class Mail(Struct, frozen=True, kw_only=True):
    """A mail in the queue or in the log."""

    mail_id: Id
    kind: MailKind
    status: Status
    event_id: Id | None
    person_id: Id
    cause: Annotated[str, Meta(description="The id of the cause; it causes one mail of this kind.")]
    email: Annotated[str | None, Meta(examples=["ada@example.com"])]
    name: str
    language: str | None
    reason: Annotated[str | None, Meta(description="Why it was skipped, is dead, or waits again.")]
    attempts: int
    queued_at: Moment
    due_at: Annotated[Moment | None, Meta(description="When it is tried next; while queued.")]
    ended_at: Moment | None
    log: Annotated[list[Attempt], Meta(description="Every attempt; empty in lists.")] = []


#: As long as a request's body may be; PostgreSQL cannot store NUL.
_Template = Annotated[str, Meta(pattern=r"^[^\x00]*$")]


class Texts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The texts of a mail, in Jinja2."""

    subject: Annotated[
        str,
        Meta(
            max_length=1000,
            pattern=ONE_LINE,
            description="Empty for a layout.",
            examples=["Your tickets for {{ event.name }}"],
        ),
    ] = ""
    html: _Template
    text: _Template


TemplateKind = Annotated[
    str, Meta(description="A kind of mail, or `layout`.", examples=["booking-confirmed"])
]
Language = Annotated[str, Meta(description="`mul` for the layout.", examples=["en"])]


class TemplateVersion(Struct, frozen=True, kw_only=True):
    """One version of a template; its texts never change."""

    kind: TemplateKind
    language: Language
    version: Version
    source: Annotated[
        Literal["product", "organiser"],
        Meta(description="Who wrote it: Frontrow, or the organiser."),
    ]
    subject: str
    html: str
    text: str
    note: str
    created_at: Moment


class TemplateInForce(Struct, frozen=True, kw_only=True):
    """The template version in force."""

    kind: TemplateKind
    language: Language
    version: Version
    source: Literal["product", "organiser"]
    actor: Annotated[str, Meta(description="Who chose it.", examples=["organiser"])]
    chosen_at: Moment
    note: str


class Written(Struct, frozen=True, kw_only=True):
    """A rendered template."""

    subject: str
    html: str
    text: str


class Picture(Struct, frozen=True):
    """A PNG that the HTML shows as ``cid:<name>``."""

    name: str
    content: bytes


class Letter(Struct, frozen=True, kw_only=True):
    """The content of a mail before rendering: the facts by name, and the pictures among them."""

    facts: dict[str, Any]
    pictures: tuple[Picture, ...] = ()
