from enum import StrEnum


class AttemptOutcome(StrEnum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNDER_WAY = "under-way"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"
    UNWRITABLE = "unwritable"

    def __str__(self) -> str:
        return str(self.value)
