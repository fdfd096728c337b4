from enum import StrEnum


class DecisionWhy(StrEnum):
    INTERVAL = "interval"
    MOVED = "moved"
    OVER = "over"
    RANGE = "range"
    REVERSAL = "reversal"
    SOLD_OUT = "sold-out"
    STEADY = "steady"

    def __str__(self) -> str:
        return str(self.value)
