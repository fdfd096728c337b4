"""Venues and their seating plans."""

from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.examples.evening import LAYOUT_ID, VENUE_ID
from api.examples.shown import Shown
from api.venues import (
    ImportedVenue,
    LayoutWarning,
    VenueList,
    create_venue,
    import_venue,
    list_venues,
    patch_venue,
    read_venue,
)
from engine.catalog.model import Venue
from engine.catalog.venues import VenueDraft, VenuePatch

VENUE_DRAFT = VenueDraft(
    name="Schauspielhaus",
    city="Erfurt",
    latitude=50.9787,
    longitude=11.0328,
    timezone="Europe/Berlin",
)
VENUE = Venue(
    venue_id=VENUE_ID,
    name="Schauspielhaus",
    city="Erfurt",
    latitude=50.9787,
    longitude=11.0328,
    timezone="Europe/Berlin",
    layout_id=LAYOUT_ID,
    seat_count=2,
)
EMPTY_VENUE = Venue(
    venue_id=VENUE_ID,
    name="Schauspielhaus",
    city="Erfurt",
    latitude=50.9787,
    longitude=11.0328,
    timezone="Europe/Berlin",
)
VENUE_PATCH = VenuePatch(name="Neues Schauspielhaus", latitude=None, longitude=None)
CORRECTED_VENUE = msgspec.structs.replace(
    VENUE, name="Neues Schauspielhaus", latitude=None, longitude=None, version=2
)
NATIVE_PLAN: dict[str, Any] = {
    "format": "frontrow/1",
    "name": "Schauspielhaus",
    "size": {"width": 400, "height": 300},
    "focal_point": {"x": 200, "y": 0},
    "categories": [
        {"name": "Stalls", "color": "#0072b2"},
        {"name": "Standing", "color": "#e69f00"},
    ],
    "sections": [
        {
            "name": "Stalls",
            "rows": [
                {
                    "label": "A",
                    "seats": [
                        {"number": "1", "x": 188, "y": 120, "category": "Stalls"},
                        {
                            "number": "2",
                            "x": 212,
                            "y": 120,
                            "category": "Stalls",
                            "properties": ["wheelchair"],
                        },
                    ],
                }
            ],
        }
    ],
    "areas": [
        {
            "name": "Floor",
            "category": "Standing",
            "capacity": 80,
            "shape": {"type": "rectangle", "x": 100, "y": 180, "width": 200, "height": 80},
        }
    ],
}
PRETIX_PLAN: dict[str, Any] = {
    "name": "Schauspielhaus",
    "size": {"width": 400, "height": 300},
    "categories": [{"name": "Stalls", "color": "#0072b2"}],
    "zones": [
        {
            "name": "Stalls",
            "position": {"x": 0, "y": 0},
            "rows": [
                {
                    "row_number": "A",
                    "position": {"x": 188, "y": 120},
                    "seats": [
                        {
                            "seat_number": "1",
                            "seat_guid": "A-1",
                            "position": {"x": 0, "y": 0},
                            "category": "Stalls",
                        },
                        {
                            "seat_number": "2",
                            "seat_guid": "A-2",
                            "position": {"x": 24, "y": 0},
                            "category": "Stalls",
                        },
                    ],
                }
            ],
        }
    ],
}
IMPORTED_VENUE = ImportedVenue(VENUE, [LayoutWarning("zones[0].color", "unknown key; ignored")])

SHOWN: dict[HTTPRouteHandler, Shown] = {
    create_venue: Shown(takes={"venue": VENUE_DRAFT}, gives={201: {"venue": EMPTY_VENUE}}),
    import_venue: Shown(
        takes={"native, frontrow/1": NATIVE_PLAN, "pretix": PRETIX_PLAN},
        gives={201: {"imported": IMPORTED_VENUE}},
    ),
    list_venues: Shown(gives={200: {"venues": VenueList([VENUE])}}),
    patch_venue: Shown(takes={"corrections": VENUE_PATCH}, gives={200: {"venue": CORRECTED_VENUE}}),
    read_venue: Shown(gives={200: {"venue": VENUE}}),
}
