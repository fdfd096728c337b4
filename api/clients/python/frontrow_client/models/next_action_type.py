from enum import StrEnum


class NextActionType(StrEnum):
    REDIRECT = "redirect"
    WAIT = "wait"

    def __str__(self) -> str:
        return str(self.value)
