from enum import StrEnum


class RefusedSeatReason(StrEnum):
    ALREADY = "already"
    HELD = "held"
    NOT_BLOCKED = "not-blocked"
    SOLD = "sold"

    def __str__(self) -> str:
        return str(self.value)
