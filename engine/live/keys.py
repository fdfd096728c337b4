"""Every Redis key and channel of an event and of a person. No other Python module spells their names.

``common.lua`` spells those of an event again, because a script derives them from its one key.
"""

from typing import Final, Literal, TypeAlias

#: The keys of one event, after its base key; ``docs/architecture.md`` says what each holds.
Part: TypeAlias = Literal[
    "meta",
    "seats",
    "versions",
    "owners",
    "areas",
    "buyers",
    "due",
    "line",
    "networks",
    "conduct",
    "rests",
    "watchers",
    "found",
]
#: The counts of an area; fields of the part ``areas``.
AreaCount: TypeAlias = Literal["capacity", "sold", "held", "kept", "version"]

#: Scripts publish here the ids of events whose waitlists may be served (``stir`` of ``common.lua``).
STIRRED: Final = "stirred"
#: One worker at a time checks all states; audits one event; corrects the events after a store was replaced.
CHECKING: Final = "checking"
AUDITING: Final = "auditing"
WATCHING: Final = "watching"


def base_key(event_id: str) -> str:
    """The braces make every key of an event hash to one slot of a cluster."""
    return "{" + event_id + "}"


def part_key(event_id: str, part: Part) -> str:
    """The key of one part of an event's state."""
    return f"{base_key(event_id)}:{part}"


def event_of_part(key: bytes) -> str:
    """The event that a key is a part of; any text, when the key is not one of ours."""
    return key.decode(errors="replace")[1:].partition("}")[0]


def hold_key(event_id: str, hold_id: str) -> str:
    """The key of a hold or an open offer. With ``*`` for the id: the pattern of all of an event's holds."""
    return f"{base_key(event_id)}:hold:{hold_id}"


def hold_pointer(hold_id: str) -> str:
    """The key that leads from a hold's id to its event."""
    return f"hold:{hold_id}"


def signed_out(person_id: str) -> str:
    """The key with the least token version for which this person's tickets are valid, while older ones last."""
    return f"signed-out:{person_id}"


def live_ticket(ticket: str) -> str:
    """The key that leads from a ticket of the live gateway to the person who got it."""
    return f"live-ticket:{ticket}"


def distrusted(event_id: str) -> str:
    """The key that exists while a rebuild requested by an audit is recent."""
    return f"distrusted:{event_id}"


def reconciling(event_id: str) -> str:
    """The key that exists while a worker's comparison with PostgreSQL is recent."""
    return f"reconciling:{event_id}"


def feed_channel(event_id: str) -> str:
    """The channel of an event's changes and messages."""
    return f"{base_key(event_id)}:feed"


def person_channel(person_id: str) -> str:
    """The channel on which a person's open connections receive news of their holds, bookings and offers."""
    return f"person:{person_id}"


def area_field(area_no: int, count: AreaCount) -> str:
    """A field of the part ``areas``."""
    return f"{area_no}:{count}"


def held_field(buyer_id: str) -> str:
    """A field of the part ``buyers``: how many places a buyer holds. ``l:…`` lists their holds."""
    return f"h:{buyer_id}"


def owned_field(buyer_id: str) -> str:
    """A field of the part ``buyers``: how many places a buyer has bought, as ``sold:version``."""
    return f"o:{buyer_id}"
