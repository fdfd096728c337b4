"""People: their accounts and preferences, and how they log in on another device.

A person is the subject of a token. Guests have no row until something is set; registering keeps the
guest's subject, so that bookings and waitlist entries stay theirs.

An account claims an address. Others may claim it, too, until one of them opens the link mailed there
(``engine.people.verification``): then the address belongs to that account, and the others lose it.

A login opens a session, a family of refresh tokens that are each valid once::

    token 1 ─exchange─▶ token 2 ─exchange─▶ token 3 …      the newest is valid
                 │                   └─ sent again within the grace: token 3 once more
                 └─ sent again: somebody has a copy; the family ends

An answer may be lost, and two tabs may ask at once: within the grace the token before the newest one
gives the newest one again, the same to all callers. The stored data is not enough to make a token.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from msgspec import UNSET, Struct

from engine.base.actor import Actor
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Remedy,
    stale_version,
)
from engine.base.mail_addresses import checked, email_key
from engine.base.model import new_id
from engine.people.model import (
    LANGUAGES,
    UNSET_VERSION,
    Login,
    Person,
    PersonPatch,
    Preferences,
    Registration,
    Tier,
)
from engine.people.passwords import Passwords
from engine.people.token_versions import TokenVersions
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)

_SECRET_BYTES: Final = 32
#: The most verification mails to an address in a day; each of them serves all who claim it.
_WELCOMES_PER_DAY: Final = 3
#: The most accounts of one address that are shown.
CLAIMS_SHOWN_MAX: Final = 10
#: A guest's token can be renewed until thirty days after the event; an event without an end lasts six hours.
_AFTER_START_S: Final = 6 * 3600 + 30 * 86_400


class Accounts:
    def __init__(
        self,
        postgres: Postgres,
        passwords: Passwords,
        settings: Settings,
        sign_out: Callable[[str, int], Awaitable[None]],
    ) -> None:
        """``sign_out`` closes a person's connections that were opened with earlier tokens."""
        self._pg = postgres
        self._sign_out = sign_out
        self._passwords = passwords
        self._login_ttl_s = settings.login_ttl_s
        self._grace_s = settings.refresh_grace_s
        self._house_salt = b""
        life_s = max(settings.token_ttl_s, settings.account_token_ttl_s)
        self.token_versions = TokenVersions(postgres, life_s=life_s)

    # Accounts

    async def register(self, wanted: Registration, *, person_id: str | None = None) -> Login:
        """Make an account, for the guest ``person_id`` if given, and log in.

        A verification mail is sent to the address. The result does not depend on who else claims it.
        Raises InvalidInput (weak-password, unknown-language), Conflict (already-registered),
        Unavailable.
        """
        _check_language(wanted.language)
        email = checked(wanted.email)
        self._passwords.check(wanted.password, email, wanted.name)
        person, key = person_id or new_id(), email_key(email)
        kept = await self._passwords.hash(wanted.password, await self._salt(key))
        async with self._pg.transaction() as transaction:
            await transaction.fetch("people.lock_email", key)
            await transaction.fetch(
                "people.register_person", person, email, wanted.name, wanted.language
            )
            is_guest = person_id is not None
            if not await transaction.fetchrow(
                "people.register_account", person, key, kept, is_guest
            ):
                raise _registered()
            login = await self._open_session(transaction, person, kept)
            await _enqueue_welcome(transaction, person, cause=person)
        assert login is not None
        if is_guest:
            await self._end_tokens(person, login.version)
        return login

    async def log_in(self, email: str, password: str) -> Login:
        """Open a session. Raises NotAuthenticated, with the same message for every cause, Unavailable."""
        key = email_key(email)
        tried = await self._passwords.hash(password, await self._salt(key))
        account = await self._pg.fetchrow("people.account_by_hash", key, tried)
        if account is not None:
            return await self._logged_in(account["person_id"], tried)
        # The same work with or without an existing account.
        account = await self._pg.fetchrow("people.account_with_own_salt", key)
        kept: str | None = account["password_hash"] if account else None
        if not await self._passwords.verify(kept, password) or account is None or kept is None:
            raise _wrong_credentials()
        changed = await self._pg.fetchval("people.hash_anew", account["person_id"], kept, tried)
        return await self._logged_in(account["person_id"], tried if changed else kept)

    async def log_in_again(self, person_id: str, email: str, password: str) -> Login | None:
        """Open a session of this one account. None: it has another address, or another password."""
        account = await self._pg.fetchrow("people.account", person_id)
        if account is None or account["email_key"] != email_key(email):
            return None
        if not await self._passwords.verify(account["password_hash"], password):
            return None
        return await self._logged_in(person_id, account["password_hash"])

    async def has_address(self, person_id: str, email: str) -> bool:
        """Whether this person's account claims the address."""
        account = await self._pg.fetchrow("people.account", person_id)
        return account is not None and account["email_key"] == email_key(email)

    async def _logged_in(self, person_id: str, kept: str) -> Login:
        async with self._pg.transaction() as transaction:
            login = await self._open_session(transaction, person_id, kept)
        if login is None:
            raise _wrong_credentials()
        return login

    async def _salt(self, key: str) -> bytes:
        """The password salt of an address."""
        if not self._house_salt:
            self._house_salt = await self._pg.fetchval("people.house_salt")
        return hmac.digest(self._house_salt, key.encode(), "sha256")[:16]

    async def _open_session(
        self, transaction: Transaction, person_id: str, kept: str | None
    ) -> Login | None:
        """None: the password is no longer the one that was checked."""
        session_id, secret = uuid.uuid4(), secrets.token_bytes(_SECRET_BYTES)
        opened = await transaction.fetchrow(
            "people.open_session", session_id, person_id, _hash(secret), kept, self._login_ttl_s
        )
        if opened is None:
            return None
        return Login(person_id, _token(session_id, secret), opened["token_version"])

    async def refresh(self, refresh_token: str) -> Login:
        """Exchange a refresh token for the next one of its family.

        The same token sent again within the grace gives the same next one, unless that was exchanged
        itself. Any other used token of the family ends the family. Raises NotAuthenticated
        (session-ended), Unavailable.
        """
        session_id, secret = _parts(refresh_token)
        async with self._pg.transaction() as transaction:
            row = await transaction.fetchrow("people.session", session_id, self._grace_s)
            next_secret = None
            if row is not None and not row["ended"] and not row["expired"]:
                next_secret = await _exchange(transaction, session_id, row, secret)
        # Committed by now: an ended family stays ended, although its caller is refused.
        if row is None or next_secret is None:
            raise _session_ended()
        return Login(row["person_id"], _token(session_id, next_secret), row["token_version"])

    async def log_out(self, refresh_token: str) -> None:
        """End the family of a refresh token, which may be a used one; idempotent."""
        try:
            session_id, _ = _parts(refresh_token)
        except NotAuthenticated:
            return
        await self._pg.fetch("people.end_session", session_id, "logout")

    # Accounts

    async def person(self, person_id: str) -> Person:
        """The person of this id; a person without a row has the defaults."""
        row = await self._pg.fetchrow("people.person", person_id)
        return Person(person_id=person_id) if row is None else _person(row)

    async def find(self, email: str) -> list[Person]:
        """The people registered with an address: first the one it belongs to, then the earliest."""
        rows = await self._pg.fetch("people.people_by_email", email_key(email), CLAIMS_SHOWN_MAX)
        return [_person(row) for row in rows]

    async def check_renewable(self, person_id: str, *, has_expired: bool) -> None:
        """Raises NotAuthenticated for a guest's token that must not be renewed: its person has an
        account, or it has expired and all events that were booked or waited for are over.
        """
        row = await self._pg.fetchrow("people.guest_at_stake", person_id, _AFTER_START_S)
        assert row is not None
        if row["has_account"] or (has_expired and not row["at_stake"]):
            raise NotAuthenticated("This token has ended; get a new one.", remedy=Remedy.GET_TOKEN)

    async def change(self, person_id: str, patch: PersonPatch, *, version: int) -> Person:
        """Change a person's data.

        A new address of an account gets a verification mail; the result does not depend on who else
        claims it. Raises PreconditionFailed when the person is no longer at ``version``,
        InvalidInput (unknown-language, weak-password), NotAllowed (wrong-password), NotFound
        (no-account: a guest has no password), Unavailable.
        """
        before = await self.person(person_id)
        if before.version != version:
            raise stale_version(before.version)
        after = _patched(before, patch)
        change = await self._account_change(before, after, patch)
        async with self._pg.transaction() as transaction:
            if change is not None and change.key != change.kept_key:
                # Before the person's row, in the same order as in ``register``.
                await transaction.fetch("people.lock_email", change.key)
            await _write(transaction, after, version=version)
            token_version = None
            if change is not None:
                token_version = await _write_account(transaction, after, change)
        if token_version is not None:
            await self._end_tokens(person_id, token_version)
        return await self.person(person_id)

    async def _end_tokens(self, person_id: str, version: int) -> None:
        """Refuse access tokens before ``version``, and close live connections made with them."""
        self.token_versions.note(person_id, version)
        await self._sign_out(person_id, version)

    async def _account_change(
        self, before: Person, after: Person, patch: PersonPatch
    ) -> "_AccountChange | None":
        """The change of the account, after checking the password in ``patch``. None: no change."""
        moves = before.registered and after.email != before.email
        if patch.new_password is None and not moves:
            return None
        kept_key, kept = await self._checked_password(before, patch)
        key = email_key(after.email) if after.email is not None else None
        password = patch.new_password or patch.password or ""
        if patch.new_password is not None:
            self._passwords.check(password, after.email or "", after.name)
        fresh = await self._passwords.hash(password, await self._salt(key or before.person_id))
        return _AccountChange(kept_key, key, kept, fresh, patch.new_password is not None)

    async def _checked_password(self, before: Person, patch: PersonPatch) -> tuple[str | None, str]:
        """The account's address in its compared form, and the hash of its present password, after
        checking the password in ``patch``.
        """
        account = await self._pg.fetchrow("people.account", before.person_id)
        if account is None:
            detail = "A guest has no password; make an account."
            raise NotFound(detail, code="no-account", remedy=Remedy.REGISTER)
        if not await self._passwords.verify(account["password_hash"], patch.password or ""):
            raise _wrong_password()
        return account["email_key"], account["password_hash"]

    async def set_tier(self, person_id: str, tier: Tier, *, actor: Actor) -> Person:
        """Give a person a tier; a guest, too, by the id in a waitlist entry or booking."""
        await self._pg.fetch("people.set_tier", person_id, tier)
        log.info("waitlist tier changed", person_id=person_id, tier=tier, actor=actor.label)
        return await self.person(person_id)


