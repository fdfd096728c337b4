from enum import StrEnum


class RectangleType(StrEnum):
    RECTANGLE = "rectangle"

    def __str__(self) -> str:
        return str(self.value)
