from enum import StrEnum


class HoldStatus(StrEnum):
    BOOKED = "booked"
    EXPIRED = "expired"
    HELD = "held"
    PAYING = "paying"
    RELEASED = "released"

    def __str__(self) -> str:
        return str(self.value)
