from enum import StrEnum


class EntryStatus(StrEnum):
    ACCEPTED = "accepted"
    DECLINED = "declined"
    DISMISSED = "dismissed"
    LAPSED = "lapsed"
    LEFT = "left"
    OFFERED = "offered"
    WAITING = "waiting"

    def __str__(self) -> str:
        return str(self.value)
