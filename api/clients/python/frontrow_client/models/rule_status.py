from enum import StrEnum


class RuleStatus(StrEnum):
    ACTIVE = "active"
    DRAFT = "draft"
    RETIRED = "retired"
    SCHEDULED = "scheduled"

    def __str__(self) -> str:
        return str(self.value)
