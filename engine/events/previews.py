"""Previews of drafts: a signed token that opens one draft, to read, for a short time.

Nothing is stored. The token says which event and until when; it opens nothing but a draft, so it ends when the
event is published, whatever its time.
"""

import time
import uuid
from collections.abc import Callable
from functools import cached_property
from typing import Final

from engine.base.config import Settings
from engine.base.signing import Signer, token_secret

PREVIEW_S: Final = 3600
PREVIEW_MAX_S: Final = 86_400
#: A token has some 60 characters; a longer text is refused unread.
_LENGTH_MAX: Final = 100


class Previews:
    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock

    @cached_property
    def _signer(self) -> Signer:
        return Signer(token_secret(self._settings), "frontrow/preview/1")

    def make(self, event_id: str, *, ttl_s: int = PREVIEW_S) -> tuple[str, float]:
        """A token for a draft, and when it ends (seconds since 1970)."""
        ends = int(self._clock()) + ttl_s
        return self._signer.sign(uuid.UUID(event_id).bytes + ends.to_bytes(5, "big")), float(ends)

    def opens(self, token: str, event_id: str) -> bool:
        """Whether the token opens this draft now."""
        content = self._signer.read(token) if len(token) <= _LENGTH_MAX else None
        if content is None or len(content) != 21:
            return False
        ends = int.from_bytes(content[16:], "big")
        return content[:16] == uuid.UUID(event_id).bytes and self._clock() < ends
