"""Proofs of work: the price of a guest token while very many are requested. A client's loop of some moments.

A challenge is a signed text that is not stored. Its proof is any ``nonce`` with which
``SHA-256(challenge ‖ nonce)``, both as UTF-8, begins with as many zero bits as the challenge says. It is
valid within its time, for the network that asked, and for one person, whose id follows from the
challenge. So nothing needs to be stored, and a store that is away or full makes no proof cheaper. Used
proofs are remembered for a minute, only to tell a client that sends one twice to solve another.
"""

import contextlib
import hashlib
import hmac
import itertools
import secrets
import struct
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct

from engine.base.errors import ProofNeeded, Unavailable
from engine.base.signing import Signer, derive_key
from engine.stores.redis import RedisStore

#: Long, because two servers' clocks may differ by minutes; a proof costs the same whenever it is made.
_LIFE_S = 900
#: Random, end in seconds since 1970, bits, and the beginning of the digest of the network. With its
#: signature a text of 48 characters: challenge and nonce fit one block of SHA-256.
_CONTENT = struct.Struct(">7sIB8s")
_REMEMBERED_S = 60
NONCE_LENGTH_MAX = 64


class Proof(Struct, frozen=True):
    """The client's solution of a challenge."""

    challenge: str
    nonce: str


class Proofs:
    def __init__(
        self, redis: RedisStore, secret: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._signer = Signer(secret, "frontrow/proof/1")
        self._persons = derive_key(secret, "frontrow/proof-person/1")
        self._clock = clock

    def needed(self, network: str, bits: int) -> ProofNeeded:
        """The refusal that carries a new challenge."""
        ends = int(self._clock()) + _LIFE_S
        content = _CONTENT.pack(secrets.token_bytes(7), ends, bits, _digest(network))
        return ProofNeeded(
            self._signer.sign(content), bits=bits, expires_at=datetime.fromtimestamp(ends, UTC)
        )

    async def redeem(self, proof: Proof, network: str) -> str | None:
        """The person id that a proof is good for, always the same; None: it is invalid, or was sent twice."""
        content = self._signer.read(proof.challenge)
        if content is None or len(content) != _CONTENT.size:
            return None
        _, ends, bits, asked_by = _CONTENT.unpack(content)
        if ends <= self._clock() or asked_by != _digest(network):
            return None
        if not is_solved(proof.challenge, proof.nonce, bits):
            return None
        person = hmac.digest(self._persons, content, "sha256")[:16]
        with contextlib.suppress(Unavailable):
            name = f"proof:{person.hex()}"
            if not await self._redis.call("SET", name, b"1", "NX", "EX", _REMEMBERED_S):
                return None
        return str(uuid.UUID(bytes=person, version=4))


def is_solved(challenge: str, nonce: str, bits: int) -> bool:
    digest = hashlib.sha256((challenge + nonce).encode()).digest()
    return int.from_bytes(digest, "big") >> (256 - bits) == 0


def solve(challenge: str, bits: int) -> str:
    """A nonce for a challenge: for load tools and tests."""
    return next(
        text for number in itertools.count() if is_solved(challenge, text := f"{number:x}", bits)
    )


def _digest(network: str) -> bytes:
    return hashlib.sha256(network.encode()).digest()[:8]
