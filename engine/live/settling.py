"""Giving Redis PostgreSQL's facts: about some places, and an event's status, limits and prices."""

from engine.base.model import EventStatus
from engine.catalog.catalog import Catalog, event_not_found
from engine.live import scripts
from engine.live.messages import EventMessage, PersonalMessage, PricesMessage, encode
from engine.live.prices import Price, price_list
from engine.live.running import Running
from engine.live.scripts import Settlement
from engine.live.truth import meta_fields
from engine.stores.postgres import Postgres


class Settling:
    """Updates Redis, and with it every open map. Idempotent, and harmless in any order."""

    def __init__(self, postgres: Postgres, catalog: Catalog, running: Running) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._running = running

    async def settle(
        self,
        event_id: str,
        settlement: Settlement,
        *,
        force: bool = False,
        news: PersonalMessage | None = None,
    ) -> int:
        """Give Redis PostgreSQL's facts about some places; returns how many changed. Raises as ``Running.run``.

        ``force``: also when Redis has the version already. ``news`` is sent to the buyer's open connections in
        the same step.
        """
        told = b"" if news is None else encode(news)
        return await scripts.settle(self._running.run, event_id, settlement, force=force, news=told)

    async def refresh_terms(self, event_id: str) -> list[Price]:
        """Give holds PostgreSQL's status, limits and prices, and notify open maps of the changes.

        Returns the prices in force. Raises NotFound for an event that was never published, Unavailable.
        """
        terms = await self._pg.fetchrow("inventory.event_terms", event_id)
        if terms is None:
            raise event_not_found(event_id)
        facts = await self._catalog.facts(event_id)
        prices = price_list(
            tuple(category.name for category in facts.layout.categories),
            facts.currency,
            terms["prices"].encode(),
            terms["pricing"].encode(),
        )
        status = EventMessage(EventStatus(terms["status"]))
        await scripts.configure(
            self._running.run,
            event_id,
            terms["version"],
            (encode(status), encode(PricesMessage(prices))),
            meta_fields(terms),
        )
        return prices
