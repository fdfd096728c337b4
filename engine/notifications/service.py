"""Wires the rooms of notifications: what the API asks for, and the steps of the worker."""

from collections.abc import Awaitable, Callable

from engine.base.config import Settings
from engine.catalog.catalog import Catalog
from engine.live.live import Live
from engine.notifications.announcing import Announcing
from engine.notifications.deliveries import Deliveries
from engine.notifications.facts import FactReader
from engine.notifications.sender import Sender
from engine.notifications.unsubscribe import Unsubscribe
from engine.notifications.watch import Watch
from engine.notifications.wording import Wording
from engine.people.links import Links
from engine.people.verification import Verification
from engine.sales.reading import BookingReader
from engine.sales.tickets import Tickets
from engine.stores.postgres import Postgres
from engine.waitlist.line import Waitlist
from engine.waitlist.offers import Offers

_WATCH_S = 2.0
_ANNOUNCE_S = 30.0
_FORGET_S = 600.0


class Notifications:
    def __init__(
        self,
        *,
        postgres: Postgres,
        worker_postgres: Postgres,
        live: Live,
        catalog: Catalog,
        reading: BookingReader,
        tickets: Tickets,
        waitlist: Waitlist,
        offers: Offers,
        verification: Verification,
        links: Links,
        settings: Settings,
    ) -> None:
        self.unsubscribe = Unsubscribe(postgres, settings)
        self.wording = Wording(postgres, settings)
        self.deliveries = Deliveries(postgres)
        self.facts = FactReader(
            postgres=postgres,
            catalog=catalog,
            reading=reading,
            tickets=tickets,
            read_entry=waitlist.read,
            read_offer=offers.read,
            links=links,
            unsubscribe=self.unsubscribe,
            verification=verification,
            settings=settings,
        )
        self.sender = Sender(
            postgres=worker_postgres, facts=self.facts, wording=self.wording, settings=settings
        )
        self.watch = Watch(worker_postgres, live, settings.mail_retention_days)
        self.announcing = Announcing(worker_postgres, live, catalog)
        self._tick_s = settings.worker_tick_s

    async def close(self) -> None:
        await self.sender.close()
        await self.wording.close()

    def steps(self) -> list[tuple[str, float, Callable[[], Awaitable[int]]]]:
        """The worker's: name, pause in seconds, round."""
        return [
            ("send-mails", self._tick_s, self.sender.run_once),
            ("tell-people", self._tick_s, self.watch.tell),
            ("watch-mails", _WATCH_S, self.watch.run_once),
            ("announce-changes", _ANNOUNCE_S, self.announcing.run_once),
            ("forget-mails", _FORGET_S, self.watch.forget),
        ]
