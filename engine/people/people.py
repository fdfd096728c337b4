"""The people package of one process: accounts, verification of addresses, mailed links."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from engine.base.config import Settings
from engine.base.step import Step
from engine.catalog.catalog import Catalog
from engine.people.accounts import Accounts
from engine.people.links import Links
from engine.people.passwords import Passwords
from engine.people.verification import Verification
from engine.stores.postgres import Postgres
from engine.stores.stores import Stores

_FORGET_S = 600.0


@dataclass(frozen=True, kw_only=True, eq=False)
class People:
    accounts: Accounts
    verification: Verification
    links: Links
    worker_postgres: Postgres

    @classmethod
    def build(
        cls,
        stores: Stores,
        catalog: Catalog,
        settings: Settings,
        sign_out: Callable[[str, int], Awaitable[None]],
    ) -> Self:
        """``sign_out`` as in ``Accounts``."""
        passwords = Passwords(length_min=settings.password_length_min)
        return cls(
            accounts=Accounts(stores.house, passwords, settings, sign_out),
            verification=Verification(stores.house, settings),
            links=Links(stores.house, catalog, settings),
            worker_postgres=stores.worker,
        )

    def steps(self) -> list[Step]:
        return [Step("forget-sessions", _FORGET_S, self.forget_sessions)]

    async def forget_sessions(self) -> int:
        """Delete sessions that ended or expired long ago. Returns 0."""
        await self.worker_postgres.fetch("people.forget_sessions")
        return 0
