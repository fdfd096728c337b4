from enum import StrEnum


class CategoryStateMode(StrEnum):
    FIXED = "fixed"
    FROZEN = "frozen"
    OVERRIDE = "override"
    RULE = "rule"

    def __str__(self) -> str:
        return str(self.value)
