"""The examples of an operation in the document."""

from typing import Any

from msgspec import Struct

from api.description import JSON


class Shown(Struct, frozen=True, kw_only=True):
    """Examples by their titles: of the request, of the JSON answers by status, and of answers in other media
    types.
    """

    takes: dict[str, Any] = {}
    gives: dict[int, dict[str, Any]] = {}
    others: dict[str, dict[str, Any]] = {}

    def of_reply(self, status: int, media_type: str) -> dict[str, Any]:
        """The examples of one response."""
        return (self.gives.get(status) if media_type == JSON else self.others.get(media_type)) or {}
