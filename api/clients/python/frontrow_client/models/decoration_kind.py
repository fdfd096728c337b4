from enum import StrEnum


class DecorationKind(StrEnum):
    ENTRANCE = "entrance"
    FIELD = "field"
    FLOOR = "floor"
    OTHER = "other"
    STAGE = "stage"
    TABLE = "table"
    TEXT = "text"
    WALL = "wall"

    def __str__(self) -> str:
        return str(self.value)
