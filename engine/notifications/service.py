"""Builds the parts of notifications: the services for the API, and the worker's steps."""

from engine.base.config import Settings
from engine.base.step import Step
from engine.catalog.catalog import Catalog
from engine.live.live import Live
from engine.notifications.announcing import Announcing
from engine.notifications.deliveries import Deliveries
from engine.notifications.facts import FactReader
from engine.notifications.sender import Sender
from engine.notifications.template_versions import TemplateVersions
from engine.notifications.unsubscribe import Unsubscribe
from engine.notifications.watch import Watch
from engine.people.people import People
from engine.sales.sales import Sales
from engine.stores.stores import Stores
from engine.waitlist.waitlist import Waitlist

_WATCH_S = 2.0
_ANNOUNCE_S = 30.0
_FORGET_S = 600.0


class Notifications:
    def __init__(
        self,
        *,
        stores: Stores,
        live: Live,
        catalog: Catalog,
        people: People,
        sales: Sales,
        waitlist: Waitlist,
        settings: Settings,
    ) -> None:
        postgres, worker_postgres = stores.house, stores.worker
        self.unsubscribe = Unsubscribe(postgres, settings)
        self.templates = TemplateVersions(postgres, settings)
        self.deliveries = Deliveries(postgres)
        self.facts = FactReader(
            postgres=postgres,
            catalog=catalog,
            reading=sales.reading,
            tickets=sales.tickets,
            read_entry=waitlist.entries.read,
            read_offer=waitlist.offers.read,
            links=people.links,
            unsubscribe=self.unsubscribe,
            verification=people.verification,
            settings=settings,
        )
        self.sender = Sender(
            postgres=worker_postgres, facts=self.facts, templates=self.templates, settings=settings
        )
        self.watch = Watch(worker_postgres, live, settings.mail_retention_days)
        self.announcing = Announcing(worker_postgres, live, catalog)
        self._tick_s = settings.worker_tick_s

    async def close(self) -> None:
        await self.sender.close()
        await self.templates.close()

    def steps(self) -> list[Step]:
        return [
            Step("send-mails", self._tick_s, self.sender.run_once),
            Step("tell-people", self._tick_s, self.watch.tell),
            Step("watch-mails", _WATCH_S, self.watch.run_once),
            Step("announce-changes", _ANNOUNCE_S, self.announcing.run_once),
            Step("forget-mails", _FORGET_S, self.watch.forget),
        ]
