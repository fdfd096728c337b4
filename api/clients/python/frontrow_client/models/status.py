from enum import StrEnum


class Status(StrEnum):
    DEAD = "dead"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return str(self.value)
