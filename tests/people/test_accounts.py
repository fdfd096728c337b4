"""Accounts: how a person comes back, how a copied token is ended, and what stays secret."""

import asyncio
import base64
import threading
import time
from collections.abc import Awaitable
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters

from engine.base.actor import ORGANISER
from engine.base.errors import (
    Conflict,
    FrontrowError,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
)
from engine.base.model import new_id
from engine.notifications.model import TOPICS
from engine.notifications.rendering import PRODUCT_LANGUAGES
from engine.people.accounts import CLAIMS_SHOWN_MAX, Accounts
from engine.people.model import (
    LANGUAGES,
    EmailPreferences,
    EmailPreferencesPatch,
    Login,
    PersonPatch,
    PreferencesPatch,
    Registration,
)
from engine.people.token_versions import TokenVersions
from engine.people.verification import Verification
from engine.runtime import Runtime
from tests.conftest import House, let_it_be_over

pytestmark = pytest.mark.integration

PASSWORD = "seven swans in a bathtub"
WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


@pytest.fixture
def people(runtime: Runtime) -> Accounts:
    return runtime.people.accounts


@pytest.fixture
def address() -> str:
    return f"{new_id()}@example.com"


def registration(email: str, **changes: Any) -> Registration:
    return Registration(**{"email": email, "password": PASSWORD, "name": "Ada", **changes})


@pytest.fixture
async def login(people: Accounts, address: str) -> Login:
    return await people.register(registration(address))


async def execute(runtime: Runtime, statement: str, *args: Any) -> list[Any]:
    async with runtime.stores.view.connection() as connection:
        return list(await connection.fetch(statement, *args))


async def refused(attempt: Awaitable[Any], kind: type[FrontrowError], code: str) -> str:
    """The detail of the refusal."""
    with pytest.raises(kind) as error:
        await attempt
    assert error.value.code == code
    return error.value.detail


async def end_reasons(runtime: Runtime, person_id: str) -> set[str | None]:
    rows = await execute(runtime, "SELECT end_reason FROM sessions WHERE person_id = $1", person_id)
    return {row[0] for row in rows}


async def age(runtime: Runtime, person_id: str, seconds: float) -> None:
    """Let the last exchange have been this much earlier."""
    await execute(
        runtime,
        "UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $2) WHERE person_id = $1",
        person_id,
        seconds,
    )


# Refresh tokens


async def test_each_refresh_token_gives_the_next(people: Accounts, login: Login) -> None:
    seen = [login.refresh_token]
    for _ in range(4):
        following = await people.refresh(seen[-1])
        assert following.person_id == login.person_id
        seen.append(following.refresh_token)
    assert len(set(seen)) == len(seen)


async def test_a_token_that_was_used_before_ends_the_family(
    runtime: Runtime, people: Accounts, login: Login, address: str
) -> None:
    other_device = await people.log_in(address, PASSWORD)
    second = await people.refresh(login.refresh_token)
    third = await people.refresh(second.refresh_token)
    # A thief has a copy of the first token; now neither the thief nor the owner can go on.
    await refused(people.refresh(login.refresh_token), NotAuthenticated, "session-ended")
    for token in (login, second, third):
        await refused(people.refresh(token.refresh_token), NotAuthenticated, "session-ended")
    assert await end_reasons(runtime, login.person_id) == {"reuse", None}
    assert (await people.refresh(other_device.refresh_token)).person_id == login.person_id


async def test_a_lost_answer_can_be_asked_for_again(people: Accounts, login: Login) -> None:
    lost = await people.refresh(login.refresh_token)
    again = await people.refresh(login.refresh_token)
    assert again == lost
    # … until it has been used: then the first one counts as used twice.
    await people.refresh(again.refresh_token)
    await refused(people.refresh(login.refresh_token), NotAuthenticated, "session-ended")
    await refused(people.refresh(again.refresh_token), NotAuthenticated, "session-ended")


