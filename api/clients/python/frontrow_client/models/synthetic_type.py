from enum import StrEnum


class SyntheticType(StrEnum):
    SYNTHETIC = "synthetic"

    def __str__(self) -> str:
        return str(self.value)
