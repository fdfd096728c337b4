"""Every refusal the engine can give, as one small tree.

::

    FrontrowError
    ├── InvalidInput            the request can never succeed as it stands
    ├── NotAuthenticated        no token, or one that is not ours
    ├── NotAllowed              a valid person who may not do this (another person's things are NotFound)
    ├── NotFound                no such event, hold, booking, venue …
    ├── Conflict                the present state forbids it; another choice may work
    │   ├── SeatUnavailable     names the seats (or areas) that somebody else has
    │   └── LimitReached        the buyer would own more than the event allows
    ├── Gone                    it existed and has ended (an expired hold)
    ├── PaymentDeclined         the gateway said no; the hold is still there
    ├── PreconditionFailed      the version that was named is stale
    ├── PreconditionRequired    a version (or a key) has to be named
    ├── TooManyRequests         a rate limit; carries ``retry_after_s``
    │   └── ProofNeeded         carries a ``challenge`` with which it goes on at once
    └── Unavailable             a store is away; carries ``retry_after_s``; retrying is right
        ├── OutcomeUnknown      it may or may not have been carried out
        └── Contended           the store is well; somebody else keeps the same rows

``code`` is stable and public: it becomes the last part of the problem type
(``/problems/<code>``). Drivers' exceptions are translated in ``engine.stores`` only, and HTTP
statuses are given in ``api.problems`` only. So are routes and headers: where another request helps,
the error has a ``Remedy``, and ``api.problems`` says how that request is made.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any


class Remedy(StrEnum):
    """A request that helps where this one failed."""

    #: Repeat the request under the same idempotency key.
    RETRY_SAME_KEY = "retry-same-key"
    #: Repeat the request under a new idempotency key.
    USE_NEW_KEY = "use-new-key"
    #: Repeat the request without an idempotency key, or later.
    USE_NO_KEY = "use-no-key"
    #: Accept the waitlist's offer, whose id the error has as ``remedy_id``.
    ACCEPT_OFFER = "accept-offer"
    IMPORT_LAYOUT = "import-layout"
    LIST_TEMPLATES = "list-templates"
    LOG_IN = "log-in"
    #: Log in, or get a new guest token where there is no account.
    GET_TOKEN = "get-token"  # noqa: S105 - not a secret
    REGISTER = "register"
    CHANGE_ADDRESS = "change-address"
    #: Have a new link mailed that proves the address.
    MAIL_NEW_PROOF = "mail-new-proof"
    #: Have new links to the bookings mailed.
    MAIL_NEW_LINKS = "mail-new-links"


class FrontrowError(Exception):
    """Base of the tree. ``code`` is stable; ``detail`` says what happened and, without naming a route or a
    header, what to do. ``remedy``: the request that helps; ``remedy_id``: what it is about.
    """

    code = "internal"
    retryable = False

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        remedy: Remedy | None = None,
        remedy_id: str = "",
        **extra: Any,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.remedy_id = remedy_id
        if code is not None:
            self.code = code
        #: Data that the caller needs to go on: ``seats``, ``retry_after``, ``errors`` …
        self.extra: dict[str, Any] = extra


class InvalidInput(FrontrowError):
    code = "invalid-request"


class NotAuthenticated(FrontrowError):
    code = "not-authenticated"


class NotAllowed(FrontrowError):
    code = "not-allowed"


class NotFound(FrontrowError):
    code = "not-found"


class Conflict(FrontrowError):
    code = "conflict"


class SeatUnavailable(Conflict):
    """Some of the wanted places are taken. ``seats`` are dense seat numbers, ``areas`` area numbers."""

    code = "seat-unavailable"

    def __init__(
        self, detail: str, *, seats: Sequence[int] = (), areas: Sequence[int] = ()
    ) -> None:
        super().__init__(detail, seats=list(seats), areas=list(areas))


class LimitReached(Conflict):
    code = "limit-reached"


class Gone(FrontrowError):
    code = "gone"


class PaymentDeclined(FrontrowError):
    code = "payment-declined"


class PreconditionFailed(FrontrowError):
    code = "precondition-failed"


def stale_version(current: int) -> PreconditionFailed:
    return PreconditionFailed(
        f"Somebody changed it meanwhile: it is at version {current} now. "
        "Read it again and repeat the change.",
        current_version=current,
    )


class PreconditionRequired(FrontrowError):
    code = "precondition-required"


class TooManyRequests(FrontrowError):
    code = "too-many-requests"
    retryable = True

    def __init__(
        self,
        detail: str,
        *,
        retry_after_s: int,
        code: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(detail, code=code, remedy=remedy, retry_after=retry_after_s)


class ProofNeeded(TooManyRequests):
    """``bits``: leading zero bits of SHA-256 over ``challenge`` and a nonce (``engine.limits.proofs``).
    ``expires_at`` is in UTC.
    """

    code = "proof-needed"

    def __init__(self, challenge: str, *, bits: int, expires_at: datetime) -> None:
        super().__init__(
            "Many tokens are asked for just now. Find a nonce with which SHA-256(challenge + nonce) "
            f"begins with {bits} zero bits, and ask again with "
            '{"proof": {"challenge": …, "nonce": …}}.',
            retry_after_s=1,
        )
        ends = f"{expires_at:%Y-%m-%dT%H:%M:%SZ}"
        self.extra |= {"challenge": challenge, "bits": bits, "expires_at": ends}


class Unavailable(FrontrowError):
    code = "unavailable"
    retryable = True

    def __init__(
        self,
        detail: str,
        *,
        retry_after_s: int = 2,
        code: str | None = None,
        remedy: Remedy | None = None,
    ) -> None:
        super().__init__(detail, code=code, remedy=remedy, retry_after=retry_after_s)


class OutcomeUnknown(Unavailable):
    """The connection was lost with a statement under way: it may or may not have been committed."""

    code = "outcome-unknown"


class Contended(Unavailable):
    """Nothing was done. ``by_lock``: others kept the needed rows locked for longer than a caller may wait."""

    def __init__(self, detail: str, *, by_lock: bool = False, retry_after_s: int = 2) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.by_lock = by_lock
