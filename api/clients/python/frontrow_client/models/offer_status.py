from enum import StrEnum


class OfferStatus(StrEnum):
    DECLINED = "declined"
    EXPIRED = "expired"
    OPEN = "open"
    USED = "used"
    WITHDRAWN = "withdrawn"

    def __str__(self) -> str:
        return str(self.value)
