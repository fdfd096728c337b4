from enum import StrEnum


class PolygonType(StrEnum):
    POLYGON = "polygon"

    def __str__(self) -> str:
        return str(self.value)
