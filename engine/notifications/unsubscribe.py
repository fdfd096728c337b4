"""Links in mails that switch off mails of one topic, without a login (RFC 8058)."""

import uuid
from functools import cached_property

from engine.base.config import Settings
from engine.base.errors import NotFound
from engine.base.signing import Signer, token_secret
from engine.notifications.model import TOPICS
from engine.stores.postgres import Postgres

_PURPOSE = "frontrow/unsubscribe/1"
_PERSON_BYTES = 16
_TOPICS = sorted({topic for topics in TOPICS.values() for topic in topics})


class Unsubscribe:
    """Makes and redeems signed tokens: a person and a topic. They do not expire."""

    def __init__(self, postgres: Postgres, settings: Settings) -> None:
        self._pg = postgres
        self._settings = settings

    @cached_property
    def _signer(self) -> Signer:
        # Made when first needed: a process that sends no mail needs no secret.
        return Signer(token_secret(self._settings), _PURPOSE)

    def url(self, person_id: str, topic: str) -> str:
        token = self.token(person_id, topic)
        return f"{self._settings.public_url.rstrip('/')}/mail/unsubscribe/{token}"

    def token(self, person_id: str, topic: str) -> str:
        return self._signer.sign(uuid.UUID(person_id).bytes + topic.encode())

    def read(self, token: str) -> tuple[str, str]:
        """The person and the topic of a token. Raises NotFound for a foreign token."""
        content = self._signer.read(token)
        topic = (content or b"")[_PERSON_BYTES:].decode()
        if content is None or topic not in _TOPICS:
            raise NotFound("That link is not one of ours.")
        return str(uuid.UUID(bytes=content[:_PERSON_BYTES])), topic

    async def redeem(self, token: str) -> str:
        """Switch the topic off; idempotent. Returns the topic. Raises NotFound, Unavailable."""
        person_id, topic = self.read(token)
        await self._pg.fetch("notifications.switch_off", person_id, topic)
        return topic
