from enum import StrEnum


class EventStatus(StrEnum):
    CANCELLED = "cancelled"
    DRAFT = "draft"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    PUBLISHING = "publishing"

    def __str__(self) -> str:
        return str(self.value)
