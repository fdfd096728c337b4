"""Identity: guests, accounts, live tickets."""

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from api.access import AccessToken, GuestRequest, ProofOfWork, guest
from api.examples.evening import BOUGHT, PERSON_ID
from api.examples.shown import Shown
from api.live import LiveTicket, live_ticket
from api.people import (
    AccountToken,
    Credentials,
    RefreshToken,
    login,
    logout,
    patch_me,
    read_me,
    refresh,
    register,
)
from api.verification import LinkToken, ProvenAddress, verify_email
from engine.people.model import (
    EmailPreferencesPatch,
    Person,
    PersonPatch,
    PreferencesPatch,
    Registration,
)

ACCESS_TOKEN = AccessToken(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTk2NGM3MCJ9.fx2kZr9Q8w", 604800
)
PROOF = ProofOfWork("yx0bQJ8i0mmt5YwOdvUk1m6SGo3rWf0cE9aTzLp2KqHnBV5x", "2f1a")
GUEST_REQUEST = GuestRequest(PROOF)
EMPTY_GUEST_REQUEST = GuestRequest()
LIVE_TICKET = LiveTicket("pX3v0c1J6Hq7uWm2Zt8sKd9yRb4nLf5A", 30)
_SWANS, _GEESE = "seven swans in a bathtub", "eight geese on a bicycle"
REGISTRATION = Registration(email="ada@example.com", password=_SWANS, name="Ada Lovelace")
CREDENTIALS = Credentials("ada@example.com", _SWANS)
REFRESH_TOKEN = RefreshToken("gCw3cX0TQ5m4s0cN2yqv0pJ1kVb8Zr3dYl6hUeAfTgxOiWnSz9oMtB5jKqEuRcLa")
ACCOUNT_TOKEN = AccountToken(
    ACCESS_TOKEN.access_token, 900, refresh_token=REFRESH_TOKEN.refresh_token
)
PERSON = Person(
    person_id=PERSON_ID,
    email="ada@example.com",
    name="Ada Lovelace",
    language="en",
    tier="regular",
    registered=True,
    email_proven=True,
    version=2,
    created_at=BOUGHT - timedelta(days=40),
)
PERSON_PATCH = PersonPatch(
    language="de", preferences=PreferencesPatch(email=EmailPreferencesPatch(reminders=False))
)
NEW_PASSWORD = PersonPatch(password=_SWANS, new_password=_GEESE)
LINK_TOKEN = LinkToken("AZYZxHA0fAqVvqbLxQwhmwAAAABqLkVQrX0b9cG5mN2kJ7yTzQ4vXg8sRw3tLpUe")
PROVEN_ADDRESS = ProvenAddress("ada@example.com")

SHOWN: dict[HTTPRouteHandler, Shown] = {
    guest: Shown(
        takes={"somebody new": EMPTY_GUEST_REQUEST, "after proof-needed": GUEST_REQUEST},
        gives={201: {"token": ACCESS_TOKEN}},
    ),
    register: Shown(takes={"account": REGISTRATION}, gives={201: {"tokens": ACCOUNT_TOKEN}}),
    login: Shown(takes={"credentials": CREDENTIALS}, gives={200: {"tokens": ACCOUNT_TOKEN}}),
    refresh: Shown(takes={"refresh token": REFRESH_TOKEN}, gives={200: {"tokens": ACCOUNT_TOKEN}}),
    logout: Shown(takes={"refresh token": REFRESH_TOKEN}),
    verify_email: Shown(takes={"link": LINK_TOKEN}, gives={200: {"address": PROVEN_ADDRESS}}),
    read_me: Shown(gives={200: {"person": PERSON}}),
    patch_me: Shown(
        takes={"language and mails": PERSON_PATCH, "password": NEW_PASSWORD},
        gives={200: {"person": PERSON}},
    ),
    live_ticket: Shown(gives={201: {"ticket": LIVE_TICKET}}),
}
