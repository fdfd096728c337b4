from enum import StrEnum


class TemplateVersionSource(StrEnum):
    ORGANISER = "organiser"
    PRODUCT = "product"

    def __str__(self) -> str:
        return str(self.value)
