"""Our signatures: one secret, a key for each purpose.

A signature made for one purpose is invalid for any other, because each purpose has a key of its
own, derived from ``FRONTROW_TOKEN_SECRET`` as HKDF-Expand does (RFC 5869, one block).
"""

import base64
import binascii
import hmac

from engine.base.config import Settings, data_path
from engine.base.data_folder import kept_secret
from engine.base.redaction import hide

_MAC_BYTES = 16


def token_secret(settings: Settings) -> str:
    """The secret that signs tokens and links: the given one, else the one kept in the data folder."""
    return settings.token_secret or kept_secret(data_path(settings), "token_secret")


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes that only ``purpose`` uses. Purposes are paths, such as ``frontrow/link/1``."""
    return hmac.digest(secret.encode(), purpose.encode() + b"\x01", "sha256")


def dev_mail_key(settings: Settings) -> str:
    """The key that opens ``/dev/mail``, because mails hold tickets."""
    # 128 bits: it stands in a link that should fit into a terminal's line.
    key = derive_key(token_secret(settings), "frontrow/dev-mail/1")[:16]
    text = base64.urlsafe_b64encode(key).rstrip(b"=").decode()
    hide(text)
    return text


class Signer:
    """Signs bytes for one purpose, as text that may stand in the path of a URL."""

    def __init__(self, secret: str, purpose: str) -> None:
        self._key = derive_key(secret, purpose)

    def sign(self, content: bytes) -> str:
        """``content`` and its signature, base64url without padding. The content can be read by anybody."""
        return base64.urlsafe_b64encode(content + self._mac(content)).rstrip(b"=").decode()

    def read(self, signed: str) -> bytes | None:
        """The content of a text that ``sign`` made; None for any other text."""
        try:
            raw = base64.urlsafe_b64decode(signed.encode("ascii") + b"=" * (-len(signed) % 4))
        except (ValueError, binascii.Error):
            return None
        content = raw[:-_MAC_BYTES]
        # Compared as text: base64 decodes many texts to the same bytes, and only one of them is ours.
        return (
            content if hmac.compare_digest(self.sign(content).encode(), signed.encode()) else None
        )

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")[:_MAC_BYTES]
