"""Links that switch mails of one topic off, for whoever has the mail and without a login (RFC 8058)."""

import base64
import binascii
import hashlib
import hmac
import uuid

from engine.config import Settings, data_path
from engine.embedded import kept_secret
from engine.errors import NotFound
from engine.notifications.model import TOPICS
from engine.stores.postgres import Postgres

#: Signed together with what follows, so that no other signature of ours is one of these.
_PURPOSE = b"frontrow/unsubscribe/1:"
_MAC_BYTES = 16
_TOPICS = sorted({topic for topics in TOPICS.values() for topic in topics})


class Unsubscribe:
    """Makes and redeems signed tokens: a person and a topic. They do not expire."""

    def __init__(self, postgres: Postgres, settings: Settings) -> None:
        self._pg = postgres
        self._settings = settings
        self._key = b""

    def url(self, person_id: str, topic: str) -> str:
        token = self.token(person_id, topic)
        return f"{self._settings.public_url.rstrip('/')}/mail/unsubscribe/{token}"

    def token(self, person_id: str, topic: str) -> str:
        signed = uuid.UUID(person_id).bytes + bytes([_TOPICS.index(topic)])
        return base64.urlsafe_b64encode(signed + self._mac(signed)).rstrip(b"=").decode()

    def read(self, token: str) -> tuple[str, str]:
        """The person and the topic of a token. Raises NotFound for one that is not ours."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            raw = b""
        signed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(raw) != 17 + _MAC_BYTES or not hmac.compare_digest(mac, self._mac(signed)):
            raise NotFound("That link is not one of ours.")
        return str(uuid.UUID(bytes=signed[:16])), _TOPICS[signed[16]]

    async def redeem(self, token: str) -> str:
        """Switch the topic off; twice is fine. Returns the topic. Raises NotFound, Unavailable."""
        person_id, topic = self.read(token)
        await self._pg.fetch("notifications.switch_off", person_id, topic)
        return topic

    def _mac(self, signed: bytes) -> bytes:
        if not self._key:
            # Read when first needed: a process that sends nothing needs no secret.
            secret = self._settings.token_secret or kept_secret(
                data_path(self._settings), "token_secret"
            )
            self._key = hashlib.sha256(_PURPOSE + secret.encode()).digest()
        return hmac.digest(self._key, _PURPOSE + signed, "sha256")[:_MAC_BYTES]
