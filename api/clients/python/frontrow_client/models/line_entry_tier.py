from enum import StrEnum


class LineEntryTier(StrEnum):
    PREMIUM = "premium"
    REGULAR = "regular"
    VIP = "vip"

    def __str__(self) -> str:
        return str(self.value)
