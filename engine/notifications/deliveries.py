"""The delivery log for operators: the list of mails, one mail with its attempts, sending again."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from engine.base.actor import Actor
from engine.base.errors import Conflict, NotFound
from engine.notifications.model import NO_EVENT, Attempt, Mail, MailKind, Status
from engine.stores.postgres import Postgres

#: Statuses from which a mail can be sent again manually.
RESENDABLE = (Status.DEAD, Status.UNKNOWN, Status.SKIPPED)


class Deliveries:
    def __init__(self, postgres: Postgres) -> None:
        self._pg = postgres

    async def mails(
        self,
        *,
        statuses: Sequence[Status] | None = None,
        kind: MailKind | None = None,
        event_id: str | None = None,
        email: str | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Mail]:
        """Mails, the newest first, following the mail ``after``."""
        rows = await self._pg.fetch(
            "notifications.list",
            [status.value for status in statuses] if statuses else None,
            kind.value if kind else None,
            event_id,
            email,
            after,
            limit,
        )
        return [_mail(row) for row in rows]

    async def mail(self, mail_id: str) -> Mail:
        """One mail with its delivery log. Raises NotFound."""
        row = await self._pg.fetchrow("notifications.read", mail_id)
        if row is None:
            raise NotFound(f"There is no mail {mail_id}.", code="mail-not-found")
        return _mail(row)

    async def resend(self, mail_id: str, *, actor: Actor) -> Mail:
        """Queue a dead, unknown or skipped mail again. It keeps its Message-ID: if it had arrived after
        all, many mailboxes show it once. Raises NotFound, Conflict.
        """
        sent_again = await self._resend([mail_id], actor)
        mail = await self.mail(mail_id)
        if not sent_again:
            raise Conflict(
                f"The mail is {mail.status.value}; only a dead, unknown or skipped mail with an address "
                "can be sent again.",
                code="mail-not-resendable",
            )
        return mail

    async def resend_failed(self, statuses: Sequence[Status], *, actor: Actor) -> int:
        """Queue all mails with one of ``statuses`` (dead, unknown) again. Returns how many."""
        done = 0
        while True:
            names = [status.value for status in statuses]
            rows = await self._pg.fetch("notifications.failed_ids", names, 1000)
            sent_again = await self._resend([row["notification_id"] for row in rows], actor)
            done += sent_again
            if not sent_again:
                return done

    async def _resend(self, mail_ids: Sequence[str], actor: Actor) -> int:
        return len(await self._pg.fetch("notifications.resend", mail_ids, actor.label))

    # Kept mails

    async def kept(self, limit: int) -> list[asyncpg.Record]:
        """Mails that were kept instead of sent, the newest first, each with its head."""
        return await self._pg.fetch("notifications.kept", limit)

    async def kept_messages(self, limit: int) -> list[asyncpg.Record]:
        """The same mails with the whole messages: kind, email and message of each."""
        return await self._pg.fetch("notifications.kept_messages", limit)

    async def kept_mail(self, mail_id: str) -> bytes:
        """A kept mail, as it would have been sent. Raises NotFound."""
        message = await self._pg.fetchval("notifications.kept_mail", mail_id)
        if message is None:
            raise NotFound(f"There is no kept mail {mail_id}.", code="mail-not-found")
        return bytes(message)


def _mail(row: asyncpg.Record) -> Mail:
    status = Status(row["status"])
    event_id = str(row["event_id"])
    log: list[dict[str, Any]] = row["log"] or []
    return Mail(
        mail_id=str(row["notification_id"]),
        kind=MailKind(row["kind"]),
        status=status,
        event_id=None if event_id == NO_EVENT else event_id,
        person_id=str(row["person_id"]),
        cause=row["cause"],
        email=row["email"],
        name=row["name"],
        language=row["language"],
        reason=row["reason"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
        due_at=row["due_at"] if status == Status.QUEUED else None,
        ended_at=row["ended_at"],
        log=msgspec.convert(log, list[Attempt]),
    )
