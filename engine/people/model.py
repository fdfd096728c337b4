"""What somebody says of themselves, and what they may send."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.model import EmailAddress, Id, Moment, PersonName, Version
from engine.people.passwords import PASSWORD_LENGTH_MAX

#: The version of a person who has no row.
UNSET_VERSION: Final = 1
#: Languages that we write in; the first is that of people who have not said.
LANGUAGES: Final = ("en", "de")
Tier = Literal["regular", "premium", "vip"]
Language = Annotated[
    str, Meta(max_length=20, description="One of those we write in.", examples=["en"])
]
#: Long enough for whatever ``Passwords`` takes; it says what is wrong better than a schema.
Password = Annotated[
    str, Meta(max_length=4 * PASSWORD_LENGTH_MAX, examples=["seven swans in a bathtub"])
]


class EmailPreferences(Struct, frozen=True, kw_only=True):
    """Which mails somebody wants."""

    waitlist: Annotated[bool, Meta(description="Your place in line, and offers.")] = True
    reminders: Annotated[
        bool, Meta(description="That an offer is about to end; needs `waitlist`, too.")
    ] = True
    event: Annotated[bool, Meta(description="Changes to events that you have tickets for.")] = True
    booking: Annotated[
        bool,
        Meta(description="Always true: what was bought, cancelled and refunded is put in writing."),
    ] = True


class Preferences(Struct, frozen=True, kw_only=True):
    """How somebody wants to be told."""

    email: EmailPreferences = EmailPreferences()
    live: Annotated[bool, Meta(description="On the open page, too.")] = True


class EmailPreferencesPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waitlist: bool | UnsetType = UNSET
    reminders: bool | UnsetType = UNSET
    event: bool | UnsetType = UNSET
    booking: bool | UnsetType = UNSET


class PreferencesPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not sent stays."""

    email: EmailPreferencesPatch = EmailPreferencesPatch()
    live: bool | UnsetType = UNSET


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who holds, books and waits."""

    person_id: Id
    email: Annotated[str | None, Meta(description="Where to write to.")] = None
    name: str = ""
    language: str = LANGUAGES[0]
    tier: Annotated[Tier, Meta(description="Given by the organiser; counts in waitlists.")] = (
        "regular"
    )
    registered: Annotated[bool, Meta(description="Can log in; else a guest.")] = False
    email_proven: Annotated[
        bool, Meta(description="The link that was mailed to the account's address was opened.")
    ] = False
    preferences: Preferences = Preferences()
    version: Version = UNSET_VERSION
    created_at: Moment | None = None


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account for whoever sends it."""

    email: EmailAddress
    password: Password
    name: PersonName
    language: Annotated[
        Language | None, Meta(description="Absent: what is set already, or English.")
    ] = None


class PersonPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change; what is not sent stays. An account's address and password need the present one."""

    name: PersonName | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    email: EmailAddress | UnsetType = UNSET
    preferences: PreferencesPatch = PreferencesPatch()
    password: Annotated[
        Password | None, Meta(description="The present one, to change `email` or the password.")
    ] = None
    new_password: Annotated[
        Password | None, Meta(description="Ends every login, this one too.")
    ] = None


class Login(Struct, frozen=True):
    """Who has logged in, and the token with which that goes on. ``version``: of access tokens."""

    person_id: str
    refresh_token: str
    version: int
