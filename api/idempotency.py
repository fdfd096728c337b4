"""The Idempotency-Key of a request: its form, and the refusals that it causes.

Bookings keep their keys with the money (``engine.sales.idempotency``); ``api.replay`` keeps the keys of every
other operation that replays.
"""

from typing import Annotated, Final

from litestar.params import HeaderParameter

from engine.base.errors import Conflict, InvalidInput

HEADER: Final = "Idempotency-Key"
KEY_LENGTH_MAX: Final = 255
#: Header of a replayed answer.
REPLAYED: Final = {"Idempotency-Replayed": "true"}

#: A handler's parameter. Optional here, because the refusals below say more than "missing"; ``api.openapi``
#: documents it as required.
IdempotencyKey = Annotated[str | None, HeaderParameter(name=HEADER)]


def required_key(key: str | None) -> str:
    """The key of an operation that is refused without one. Raises InvalidInput."""
    if key is None:
        raise InvalidInput(
            f"Send an {HEADER} header, new for each attempt, so that a retry cannot pay twice.",
            code="idempotency-key-required",
        )
    return checked_key(key)


def checked_key(key: str) -> str:
    """The key, when it is well formed. Raises InvalidInput."""
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not key.isprintable():
        raise InvalidInput(
            f"{HEADER} must be 1 to {KEY_LENGTH_MAX} printable characters.",
            code="invalid-idempotency-key",
        )
    return key


def key_reused() -> InvalidInput:
    """The refusal of a different request under the same key."""
    return InvalidInput(
        f"This {HEADER} was used for another request; make a new key for a new one.",
        code="idempotency-key-reused",
    )


def in_flight() -> Conflict:
    """The refusal of a retry while the first request has no answer yet."""
    return Conflict(
        f"The first request with this {HEADER} is still under way; retry shortly.",
        code="request-in-flight",
        retry_after=1,
    )


def answer_not_kept(status: int) -> Conflict:
    """The refusal of a retry whose first answer, with this status, was too large to be kept."""
    return Conflict(
        f"This was answered with status {status} under the same {HEADER}; the answer was too large to be "
        "kept. Read the result.",
        code="answer-not-kept",
    )
