from enum import StrEnum


class MailKind(StrEnum):
    BOOKING_CANCELLED = "booking-cancelled"
    BOOKING_CONFIRMED = "booking-confirmed"
    BOOKING_LINKS = "booking-links"
    BOOKING_REFUNDED = "booking-refunded"
    EVENT_CANCELLED = "event-cancelled"
    EVENT_CHANGED = "event-changed"
    OFFER_EXPIRING = "offer-expiring"
    OFFER_MADE = "offer-made"
    WAITLIST_JOINED = "waitlist-joined"
    WELCOME = "welcome"

    def __str__(self) -> str:
        return str(self.value)
