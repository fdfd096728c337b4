from enum import StrEnum


class TicketStatus(StrEnum):
    VALID = "valid"
    VOID = "void"

    def __str__(self) -> str:
        return str(self.value)
