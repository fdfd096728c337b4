from enum import StrEnum


class TierBodyTier(StrEnum):
    PREMIUM = "premium"
    REGULAR = "regular"
    VIP = "vip"

    def __str__(self) -> str:
        return str(self.value)
