from enum import StrEnum


class TemplateInForceSource(StrEnum):
    ORGANISER = "organiser"
    PRODUCT = "product"

    def __str__(self) -> str:
        return str(self.value)
