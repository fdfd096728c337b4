"""Passwords: which are accepted, how they are stored, how they are checked without blocking the loop.

Stored with argon2id and the least parameters of OWASP's Password Storage Cheat Sheet (19 MiB, two passes,
one lane). Accepted by NIST SP 800-63B, section on passwords: any characters including spaces, counted as
code points and never truncated; no rules about kinds of characters, no expiry. Refused are passwords that
are short, common, or about the person or this service.

The salt of a hash is derived from the address and a random value of this installation: one hash then
serves all accounts that claim an address, and a stranger who claims it, too, makes no login slower.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from engine.base.errors import InvalidInput, Unavailable

T = TypeVar("T")

#: Characters; NIST requires at least 64 to be accepted. Longer ones cost memory and add nothing.
PASSWORD_LENGTH_MAX: Final = 256
#: Hashes at once: each takes 19 MiB and a core; the GIL is free meanwhile.
_WORKERS: Final = 2
#: Queue length beyond which a browser would time out first.
_QUEUE_MAX: Final = 100

#: Words that are most of many people's passwords.
_COMMON: Final = frozenset(
    (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8").split()
)
_RUNS: Final = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6z7u8i9o0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)
#: Characters that people add to a word to satisfy rules that we do not have.
_DECORATION: Final = "0123456789 !?.,;:#*+-_$%&/()=@"


class Passwords:
    """``length_min``: the least number of characters of a new password."""

    def __init__(self, *, length_min: int) -> None:
        self._length_min = length_min
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        # Threads of their own: the loop's threads also resolve names and read files.
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="passwords")
        self._queued = 0
        self._nobodys = ""

    def check(self, password: str, *about: str) -> None:
        """Refuse a new password that is easy to guess. ``about``: the person's address and name.

        Raises InvalidInput (weak-password), which says what is wrong with it.
        """
        password = _normal(password)
        if len(password) < self._length_min:
            raise _weak(f"Take at least {self._length_min} characters; a few words do well.")
        if len(password) > PASSWORD_LENGTH_MAX:
            raise _weak(f"Take at most {PASSWORD_LENGTH_MAX} characters.")
        plain = password.lower()
        if len(set(plain)) < 4 or any(plain in run or plain in run[::-1] for run in _RUNS):
            raise _weak("That is one of the first that anybody would try; take a few words.")
        word = plain.strip(_DECORATION)
        if {plain, word, word.replace(" ", "")} & _COMMON:
            raise _weak("That password is among the most common ones; take a few words.")
        if {plain, word} & _words_about(about):
            raise _weak("Take something other than your name or your address.")

    async def hash(self, password: str, salt: bytes) -> str:
        """The stored form of the password; the same for the same salt. Raises Unavailable when too many wait."""
        return await self._in_thread(lambda: self._hasher.hash(_normal(password), salt=salt))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether ``password`` is the stored one. ``kept`` None: there is none; the check takes as long.

        Raises Unavailable when too many wait.
        """
        return await self._in_thread(lambda: self._verify(kept, _normal(password)))

    def _verify(self, kept: str | None, password: str) -> bool:
        if not self._nobodys:
            # Computed even if not needed, so that a missing account takes the same time.
            self._nobodys = self._hasher.hash(secrets.token_hex())
        try:
            self._hasher.verify(kept or self._nobodys, password)
        except VerifyMismatchError:
            return False
        return kept is not None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._queued >= _QUEUE_MAX:
            raise Unavailable("Too many people are logging in right now; try again shortly.")
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._queued -= 1


def _normal(password: str) -> str:
    # The same password typed on another keyboard may have other code points.
    return unicodedata.normalize("NFKC", password)


def _words_about(about: tuple[str, ...]) -> set[str]:
    words: set[str] = set()
    for text in about:
        plain = text.lower()
        local, _, domain = plain.partition("@")
        words |= {plain, plain.replace(" ", ""), local, domain, domain.partition(".")[0]}
        words |= set(plain.split())
    # No empty rests, and no initials.
    return {word for word in words if len(word) > 2}


def _weak(detail: str) -> InvalidInput:
    return InvalidInput(detail, code="weak-password")
