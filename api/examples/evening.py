"""One evening at the theatre, as the reference shows it: shared by the examples of several tags."""

from datetime import UTC, datetime

from engine.base.model import AreaItem, Buyer, Money, SeatItem

VENUE_ID = "01964c5e-8a00-7b21-9d3f-2f6a1c0e4b11"
LAYOUT_ID = "01964c5e-8a02-7c60-8e11-90a7c4d5e6f2"
EVENT_ID = "01964c61-3d40-7a4e-b7c8-5d1e2f3a4b5c"
HOLD_ID = "01964c70-11a2-7f03-a1b2-c3d4e5f60718"
BOOKING_ID = "01964c70-5bc4-7d15-8c9d-0e1f2a3b4c5d"
TICKET_ID = "01964c70-5bd0-7e26-9f8e-7d6c5b4a3928"
ENTRY_ID = "01964c6f-20e5-7c0d-b1a9-3e4f5a6b7c8d"
OFFER_ID = "01964c70-0a11-7d24-8b3c-6f5e4d3c2b1a"
PERSON_ID = "01964c5f-77aa-7b09-a0b1-c2d3e4f5a6b7"
RULE_ID = "01964c62-4e51-7b5f-8a9b-0c1d2e3f4a5b"
MAIL_ID = "01964c70-5b1e-7f21-8c4d-9e0f1a2b3c4d"

CURTAIN = datetime(2027, 5, 1, 18, 0, tzinfo=UTC)
BOUGHT = datetime(2027, 3, 14, 9, 26, 53, tzinfo=UTC)


def euros(amount: int) -> Money:
    """Whole euros."""
    return Money(amount * 100, "EUR")


SEATS = [
    SeatItem(117, "Stalls, row F, seat 12", "Stalls", euros(48)),
    SeatItem(118, "Stalls, row F, seat 13", "Stalls", euros(48)),
]
AREAS = [AreaItem(0, "Floor", "Standing", 1, euros(22))]
BUYER = Buyer("ada@example.com", "Ada Lovelace")