async def test_a_lost_answer_cannot_be_asked_for_after_the_grace_period(
    runtime: Runtime, people: Accounts, login: Login
) -> None:
    second = await people.refresh(login.refresh_token)
    await age(runtime, login.person_id, runtime.settings.refresh_grace_s - 5)
    assert await people.refresh(login.refresh_token) == second
    await age(runtime, login.person_id, 6)
    await refused(people.refresh(login.refresh_token), NotAuthenticated, "session-ended")
    await refused(people.refresh(second.refresh_token), NotAuthenticated, "session-ended")
    assert await end_reasons(runtime, login.person_id) == {"reuse"}


async def test_tabs_that_refresh_at_once_get_the_same_token(
    runtime: Runtime, people: Accounts, login: Login
) -> None:
    tabs = 4
    async with runtime.stores.view.connection() as connection:
        async with connection.transaction():
            # All requests are sent before the first is served.
            await connection.execute(
                "SELECT FROM sessions WHERE person_id = $1 FOR UPDATE", login.person_id
            )
            asked = asyncio.gather(*(people.refresh(login.refresh_token) for _ in range(tabs)))
            async with asyncio.timeout(60):
                while await connection.fetchval(WAITING) < tabs:
                    await asyncio.sleep(0.01)
        answers = await asked
    assert len({answer.refresh_token for answer in answers}) == 1
    assert (await people.refresh(answers[0].refresh_token)).person_id == login.person_id


async def test_a_guess_at_a_session_ends_it(people: Accounts, login: Login) -> None:
    raw = bytearray(base64.urlsafe_b64decode(login.refresh_token))
    raw[-1] ^= 1
    forged = base64.urlsafe_b64encode(raw).decode()
    await refused(people.refresh(forged), NotAuthenticated, "session-ended")
    await refused(people.refresh(login.refresh_token), NotAuthenticated, "session-ended")


@pytest.mark.parametrize(
    "token", ["", "x", "é" * 64, "a" * 64, "A" * 63, "\0" * 64, "=" * 64], ids=repr
)
async def test_an_invalid_refresh_token_is_refused(people: Accounts, token: str) -> None:
    await refused(people.refresh(token), NotAuthenticated, "session-ended")
    await people.log_out(token)


async def test_logging_out_ends_one_login(
    runtime: Runtime, people: Accounts, login: Login, address: str
) -> None:
    other_device = await people.log_in(address, PASSWORD)
    newest = await people.refresh(login.refresh_token)
    for token in (newest.refresh_token, newest.refresh_token, login.refresh_token):
        await people.log_out(token)
    await refused(people.refresh(newest.refresh_token), NotAuthenticated, "session-ended")
    assert await end_reasons(runtime, login.person_id) == {"logout", None}
    await people.refresh(other_device.refresh_token)


async def test_a_login_expires(runtime: Runtime, people: Accounts, login: Login) -> None:
    newest = await people.refresh(login.refresh_token)
    await execute(
        runtime,
        "UPDATE sessions SET expires_at = clock_timestamp() WHERE person_id = $1",
        login.person_id,
    )
    await refused(people.refresh(newest.refresh_token), NotAuthenticated, "session-ended")
    await execute(
        runtime,
        "UPDATE sessions SET expires_at = now() - interval '2 days' WHERE person_id = $1",
        login.person_id,
    )
    await runtime.people.forget_sessions()
    assert await end_reasons(runtime, login.person_id) == set()


async def test_stored_data_contain_no_token_and_no_password(
    runtime: Runtime, people: Accounts, login: Login
) -> None:
    tokens = [login.refresh_token, (await people.refresh(login.refresh_token)).refresh_token]
    (row,) = await execute(runtime, "SELECT * FROM sessions WHERE person_id = $1", login.person_id)
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    for token in tokens:
        assert base64.urlsafe_b64decode(token)[16:] not in stored
    (account,) = await execute(
        runtime, "SELECT * FROM accounts WHERE person_id = $1", login.person_id
    )
    assert PASSWORD not in str(dict(account))


