"""The live messages: the JSON that docs/live-protocol.md promises, and nothing else."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from engine.base.model import EventStatus, Money
from engine.live.messages import (
    AuthenticatedMessage,
    BeatMessage,
    BookingMessage,
    EventMessage,
    HoldMessage,
    LiveMessage,
    NoticeMessage,
    OfferMessage,
    PresenceMessage,
    PricesMessage,
    areas_message,
    body,
    decode_payload,
    encode,
    event_notice,
    payload,
)
from engine.live.prices import Price
from tests.support.said import complaint

_CHANGES = {"changes": [{"what": "name", "old": "A", "new": "B"}]}
_AT = datetime(2027, 5, 1, 20, tzinfo=UTC)
_RAISED = Price(1, "Back", Money(4, "EUR"), was=Money(3, "EUR"), reason="sold", changed_at=_AT)

_MESSAGES: list[tuple[LiveMessage, str]] = [
    (
        areas_message({10: 2, 2: 5}),
        '{"type":"areas","areas":{"2":{"available":5},"10":{"available":2}}}',
    ),
    (
        PricesMessage([Price(0, "Front", Money(5000, "EUR"))]),
        '{"type":"prices","prices":'
        '[{"category_no":0,"category":"Front","price":{"amount":5000,"currency":"EUR"}}]}',
    ),
    (
        PricesMessage([_RAISED]),
        '{"type":"prices","prices":[{"category_no":1,"category":"Back",'
        '"price":{"amount":4,"currency":"EUR"},"was":{"amount":3,"currency":"EUR"},'
        '"reason":"sold","changed_at":"2027-05-01T20:00:00Z"}]}',
    ),
    (EventMessage(EventStatus.PAUSED), '{"type":"event","status":"paused"}'),
    (PresenceMessage(213), '{"type":"presence","watching":213}'),
    (BeatMessage(15_000), '{"type":"beat","every_ms":15000}'),
    (AuthenticatedMessage(), '{"type":"authenticated"}'),
    (
        HoldMessage("E", "H", "ended", "booked", 7),
        '{"type":"hold","event_id":"E","hold_id":"H","change":"ended","status":"booked",'
        '"expires_at_ms":7}',
    ),
    (
        OfferMessage("E", "O", "W", "ending", "open", 7),
        '{"type":"offer","event_id":"E","offer_id":"O","entry_id":"W","change":"ending",'
        '"status":"open","expires_at_ms":7}',
    ),
    (
        BookingMessage("E", "B", "7QK2M9XW4T", "refunded"),
        '{"type":"booking","event_id":"E","booking_id":"B","reference":"7QK2M9XW4T",'
        '"status":"refunded"}',
    ),
    (
        NoticeMessage("going-away", reconnect_in_ms=640),
        '{"type":"notice","code":"going-away","reconnect_in_ms":640}',
    ),
    (
        event_notice("event-changed", "E", _CHANGES),
        '{"type":"notice","code":"event-changed","event_id":"E",'
        '"changes":[{"what":"name","old":"A","new":"B"}]}',
    ),
    (
        event_notice("event-cancelled", "E", {}),
        '{"type":"notice","code":"event-cancelled","event_id":"E"}',
    ),
]


@pytest.mark.parametrize(("message", "text"), _MESSAGES)
def test_a_message_is_encoded_as_the_protocol_says(message: LiveMessage, text: str) -> None:
    assert encode(message).decode() == text
    assert body(message) == json.loads(text)
    assert payload(message) == b"m|" + text.encode()
    assert decode_payload(payload(message)) == message


@pytest.mark.parametrize(
    "text",
    [
        b'{"type":"event","status":"paused"}',
        b'm|{"type":"event","status":"paused","more":1}',
        b'm|{"type":"event","status":"half open"}',
        b'm|{"type":"event"}',
        b'm|{"type":"hold","event_id":"E","hold_id":"H","change":"ended","status":"lost","expires_at_ms":1}',
        b'm|{"type":"booking","event_id":"E","booking_id":"B","reference":"R","status":"sold"}',
        b'm|{"type":"sentinel"}',
        b"m|{",
        b"c|1|2|3||",
    ],
)
def test_an_invalid_message_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_payload(text)


def test_a_notice_of_another_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        event_notice("booking-confirmed", "E", {})


_PERSON = b"person:01920000-0000-7000-8000-000000000001"
_FEED = b"{01920000-0000-7000-8000-000000000001}:feed"
_HOLD = payload(HoldMessage("E", "H", "ended", "booked", 7))
_EVENT = payload(EventMessage(EventStatus.PAUSED))


@pytest.mark.parametrize(
    ("channel", "text", "is_right"),
    [
        (_PERSON, _HOLD, True),
        (_PERSON, b"x|", True),
        (_PERSON, _EVENT, False),
        (_PERSON, b"c|1|2|3||", False),
        (_FEED, _EVENT, True),
        (_FEED, b"c|1|2|3|1:4,5|0:2", True),
        (_FEED, b"c|1|2|x||", False),
        (_FEED, _HOLD, False),
        (_FEED, b"x|", False),
        (b"person:ada", b"m|{}", True),
    ],
)
def test_the_suites_listener_accepts_only_messages_of_the_channel(
    channel: bytes, text: bytes, is_right: bool
) -> None:
    assert (complaint(channel, text) is None) == is_right
