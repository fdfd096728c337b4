"""Who makes a change: passed to every function that changes something, and recorded in the audit log."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class ActorKind(StrEnum):
    #: A client with the organiser's key.
    ORGANISER = "organiser"
    #: A buyer, by their token.
    BUYER = "buyer"
    #: A person in the waitlist, or with an offer, by their token.
    PERSON = "person"
    #: The person who opened a mailed link.
    LINK = "link"
    #: The payment gateway, by its answer about a payment.
    GATEWAY = "gateway"
    #: A worker, because a deadline passed.
    WORKER = "worker"
    #: A pricing rule whose time has come.
    SCHEDULE = "schedule"
    #: A person at the command line of the machine.
    CLI = "cli"
    #: A program that loads the demo, measures, or rehearses a sale.
    DEMO = "demo"
    BENCH = "bench"
    REHEARSAL = "rehearsal"


class Actor(Struct, frozen=True):
    """``id``: which one of that kind, where it is known: a person's id."""

    kind: ActorKind
    id: str | None = None

    @property
    def label(self) -> str:
        """The text that the audit log, logs and answers show."""
        return self.kind.value


ORGANISER: Final = Actor(ActorKind.ORGANISER)
LINK: Final = Actor(ActorKind.LINK)
GATEWAY: Final = Actor(ActorKind.GATEWAY)
WORKER: Final = Actor(ActorKind.WORKER)
SCHEDULE: Final = Actor(ActorKind.SCHEDULE)
CLI: Final = Actor(ActorKind.CLI)
DEMO: Final = Actor(ActorKind.DEMO)
BENCH: Final = Actor(ActorKind.BENCH)
REHEARSAL: Final = Actor(ActorKind.REHEARSAL)
