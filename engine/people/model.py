"""A person's data, and the requests that change it."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.model import EmailAddress, Id, Moment, PersonName, Version
from engine.people.passwords import PASSWORD_LENGTH_MAX

#: The version of a person who has no row.
UNSET_VERSION: Final = 1
#: Supported languages; the first is the default.
LANGUAGES: Final = ("en", "de")
Tier = Literal["regular", "premium", "vip"]
Language = Annotated[str, Meta(max_length=20, description="A supported language.", examples=["en"])]
#: Longer than ``Passwords`` accepts, because its message is better than a schema's.
Password = Annotated[
    str, Meta(max_length=4 * PASSWORD_LENGTH_MAX, examples=["seven swans in a bathtub"])
]


class EmailPreferences(Struct, frozen=True, kw_only=True):
    """The mails that a person wants."""

    waitlist: Annotated[bool, Meta(description="Your place in a waitlist, and offers.")] = True
    reminders: Annotated[
        bool, Meta(description="Reminders that an offer is about to end; needs `waitlist`, too.")
    ] = True
    event: Annotated[bool, Meta(description="Changes to events that you have tickets for.")] = True
    booking: Annotated[
        bool,
        Meta(description="Always true: bookings, cancellations and refunds are confirmed by mail."),
    ] = True


class Preferences(Struct, frozen=True, kw_only=True):
    """How a person wants to be notified."""

    email: EmailPreferences = EmailPreferences()
    live: Annotated[bool, Meta(description="Notices on the open page, too.")] = True


class EmailPreferencesPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waitlist: bool | UnsetType = UNSET
    reminders: bool | UnsetType = UNSET
    event: bool | UnsetType = UNSET
    booking: bool | UnsetType = UNSET


class PreferencesPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The preferences to change; absent fields stay."""

    email: EmailPreferencesPatch = EmailPreferencesPatch()
    live: bool | UnsetType = UNSET


class Person(Struct, frozen=True, kw_only=True):
    """A person who holds, books and waits."""

    person_id: Id
    email: Annotated[str | None, Meta(description="The address for mails.")] = None
    name: str = ""
    language: str = LANGUAGES[0]
    tier: Annotated[
        Tier, Meta(description="Given by the organiser; decides the order in waitlists.")
    ] = "regular"
    registered: Annotated[bool, Meta(description="True: has an account; false: a guest.")] = False
    email_proven: Annotated[
        bool, Meta(description="Whether the link mailed to the account's address was opened.")
    ] = False
    preferences: Preferences = Preferences()
    version: Version = UNSET_VERSION
    created_at: Moment | None = None


class Registration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account for the sender."""

    email: EmailAddress
    password: Password
    name: PersonName
    language: Annotated[
        Language | None, Meta(description="Default: the language set before, or English.")
    ] = None


class PersonPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields to change; absent ones stay. An account's address and password need the present password."""

    name: PersonName | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    email: EmailAddress | UnsetType = UNSET
    preferences: PreferencesPatch = PreferencesPatch()
    password: Annotated[
        Password | None,
        Meta(description="The present password, to change `email` or the password."),
    ] = None
    new_password: Annotated[
        Password | None, Meta(description="A new password; ends every login, this one too.")
    ] = None


class Login(Struct, frozen=True):
    """The person logged in, and the refresh token of the session. ``version``: of access tokens."""

    person_id: str
    refresh_token: str
    version: int
