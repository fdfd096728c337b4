"""Who changes something: given to whatever changes anything, and noted by the audit."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class ActorKind(StrEnum):
    #: Somebody with the organiser's key.
    ORGANISER = "organiser"
    #: Whoever bought, by their token.
    BUYER = "buyer"
    #: Whoever waits or was offered seats, by their token.
    PERSON = "person"
    #: Whoever opened a mailed link.
    LINK = "link"
    #: The payment gateway, by what it said of a payment.
    GATEWAY = "gateway"
    #: A worker, because a time was over.
    WORKER = "worker"
    #: A pricing rule whose time has come.
    SCHEDULE = "schedule"
    #: Somebody at the command line of the machine.
    CLI = "cli"
    #: What loads the demo, measures, or rehearses a sale.
    DEMO = "demo"
    BENCH = "bench"
    REHEARSAL = "rehearsal"


class Actor(Struct, frozen=True):
    """``id``: who of that kind, where it is known: a person's id."""

    kind: ActorKind
    id: str | None = None

    @property
    def label(self) -> str:
        """What the audit, logs and answers show."""
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
