"""The live messages to watchers of an event, and to one person's connections.

Each is a Struct; its JSON has the tag as ``type``, and is the body of ``docs/live-protocol.md``. Scripts write
``hold`` and ``offer`` themselves, in the step in which they become true. On a channel a message is prefixed
with ``m|``; a change of seats with ``c|`` (``seatmap.feed``).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.model import EventStatus
from engine.live.prices import Price

#: On a person's channel: connections that began with earlier tokens are to be closed.
SIGNED_OUT: Final = b"x|"
_MARK: Final = b"m|"


class _Message(Struct, frozen=True, tag_field="type", forbid_unknown_fields=True):
    """A message; its subclasses differ by their tag."""


class AreaPlaces(Struct, frozen=True, forbid_unknown_fields=True):
    """The free places of an area."""

    available: int


class AreasMessage(_Message, frozen=True, tag="areas"):
    """Places by area number; areas that are absent have not changed."""

    areas: dict[int, AreaPlaces]


class PricesMessage(_Message, frozen=True, tag="prices"):
    """The whole price list."""

    prices: Sequence[Price]


class EventMessage(_Message, frozen=True, tag="event"):
    """Whether the event is on sale."""

    status: EventStatus


class PresenceMessage(_Message, frozen=True, tag="presence"):
    """How many people have the map open, as it is shown."""

    watching: int


class BeatMessage(_Message, frozen=True, tag="beat"):
    """Nothing has happened: the map is true. While nothing else comes, one comes every ``every_ms``."""

    every_ms: int


class AuthenticatedMessage(_Message, frozen=True, tag="authenticated"):
    """From here on a connection receives its person's messages."""


class HoldMessage(_Message, frozen=True, tag="hold"):
    """A hold is about to end, got more time, or has ended. ``expires_at_ms`` is Unix time."""

    event_id: str
    hold_id: str
    change: Literal["ending", "extended", "ended"]
    status: Literal["held", "released", "expired", "booked"]
    expires_at_ms: int


class OfferMessage(_Message, frozen=True, tag="offer"):
    """An offer was made, is about to end, or has ended. ``expires_at_ms`` is Unix time."""

    event_id: str
    offer_id: str
    entry_id: str
    change: Literal["made", "ending", "ended"]
    status: Literal["open", "used", "declined", "expired", "withdrawn"]
    expires_at_ms: int


class BookingMessage(_Message, frozen=True, tag="booking"):
    """A booking is no longer pending, and ``status`` is its ``BookingStatus``; or its money was refunded."""

    event_id: str
    booking_id: str
    reference: str
    status: Annotated[str, Meta(pattern="^(confirmed|declined|expired|cancelled|refunded)$")]


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """One change by an edit of the event's page."""

    what: Literal["name", "venue", "starts_at"]
    old: str
    new: str


class NoticeMessage(_Message, frozen=True, tag="notice"):
    """The gateway is going away; or a notice to a person beside a mail."""

    code: Literal["going-away", "event-changed", "event-cancelled"]
    #: Only for notices about an event.
    event_id: str | UnsetType = UNSET
    #: Only for ``event-changed``.
    changes: list[Change] | UnsetType = UNSET
    #: Only for ``going-away``.
    reconnect_in_ms: int | UnsetType = UNSET


#: Messages to one person's connections.
PersonalMessage: TypeAlias = HoldMessage | OfferMessage | BookingMessage | NoticeMessage
#: All messages.
LiveMessage: TypeAlias = (
    PersonalMessage
    | AreasMessage
    | PricesMessage
    | EventMessage
    | PresenceMessage
    | BeatMessage
    | AuthenticatedMessage
)
_DECODER: Final[msgspec.json.Decoder[LiveMessage]] = msgspec.json.Decoder(LiveMessage)


def encode(message: LiveMessage) -> bytes:
    """The JSON of a message."""
    return msgspec.json.encode(message)


def payload(message: LiveMessage) -> bytes:
    """A message as it is published on a channel."""
    return _MARK + msgspec.json.encode(message)


def body(message: LiveMessage) -> dict[str, Any]:
    """A message as a decoded JSON object, to compare with one from a channel."""
    found: dict[str, Any] = msgspec.to_builtins(message, str_keys=True)
    return found


def decode_payload(text: bytes) -> LiveMessage:
    """The message of a channel's payload. Raises msgspec.ValidationError for anything that is not one of
    these, or has additional or missing fields.
    """
    if not text.startswith(_MARK):
        raise msgspec.ValidationError("not a message: it has no mark")
    return _DECODER.decode(text[len(_MARK) :])


def areas_message(places: Mapping[int, int]) -> AreasMessage:
    """The message with the free places of areas."""
    return AreasMessage({no: AreaPlaces(n) for no, n in sorted(places.items())})


def event_notice(code: str, event_id: str, facts: Mapping[str, Any]) -> NoticeMessage:
    """A notice beside a mail of kind ``code``, with the facts that were queued with it.

    Raises msgspec.ValidationError for a kind without a notice, or facts of another kind.
    """
    return msgspec.convert(
        {"type": "notice", "code": code, "event_id": event_id, **facts}, NoticeMessage
    )