# Logging in


class Watched:
    """A hasher that records its calls and their threads."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self.work: list[Any] = []
        self.threads: set[str] = set()

    def hash(self, password: str, **salt: Any) -> str:
        made = self._hasher.hash(password, **salt)
        self._note(made)
        return made

    def verify(self, kept: str, password: str) -> bool:
        self._note(kept)
        return self._hasher.verify(kept, password)

    def _note(self, kept: str) -> None:
        self.work.append(extract_parameters(kept))
        self.threads.add(threading.current_thread().name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


@pytest.fixture
def watched(people: Accounts, monkeypatch: pytest.MonkeyPatch) -> Watched:
    hasher = Watched(people._passwords._hasher)
    monkeypatch.setattr(people._passwords, "_hasher", hasher)
    return hasher


async def test_an_unknown_address_is_refused_like_a_wrong_password(
    people: Accounts, login: Login, address: str, watched: Watched
) -> None:
    for _ in range(3):
        # Other claims of the address make a login neither more expensive nor measurable.
        await people.register(registration(address, password=f"of a stranger {new_id()}"))
    # The first login of a process makes the dummy hash to compare with.
    await refused(people.log_in(address, "not it"), NotAuthenticated, "wrong-credentials")
    watched.work.clear()
    known = await refused(people.log_in(address, "not it"), NotAuthenticated, "wrong-credentials")
    work_known = [*watched.work]
    watched.work.clear()
    unknown = await refused(
        people.log_in(f"{new_id()}@example.com", "not it"), NotAuthenticated, "wrong-credentials"
    )
    assert known == unknown
    # The same work each time, and none of it in the event loop's thread.
    assert watched.work == work_known
    assert len(work_known) == 2
    assert all(name.startswith("passwords") for name in watched.threads)
    watched.work.clear()
    await people.log_in(address, PASSWORD)
    assert len(watched.work) == 1


async def test_argon2_parameters_follow_owasp(runtime: Runtime, login: Login) -> None:
    (row,) = await execute(
        runtime, "SELECT password_hash FROM accounts WHERE person_id = $1", login.person_id
    )
    assert row[0].startswith("$argon2id$")
    parameters = extract_parameters(row[0])
    assert parameters.memory_cost >= 19 * 1024
    assert (parameters.time_cost, parameters.parallelism) == (2, 1)


async def test_an_outdated_hash_is_renewed_at_login(
    runtime: Runtime, people: Accounts, login: Login, address: str
) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await execute(
        runtime,
        "UPDATE accounts SET password_hash = $2, own_salt = true WHERE person_id = $1",
        login.person_id,
        old,
    )
    await refused(people.log_in(address, "not it"), NotAuthenticated, "wrong-credentials")
    opened = await people.log_in(address, PASSWORD)
    (row,) = await execute(
        runtime, "SELECT password_hash FROM accounts WHERE person_id = $1", login.person_id
    )
    assert not people._passwords._hasher.check_needs_rehash(row[0])
    await people.refresh(opened.refresh_token)
    await people.log_in(address, PASSWORD)


async def test_capitals_make_no_difference_to_an_address(
    people: Accounts, login: Login, address: str
) -> None:
    assert (await people.log_in(address.upper(), PASSWORD)).person_id == login.person_id
    [found] = await people.find(address.swapcase())
    assert found.person_id == login.person_id


async def test_unicode_forms_of_one_password_are_the_same(people: Accounts, address: str) -> None:
    await people.register(registration(address, password="Übergrößenträger"))
    await people.log_in(address, "U\u0308bergro\u0308ßentra\u0308ger")


# Passwords


@pytest.mark.parametrize(
    "password",
    [
        "",
        "seven s",
        "password",
        "Password123!",
        "12345678",
        "87654321",
        "aaaaaaaaaaaa",
        "abababab",
        "qwertzuiop",
        "Frontrow2031",
        "ada.lovelace",
        "lovelace1815",
        "ada lovelace",
        "x" * 257,
    ],
)
async def test_obvious_passwords_are_refused(people: Accounts, password: str) -> None:
    wanted = registration("ada.lovelace@example.com", password=password, name="Ada Lovelace")
    await refused(people.register(wanted), InvalidInput, "weak-password")


@pytest.mark.parametrize(
    "password",
    ["zwölf 🦢 hier", "correct horse battery", " a b c d ", "x9" * 3 + "vk" * 61],
    ids=ascii,
)
async def test_unusual_passwords_are_accepted_unchanged(
    people: Accounts, address: str, password: str
) -> None:
    made = await people.register(registration(address, password=password))
    assert (await people.log_in(address, password)).person_id == made.person_id
    await refused(people.log_in(address, password[:-1]), NotAuthenticated, "wrong-credentials")


# Registering


async def test_a_guest_who_registers_stays_the_same_person(
    people: Accounts, address: str, buyer: str
) -> None:
    await people.change(buyer, PersonPatch(language="de"), version=1)
    login = await people.register(registration(address), person_id=buyer)
    assert login.person_id == buyer
    person = await people.person(buyer)
    assert (person.email, person.name, person.language) == (address, "Ada", "de")
    assert person.registered
    again = registration(f"{new_id()}@example.com")
    await refused(people.register(again, person_id=buyer), Conflict, "already-registered")
    assert await people.find(again.email) == []


async def claims_of(runtime: Runtime, address: str) -> set[str]:
    rows = await execute(
        runtime, "SELECT person_id::text FROM accounts WHERE email_key = $1", address
    )
    return {row[0] for row in rows}


async def test_the_first_opened_link_proves_whose_an_address_is(
    runtime: Runtime, people: Accounts, address: str
) -> None:
    secrets = [f"one of a few words {new_id()}" for _ in range(3)]
    ada, eve, bob = [await people.register(registration(address, password=s)) for s in secrets]
    assert len({ada.person_id, eve.person_id, bob.person_id}) == 3
    for login, secret in zip((ada, eve, bob), secrets, strict=True):
        assert (await people.log_in(address, secret)).person_id == login.person_id
    verification = runtime.people.verification
    links = [verification.token(who.person_id, address) for who in (ada, eve, bob)]
    # Opening the page decides nothing.
    found = await verification.claims(links[1])
    assert [c.person_id for c in found] == [eve.person_id, bob.person_id, ada.person_id]
    assert await claims_of(runtime, address) == {ada.person_id, eve.person_id, bob.person_id}

    for _ in range(2):
        assert (await verification.redeem(links[1])).person_id == eve.person_id
    assert await claims_of(runtime, address) == {eve.person_id}
    proven = "SELECT FROM proven_addresses WHERE email_key = $1"
    assert len(await execute(runtime, proven, address)) == 1
    [owner] = await people.find(address)
    assert (owner.person_id, owner.email_proven) == (eve.person_id, True)
    for login, secret in ((ada, secrets[0]), (bob, secrets[2])):
        await refused(people.log_in(address, secret), NotAuthenticated, "wrong-credentials")
        assert (await people.person(login.person_id)).email is None
        # The losing accounts still exist, and can change to another address.
        moved = PersonPatch(email=f"{new_id()}@example.com", password=secret)
        await people.change(login.person_id, moved, version=3)
    for link in (links[0], links[2]):
        await refused(verification.redeem(link), NotFound, "link-not-ours")
    # Later claims are accepted as the first ones were, but cannot get the address.
    late = await people.register(registration(address, password=secrets[0]))
    assert (await people.log_in(address, secrets[0])).person_id == late.person_id
    assert (await people.log_in(address, secrets[1])).person_id == eve.person_id
    link = verification.token(late.person_id, address)
    await refused(verification.redeem(link), Conflict, "address-of-another")


async def test_of_two_links_opened_at_once_one_wins(
    runtime: Runtime, people: Accounts, address: str
) -> None:
    logins = [await people.register(registration(address)) for _ in range(4)]
    links = [runtime.people.verification.token(login.person_id, address) for login in logins]
    answers = await asyncio.gather(
        *map(runtime.people.verification.redeem, links), return_exceptions=True
    )
    [won] = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert {type(a) for a in answers} <= {type(won), Conflict, NotFound}
    assert await claims_of(runtime, address) == {won.person_id}


async def test_any_mailed_link_can_prove_each_account_that_claims_the_address(
    runtime: Runtime, people: Accounts, address: str
) -> None:
    eve, ada = [await people.register(registration(address)) for _ in "12"]
    link = runtime.people.verification.token(eve.person_id, address)
    stranger = (await people.register(registration(f"{new_id()}@example.com"))).person_id
    await refused(
        runtime.people.verification.redeem(link, stranger), Conflict, "address-not-claimed"
    )
    await runtime.people.verification.redeem(link, ada.person_id)
    assert await claims_of(runtime, address) == {ada.person_id}


async def test_many_strangers_claims_do_not_hide_the_owners(
    runtime: Runtime, people: Accounts, address: str
) -> None:
    ada = await people.register(registration(address))
    strangers = [await people.register(registration(address)) for _ in range(CLAIMS_SHOWN_MAX + 1)]
    link = runtime.people.verification.token(strangers[0].person_id, address)
    await runtime.people.verification.redeem(link, ada.person_id)
    assert await claims_of(runtime, address) == {ada.person_id}


async def test_invalid_links_are_refused(runtime: Runtime, people: Accounts, address: str) -> None:
    login = await people.register(registration(address))
    link = runtime.people.verification.token(login.person_id, address)
    late = Verification(runtime.stores.view, runtime.settings, lambda: time.time() + 31 * 86_400)
    other = runtime.people.verification.token(login.person_id, f"x{address}")
    for verification, token in (
        (late, link),
        (runtime.people.verification, other),
        (runtime.people.verification, runtime.people.verification.token(new_id(), address)),
        *((runtime.people.verification, text) for text in ("", "x", link[:-1], link + "A", "é")),
    ):
        await refused(verification.redeem(token), NotFound, "link-not-ours")
    assert (await runtime.people.verification.claims(link))[0].person_id == login.person_id


async def test_an_address_gets_few_verification_mails_a_day(
    runtime: Runtime, people: Accounts, address: str
) -> None:
    for number in range(6):
        await people.register(registration(address if number % 2 else address.upper()))
    sent = "SELECT FROM notifications WHERE kind = 'welcome' AND lower(email) = $1"
    assert len(await execute(runtime, sent, address)) == 3


async def test_a_changed_address_has_to_be_proven_again(
    runtime: Runtime, people: Accounts, login: Login, address: str
) -> None:
    await runtime.people.verification.redeem(
        runtime.people.verification.token(login.person_id, address)
    )
    elsewhere = f"{new_id()}@example.com"
    for email, is_proven, version in ((address.title(), True, 2), (elsewhere, False, 3)):
        patch = PersonPatch(email=email, password=PASSWORD)
        after = await people.change(login.person_id, patch, version=version)
        assert (after.email, after.email_proven) == (email, is_proven)
        assert (await people.log_in(email, PASSWORD)).person_id == login.person_id
    sent = "SELECT FROM notifications WHERE kind = 'welcome' AND email = $1"
    assert len(await execute(runtime, sent, elsewhere)) == 1


# Access tokens


async def test_token_changes_reach_every_process(
    runtime: Runtime, people: Accounts, buyer: str
) -> None:
    here, elsewhere = people.token_versions, TokenVersions(runtime.stores.view, life_s=3600)
    await elsewhere.read()
    new = await people.register(registration(f"{new_id()}@example.com"))
    login = await people.register(registration(f"{new_id()}@example.com"), person_id=buyer)
    assert here.known[buyer] == login.version == 1
    # A new person has no earlier tokens, so nothing is remembered.
    await elsewhere.read()
    assert (elsewhere.known.get(buyer), elsewhere.known.get(new.person_id)) == (1, None)
    fresh = PersonPatch(password=PASSWORD, new_password="eight geese on a bicycle")
    for person in (buyer, new.person_id):
        await people.change(person, fresh, version=2)
        assert here.known[person] == 2
    await elsewhere.read()
    assert [elsewhere.known[person] for person in (buyer, new.person_id)] == [2, 2]
    late = TokenVersions(runtime.stores.view, life_s=3600)
    await late.read()
    assert late.known[buyer] == 2
    again = await people.register(
        registration(f"{new_id()}@example.com", password="six mice in a jar")
    )
    assert again.version == 1


async def test_a_token_change_that_commits_late_is_noticed(runtime: Runtime, login: Login) -> None:
    elsewhere = TokenVersions(runtime.stores.view, life_s=3600)
    await elsewhere.read()
    async with runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "UPDATE accounts SET token_version = 7, tokens_changed_at = clock_timestamp()"
            " WHERE person_id = $1",
            login.person_id,
        )
        # Later than the time of the change, and before it is visible.
        await elsewhere.read()
        assert login.person_id not in elsewhere.known
    await elsewhere.read()
    assert elsewhere.known[login.person_id] == 7


async def test_a_guest_with_bookings_can_renew_an_expired_token(
    runtime: Runtime, people: Accounts, house: House, buyer: str
) -> None:
    await people.check_renewable(buyer, has_expired=False)
    await refused(
        people.check_renewable(buyer, has_expired=True), NotAuthenticated, "not-authenticated"
    )
    await house.book(buyer, await house.hold(buyer, 1))
    await people.check_renewable(buyer, has_expired=True)
    starts = (
        "UPDATE told_events SET starts_at = now() - make_interval(days => $2) WHERE event_id = $1"
    )
    await let_it_be_over(runtime, [house.event_id])
    for days, code in ((29, ""), (31, "not-authenticated")):
        await execute(runtime, starts, house.event_id, days)
        if code:
            await refused(people.check_renewable(buyer, has_expired=True), NotAuthenticated, code)
        else:
            await people.check_renewable(buyer, has_expired=True)
    await people.register(registration(f"{new_id()}@example.com"), person_id=buyer)
    for has_expired in (False, True):
        await refused(
            people.check_renewable(buyer, has_expired=has_expired),
            NotAuthenticated,
            "not-authenticated",
        )


async def test_of_several_registrations_of_one_guest_one_wins(people: Accounts, buyer: str) -> None:
    wanted = [registration(f"{new_id()}@example.com") for _ in range(4)]
    answers = await asyncio.gather(
        *(people.register(each, person_id=buyer) for each in wanted), return_exceptions=True
    )
    assert [type(answer) for answer in answers].count(Login) == 1
    assert {e.code for e in answers if isinstance(e, Conflict)} == {"already-registered"}
    found = [await people.find(each.email) for each in wanted]
    assert sum(map(len, found)) == 1


# What people set for themselves


async def test_a_guest_has_the_default_preferences_until_they_change_them(
    people: Accounts, buyer: str
) -> None:
    before = await people.person(buyer)
    assert (before.version, before.tier, before.language, before.registered) == (
        1,
        "regular",
        "en",
        False,
    )
    quiet = PersonPatch(
        name="Ada",
        preferences=PreferencesPatch(email=EmailPreferencesPatch(reminders=False), live=False),
    )
    after = await people.change(buyer, quiet, version=1)
    assert after == await people.person(buyer)
    assert (after.name, after.preferences.live, after.version) == ("Ada", False, 2)
    assert (after.preferences.email.reminders, after.preferences.email.waitlist) == (False, True)
    loud = PersonPatch(preferences=PreferencesPatch(live=True))
    again = await people.change(buyer, loud, version=2)
    assert (again.preferences.live, again.preferences.email.reminders) == (True, False)
    await refused(people.change(buyer, loud, version=2), PreconditionFailed, "precondition-failed")
    stranger = new_id()
    await refused(
        people.change(stranger, loud, version=5), PreconditionFailed, "precondition-failed"
    )


async def test_of_two_changes_to_one_version_one_is_refused(people: Accounts, buyer: str) -> None:
    for version in (1, 2):
        answers = await asyncio.gather(
            *(
                people.change(buyer, PersonPatch(name=name), version=version)
                for name in ("Ada", "Grace", "Joan")
            ),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers].count(PreconditionFailed) == 2
        assert (await people.person(buyer)).version == version + 1


async def test_an_invalid_choice_is_refused(people: Accounts, buyer: str) -> None:
    detail = await refused(
        people.change(buyer, PersonPatch(language="tlh"), version=1),
        InvalidInput,
        "unknown-language",
    )
    assert "en, de" in detail
    await refused(
        people.register(registration("x@example.com", language="xx")),
        InvalidInput,
        "unknown-language",
    )
    silent = PreferencesPatch(email=EmailPreferencesPatch(booking=False))
    await refused(
        people.change(buyer, PersonPatch(preferences=silent), version=1),
        InvalidInput,
        "booking-mails-needed",
    )
    await refused(
        people.change(buyer, PersonPatch(password="x", new_password=PASSWORD), version=1),
        NotFound,
        "no-account",
    )


async def test_a_stolen_access_token_does_not_take_the_account(
    people: Accounts, login: Login, address: str
) -> None:
    elsewhere = f"{new_id()}@example.com"
    for patch in (PersonPatch(email=elsewhere), PersonPatch(new_password="eight geese by bike")):
        await refused(
            people.change(login.person_id, patch, version=2), NotAllowed, "wrong-password"
        )
    assert (await people.person(login.person_id)).email == address
    moved = await people.change(
        login.person_id, PersonPatch(email=elsewhere, password=PASSWORD), version=2
    )
    assert moved.email == elsewhere
    await people.log_in(elsewhere, PASSWORD)
    await refused(people.log_in(address, PASSWORD), NotAuthenticated, "wrong-credentials")


async def test_a_new_password_ends_every_login(
    runtime: Runtime, people: Accounts, login: Login, address: str
) -> None:
    other_device = await people.log_in(address, PASSWORD)
    weak = PersonPatch(password=PASSWORD, new_password="password")
    await refused(people.change(login.person_id, weak, version=2), InvalidInput, "weak-password")
    await people.refresh(other_device.refresh_token)
    fresh = PersonPatch(password=PASSWORD, new_password="eight geese on a bicycle")
    await people.change(login.person_id, fresh, version=2)
    for token in (login, other_device):
        await refused(people.refresh(token.refresh_token), NotAuthenticated, "session-ended")
    assert await end_reasons(runtime, login.person_id) == {"password"}
    await refused(people.log_in(address, PASSWORD), NotAuthenticated, "wrong-credentials")
    await people.log_in(address, "eight geese on a bicycle")


async def test_tiers_are_given_to_guests_too(people: Accounts, buyer: str) -> None:
    assert (await people.set_tier(buyer, "vip", actor=ORGANISER)).tier == "vip"
    before = await people.person(buyer)
    assert await people.set_tier(buyer, "vip", actor=ORGANISER) == before
    assert before.version == 2
    # A tier given after the read is not overwritten unseen.
    await refused(
        people.change(buyer, PersonPatch(name="Ada"), version=1),
        PreconditionFailed,
        "precondition-failed",
    )


def test_choices_match_the_languages_and_kinds_of_mail() -> None:
    assert set(LANGUAGES) == set(PRODUCT_LANGUAGES)
    switched = {topic for topics in TOPICS.values() for topic in topics}
    assert switched | {"booking"} == set(EmailPreferences.__struct_fields__)
    assert set(EmailPreferencesPatch.__struct_fields__) == set(EmailPreferences.__struct_fields__)
