from enum import StrEnum


class EllipseType(StrEnum):
    ELLIPSE = "ellipse"

    def __str__(self) -> str:
        return str(self.value)