# Refresh tokens: session_id (16 bytes) and secret (32 bytes), base64url. Only hashes are stored; the
# next secret is derived from the one before and a random seed.


async def _exchange(
    transaction: Transaction, session_id: uuid.UUID, row: asyncpg.Record, secret: bytes
) -> bytes | None:
    """The secret of the family's newest token, for a token of the family; None: the family ends."""
    if hmac.compare_digest(row["token_hash"], _hash(secret)):
        seed = secrets.token_bytes(_SECRET_BYTES)
        next_secret = _next(secret, seed)
        await transaction.fetch("people.rotate_session", session_id, _hash(next_secret), seed)
        return next_secret
    if row["in_grace"] and hmac.compare_digest(row["used_hash"] or b"", _hash(secret)):
        return _next(secret, row["seed"])
    await transaction.fetch("people.end_session", session_id, "reuse")
    log.warning("a refresh token was used twice", person_id=row["person_id"])
    return None


def _hash(secret: bytes) -> bytes:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret).digest()


def _next(secret: bytes, seed: bytes) -> bytes:
    return hmac.digest(secret, seed, "sha256")


def _token(session_id: uuid.UUID, secret: bytes) -> str:
    return base64.urlsafe_b64encode(session_id.bytes + secret).decode()


def _parts(refresh_token: str) -> tuple[uuid.UUID, bytes]:
    try:
        raw = base64.b64decode(refresh_token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _session_ended() from None
    if len(raw) != 16 + _SECRET_BYTES:
        raise _session_ended()
    return uuid.UUID(bytes=raw[:16]), raw[16:]


# Rows


def _person(row: asyncpg.Record) -> Person:
    fields: dict[str, Any] = dict(row)
    fields["preferences"] = msgspec.convert(fields["preferences"], Preferences)
    return Person(**fields)


def _patched(before: Person, patch: PersonPatch) -> Person:
    """The preferences with the patch applied. Raises InvalidInput for a choice that is not allowed."""
    if patch.language is not UNSET:
        _check_language(patch.language)
    if patch.preferences.email.booking is False:
        raise InvalidInput(
            "Mails about your bookings cannot be switched off: they carry your tickets.",
            code="booking-mails-needed",
        )
    if patch.email is not UNSET and patch.email is not None:
        patch = msgspec.structs.replace(patch, email=checked(patch.email))
    told = before.preferences
    preferences = msgspec.structs.replace(
        told,
        email=msgspec.structs.replace(told.email, **_sent(patch.preferences.email)),
        **_sent(patch.preferences, "live"),
    )
    return msgspec.structs.replace(
        before, preferences=preferences, **_sent(patch, "name", "language", "email")
    )


def _sent(patch: Struct, *names: str) -> dict[str, Any]:
    """The fields present in the patch, of ``names`` or of all."""
    fields = names or patch.__struct_fields__
    return {n: value for n in fields if (value := getattr(patch, n)) is not UNSET}


async def _write(transaction: Transaction, after: Person, *, version: int) -> None:
    changed = await transaction.fetchrow(
        "people.change",
        after.person_id,
        after.email,
        after.name,
        after.language,
        after.preferences,
        version,
    )
    if changed is None:
        current = await transaction.fetchrow("people.person", after.person_id)
        raise stale_version(current["version"] if current else UNSET_VERSION)


class _AccountChange(Struct, frozen=True):
    """``kept``: the checked hash. ``fresh``: the new hash; of another password if ``is_other``, else of
    the same one with the salt of another address.
    """

    kept_key: str | None
    key: str | None
    kept: str
    fresh: str
    is_other: bool


async def _write_account(
    transaction: Transaction, after: Person, change: _AccountChange
) -> int | None:
    """Returns the new version of access tokens when earlier ones are no longer valid, else None."""
    person_id = after.person_id
    row = await transaction.fetchrow(
        "people.change_account", person_id, change.key, change.kept, change.fresh, change.is_other
    )
    if row is None:
        raise _wrong_password()
    if change.key is not None and change.key != change.kept_key:
        await _enqueue_welcome(transaction, person_id, cause=f"{person_id}:{after.version}")
    if not change.is_other:
        return None
    await transaction.fetch("people.end_sessions", person_id, "password")
    version: int = row["token_version"]
    return version


async def _enqueue_welcome(transaction: Transaction, person_id: str, *, cause: str) -> None:
    await transaction.fetch("people.enqueue_welcome", person_id, cause, _WELCOMES_PER_DAY)


# Refusals


def _check_language(language: str | None) -> None:
    if language is not None and language not in LANGUAGES:
        raise InvalidInput(
            f"The language {language!r} is not supported; choose one of {', '.join(LANGUAGES)}.",
            code="unknown-language",
        )


def _registered() -> Conflict:
    return Conflict(
        "This token has an account already; log in, or register without a token.",
        code="already-registered",
    )


def _wrong_credentials() -> NotAuthenticated:
    # One message for an unknown address and a wrong password, so that a stranger learns neither.
    return NotAuthenticated("The address or the password is wrong.", code="wrong-credentials")


def _wrong_password() -> NotAllowed:
    return NotAllowed(
        "The password is wrong; send your present password as `password`.", code="wrong-password"
    )


def _session_ended() -> NotAuthenticated:
    return NotAuthenticated(
        "This login has ended; log in again.", code="session-ended", remedy=Remedy.LOG_IN
    )
