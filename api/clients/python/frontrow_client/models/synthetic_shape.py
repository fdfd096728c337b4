from enum import StrEnum


class SyntheticShape(StrEnum):
    LATE = "late"
    RUSH = "rush"
    STEADY = "steady"

    def __str__(self) -> str:
        return str(self.value)
