"""How events are found: the fields of a stored event that are compared, and the queries that compare them."""

import math
from datetime import datetime
from typing import Any, Final

from engine.base.errors import InvalidInput
from engine.base.folding import folded
from engine.base.model import EventStatus, ms_from_utc
from engine.catalog.model import Event, EventFilter, Venue

#: Words of one search: each is compared with the texts of every event of the period.
_WORDS_MAX: Final = 32
_EARTH_RADIUS_KM = 6371.0088


def compared(event: Event) -> dict[str, Any]:
    """The fields of an event's document that only queries read."""
    tags = event.metadata.get("tags")
    texts = (
        event.name,
        event.venue.name,
        event.venue.city,
        event.category,
        event.tagline,
        event.description,
        *(tag for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, str)),
    )
    return {
        "search": " ".join(map(folded, texts)),
        "city": folded(event.venue.city),
        "kind": folded(event.category),
        "latitude": event.venue.latitude,
        "longitude": event.venue.longitude,
    }


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Great-circle distance between two (latitude, longitude) in degrees: the haversine formula."""
    (lat_a, lon_a), (lat_b, lon_b) = ((math.radians(x) for x in p) for p in (a, b))
    h = (
        math.sin((lat_b - lat_a) / 2) ** 2
        + math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(h)))


def within(venue: Venue, centre: tuple[float, float], radius_km: float) -> bool:
    if venue.latitude is None or venue.longitude is None:
        return False
    return distance_km(centre, (venue.latitude, venue.longitude)) <= radius_km


def query_of(wanted: EventFilter, after: tuple[datetime, str] | None) -> dict[str, Any]:
    by_status: dict[str, Any] = {"status": {"$in": [s.value for s in wanted.statuses]}}
    if wanted.cancelled_from is not None:
        start = {"starts_at": {"$gte": ms_from_utc(wanted.cancelled_from)}}
        by_status = {"$or": [by_status, {"$and": [{"status": EventStatus.CANCELLED.value}, start]}]}
    clauses: list[dict[str, Any]] = [by_status]
    if wanted.q:
        # Every word must match; escaped, so that no input becomes a pattern.
        clauses += [{"search": {"$regex": _escape(word)}} for word in _words(wanted.q)]
    if wanted.category:
        clauses.append({"kind": folded(wanted.category)})
    if wanted.city:
        clauses.append({"city": folded(wanted.city)})
    if wanted.starts_from:
        clauses.append({"starts_at": {"$gte": ms_from_utc(wanted.starts_from)}})
    if wanted.starts_to:
        clauses.append({"starts_at": {"$lte": ms_from_utc(wanted.starts_to)}})
    if wanted.near:
        clauses += _bounding_box(wanted.near, wanted.radius_km)
    if after is not None:
        starts_at, event_id = ms_from_utc(after[0]), after[1]
        clauses.append(
            {
                "$or": [
                    {"starts_at": {"$gt": starts_at}},
                    {"$and": [{"starts_at": starts_at}, {"_id": {"$gt": event_id}}]},
                ]
            }
        )
    return {"$and": clauses}


def _words(q: str) -> list[str]:
    words = list(dict.fromkeys(folded(q).split()))
    if len(words) > _WORDS_MAX:
        raise InvalidInput(f"q: send at most {_WORDS_MAX} words, not {len(words)}.")
    return words


def _escape(word: str) -> str:
    return "".join(c if c.isalnum() or ord(c) > 127 else "\\" + c for c in word)


def _bounding_box(centre: tuple[float, float], radius_km: float) -> list[dict[str, Any]]:
    """A condition that an index can answer; the exact distance is computed on its results."""
    latitude, longitude = centre
    dlat = math.degrees(radius_km / _EARTH_RADIUS_KM)
    clauses: list[dict[str, Any]] = [
        {"latitude": {"$gte": latitude - dlat, "$lte": latitude + dlat}}
    ]
    cosine = math.cos(math.radians(min(89.9, abs(latitude) + dlat)))
    dlon = math.degrees(radius_km / _EARTH_RADIUS_KM / cosine)
    # Across the antimeridian a box is not one interval; latitude alone narrows enough there.
    if longitude - dlon >= -180 and longitude + dlon <= 180:
        clauses.append({"longitude": {"$gte": longitude - dlon, "$lte": longitude + dlon}})
    return clauses
