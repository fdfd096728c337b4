from enum import StrEnum


class RecordedType(StrEnum):
    RECORDED = "recorded"

    def __str__(self) -> str:
        return str(self.value)
