from enum import StrEnum


class HoldRelaxedItem(StrEnum):
    NEIGHBOURING_ROWS = "neighbouring-rows"
    RESTRICTED_VIEW = "restricted-view"
    SINGLE_SEAT_LEFT = "single-seat-left"
    SPLIT = "split"

    def __str__(self) -> str:
        return str(self.value)
