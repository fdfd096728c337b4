"""The worker's side of mail: take due mails, write them, deliver them to the server, record the results.

A worker has several sessions with the server, each with one mail under way; mails to one address are
sent one after the other. Any number of workers send at once. A lease keeps them off each other's mails,
and the database is asked once more when only the last dot is missing (``hand_over``): a worker that has
lost the lease by then, to a pause or a dead connection, sends no dot.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog

from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.base.server_url import parse_server_url
from engine.notifications.allowance import allowed, is_counted
from engine.notifications.facts import Due, FactReader, Overtaken
from engine.notifications.lanes import REST_S, ROUND_S, Failure, Lane, Turn
from engine.notifications.mime import Distorted, Envelope, Unwritable, build_envelope
from engine.notifications.model import Letter, MailKind, Status, Written
from engine.notifications.smtp import PATIENCE, Delivery, MailServer
from engine.notifications.template_versions import TemplateVersions
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

for _kind in MailKind:
    for _became in ("sent", "queued", "dead", "unknown", "skipped", "held"):
        metrics.MAILS.labels(_kind.value, _became)
for _status in (Status.DEAD, Status.UNKNOWN):
    metrics.MAILS_FAILED.labels(_status.value)

_CLAIM_MIN: Final = 50
#: Mails taken for each session, so that none is idle for long while the last mails of a round are under way.
_CLAIM_PER_SESSION: Final = 10
_RETRY_MAX_S: Final = 3600.0
#: The longest wait before a server that is away is tried again, in seconds.
_SERVER_RETRY_MAX_S: Final = 60.0
#: On shutdown: how long to wait for replies to mails already handed to the server, in seconds.
_LAST_WORD_S: Final = 2.0
#: The wait while a store is away that a mail needs, in seconds; such attempts are not counted.
_STORE_RETRY_S: Final = 2.0


class Sender:
    """Sends due mails. One per worker: it owns the sessions with the mail server."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        facts: FactReader,
        templates: TemplateVersions,
        settings: Settings,
    ) -> None:
        self._pg = postgres
        self._facts = facts
        self._templates = templates
        self._settings = settings
        self._me = new_id()
        self._turn = Turn([], {})
        self._lanes = [Lane(server) for server in self._servers()]
        #: When the server is tried again, and the number of failures in a row.
        self._server_wait = (0.0, 0)
        self._next_at = 0.0
        self._has_texts = False

    def _servers(self) -> Sequence[MailServer | None]:
        settings = self._settings
        if not settings.smtp_url:
            return [None]
        # Sessions are opened one after the other, so that only one mail meets a server that is away.
        opening = asyncio.Lock()
        return [
            MailServer(
                parse_server_url(settings.smtp_url),
                timeout_s=settings.mail_timeout_s,
                hello=urlsplit(settings.public_url).hostname or "localhost",
                opening=opening,
                may_open=lambda: not self._turn.is_over,
            )
            for _ in range(settings.mail_concurrency)
        ]

    async def run_once(self) -> int:
        """Send due mails, for some seconds at most. Returns how many mails were handled."""
        if time.monotonic() < self._server_wait[0]:
            return 0
        if not self._has_texts:
            await self._templates.bring_in_product_texts()
            self._has_texts = True
        self._look_at_failures()
        if not self._free_lanes():
            await asyncio.wait(
                self._under_way(), timeout=ROUND_S, return_when=asyncio.FIRST_COMPLETED
            )
        claimed = await self._claim()
        try:
            needed = [due for due in claimed if await self._is_needed(due)]
        except Unavailable as error:
            log.warning("mails deferred", reason=error.detail)
            await self._release(claimed, _STORE_RETRY_S)
            return 0
        mails = await allowed(self._pg, self._me, needed)
        if not mails:
            return len(claimed)
        turn = self._turn = Turn(mails, await self._templates.in_force())
        try:
            await self._play(turn)
        finally:
            await self._release(turn.left(), turn.wait_s or 0.0)
        # A round that waits for the server is over; one that only ran out of time has more to do.
        return turn.done if turn.wait_s is None else 0

    async def _claim(self) -> list[Due]:
        # A worker that takes longer keeps its mails unless another worker claims them.
        lease_s = ROUND_S + 2 * self._settings.mail_timeout_s
        claim_max = max(_CLAIM_MIN, _CLAIM_PER_SESSION * len(self._lanes))
        rows = await self._pg.fetch("notifications.claim", self._me, claim_max, lease_s)
        return [msgspec.convert(dict(row), Due) for row in rows]

    async def _is_needed(self, due: Due) -> bool:
        """Whether a mail may be counted in its address's daily limit. Raises Unavailable.

        A mail that is no longer needed is not counted, so that a stranger cannot use up the limit with it.
        """
        if not is_counted(due):
            return True
        try:
            await self._facts.check_needed(due)
        except Overtaken as overtaken:
            await self._skip(due, overtaken.reason)
            return False
        except Unavailable:
            raise
        except Exception:
            # It cannot be written; the attempt to write it records why.
            return True
        return True

    async def _play(self, turn: Turn) -> None:
        """Send until all mails are sent or the turn is over. A mail over which the server takes long is
        neither waited for nor cut off, which would leave its delivery in doubt.
        """
        while True:
            self._look_at_failures()
            for lane in self._free_lanes()[: turn.addresses]:
                lane.work = asyncio.create_task(self._serve(lane, turn), name="send-mails")
                turn.work.add(lane.work)
            if turn.wait_s is not None:
                await asyncio.wait(turn.work, timeout=turn.left_s)
            if turn.is_over or (not turn.addresses and all(work.done() for work in turn.work)):
                return
            await asyncio.wait(
                self._under_way(), timeout=turn.left_s, return_when=asyncio.FIRST_COMPLETED
            )

    def _free_lanes(self) -> list[Lane]:
        """Free lanes, those with open sessions first."""
        free = [lane for lane in self._lanes if lane.work is None and not lane.rests]
        free.sort(key=lambda lane: lane.server is None or not lane.server.is_open)
        # With no more lanes than the pace allows, none sleeps for longer than a round.
        pace = max(1, int(self._settings.mail_per_second * ROUND_S))
        return free[: max(0, pace - len(self._under_way()))]

    def _under_way(self) -> set[asyncio.Task[None]]:
        return {lane.work for lane in self._lanes if lane.work is not None}

    def _look_at_failures(self) -> None:
        """Raises the exception that a lane ended with."""
        for lane in self._lanes:
            work = lane.work
            if work is not None and work.done():
                lane.work = None
                work.result()

    async def close(self) -> None:
        if work := self._under_way():
            await asyncio.wait(work, timeout=_LAST_WORD_S)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
        servers = [lane.server for lane in self._lanes if lane.server is not None]
        await asyncio.gather(*(server.quit() for server in servers))

    async def _serve(self, lane: Lane, turn: Turn) -> None:
        while (mails := turn.take()) is not None:
            try:
                while mails and not turn.is_over and not lane.rests:
                    await self._send_noting(lane, mails.popleft(), turn)
                    turn.done += 1
            except Exception:
                turn.stop(_STORE_RETRY_S)
                raise
            await self._release(mails, turn.wait_s or 0.0)
            if lane.rests:
                return

    async def _send_noting(self, lane: Lane, due: Due, turn: Turn) -> None:
        """Send one mail, and record the result. Stops the turn when the other mails must be deferred."""
        envelope = await self._write_noting(due, turn)
        if envelope is None:
            return
        # Written before waiting for the pace: mails that are not sent must not slow down others.
        await self._keep_pace()
        if lane.server is not None:
            await self._deliver(lane, lane.server, due, envelope, datetime.now(UTC))
            return
        await self._pg.fetch(
            "notifications.keep", due.event_id, due.notification_id, self._me, envelope.message
        )
        self._count(due, "sent")

    async def _write_noting(self, due: Due, turn: Turn) -> Envelope | None:
        """The finished mail; None when it cannot be written, and the reason is recorded."""
        started_at = datetime.now(UTC)
        try:
            return await self._write(due, turn.in_force)
        except Overtaken as overtaken:
            await self._skip(due, overtaken.reason)
        except Unavailable as error:
            log.warning("mail deferred", reason=error.detail)
            turn.stop(_STORE_RETRY_S)
            await self._release([due], _STORE_RETRY_S)
        except Exception as error:
            if isinstance(error, Distorted):
                metrics.MAILS_DISTORTED.inc()
                log.error("mail distorted", mail_id=due.notification_id, reason=str(error))  # noqa: TRY400 - the reason says it all
            elif not isinstance(error, Unwritable):
                log.exception("mail not written", mail_id=due.notification_id, kind=due.kind)
            failure = self._unwritten(due, error)
            await self._note_failure(due, "unwritable", str(error), failure, started_at)
        return None

    async def _keep_pace(self) -> None:
        """Wait so that all sessions together keep the pace."""
        now = time.monotonic()
        mine = max(now, self._next_at)
        self._next_at = mine + 1 / self._settings.mail_per_second
        await asyncio.sleep(mine - now)

    # Writing

    async def _write(self, due: Due, in_force: dict[tuple[str, str], int]) -> Envelope:
        await self._facts.check_wanted(due)
        event = await self._facts.event(due)
        languages = self._facts.languages(due, event)
        template, language = await self._templates.template(in_force, due.kind, languages)
        letter = await self._facts.letter(due, event, language)
        written = await self._templates.write(template, due.kind, language, letter.facts)
        # Encoding and checking take some milliseconds, too long for the loop.
        return await asyncio.to_thread(self._envelope, due, written, letter, language)

    def _envelope(self, due: Due, written: Written, letter: Letter, language: str) -> Envelope:
        return build_envelope(
            written,
            letter.pictures,
            message_id=due.notification_id,
            mail_from=self._settings.mail_from,
            reply_to=self._settings.mail_reply_to,
            name=due.name,
            email=due.email,
            language=language,
            kind=due.kind.value,
            unsubscribe_url=letter.facts["unsubscribe_url"],
        )

    # Delivering

    async def _deliver(
        self,
        lane: Lane,
        server: MailServer,
        due: Due,
        envelope: Envelope,
        started_at: datetime,
    ) -> None:
        attempt_no: int | None = None

        async def hand_over() -> bool:
            nonlocal attempt_no
            patience_s = (PATIENCE + 1) * self._settings.mail_timeout_s
            attempt_no = await self._pg.fetchval(
                "notifications.hand_over",
                due.event_id,
                due.notification_id,
                self._me,
                patience_s,
                started_at,
            )
            return attempt_no is not None

        try:
            delivery = await server.deliver(envelope, hand_over)
        except Unavailable as error:
            log.warning("mail not handed over", reason=error.detail)
            self._turn.stop(_STORE_RETRY_S)
            return
        if delivery.outcome == "not-ours":
            log.warning("mail left to another worker", mail_id=due.notification_id)
            return
        if delivery.outcome == "not-tried":
            await self._release([due], self._turn.wait_s or 0.0)
            return
        # At once, before the next session is opened.
        self._learn(lane, delivery)
        failure = self._judge(due, delivery)
        if attempt_no is None:
            assert failure is not None
            await self._note_failure(due, delivery.outcome, delivery.reply, failure, started_at)
        else:
            await self._note_answer(due, attempt_no, delivery, failure)

    def _judge(self, due: Due, delivery: Delivery) -> Failure | None:
        """The mail's next status after this attempt; None: it was delivered."""
        match delivery.outcome:
            case "accepted":
                return None
            case "unknown":
                return Failure(Status.UNKNOWN, delivery.reply)
            case "refused":
                return Failure(Status.DEAD, delivery.reply)
            case "deferred" if due.deferrals + 1 >= self._settings.mail_attempts_max:
                return Failure(Status.DEAD, f"Deferred too often: {delivery.reply}")
        return self._again(due, delivery.reply)

    def _unwritten(self, due: Due, error: Exception) -> Failure:
        if isinstance(error, Unwritable):
            return Failure(Status.DEAD, str(error))
        if due.deferrals + 1 >= self._settings.mail_attempts_max:
            return Failure(Status.DEAD, f"Could not be written: {error}")
        return self._again(due, f"Could not be written: {error}")

    def _again(self, due: Due, reason: str) -> Failure:
        age_s = (datetime.now(UTC) - due.queued_at).total_seconds()
        if age_s > self._settings.mail_age_max_s:
            return Failure(Status.DEAD, f"Tried for too long: {reason}")
        # Exponential in the attempts; random, so that mails that failed together are not retried together.
        delay_s = min(_RETRY_MAX_S, self._settings.mail_retry_s * 2 ** min(due.attempts, 12))
        return Failure(Status.QUEUED, reason, delay_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def _learn(self, lane: Lane, delivery: Delivery) -> None:
        """Record what one answer says about the server."""
        if not delivery.is_servers:
            self._server_wait = (0.0, 0)
            return
        others = [other.server for other in self._lanes if other is not lane]
        if delivery.is_sessions and any(server and server.is_open for server in others):
            # The server accepts mails over the other sessions.
            if delivery.is_unwanted:
                lane.rests_until = time.monotonic() + REST_S
            return
        failures = self._server_wait[1]
        # Servers end sessions for their own reasons, so the first wait is very short.
        wait_s: float = self._settings.mail_retry_s / 10 * 2 ** min(failures, 12)
        wait_s = min(_SERVER_RETRY_MAX_S, wait_s)
        wait_s *= random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        self._server_wait = (time.monotonic() + wait_s, failures + 1)
        say = log.warning if failures == 0 else log.debug
        say("mail server deferred us", reason=delivery.reply)
        self._turn.stop(wait_s)

    # Noting

    async def _note_failure(
        self, due: Due, outcome: str, reply: str, failure: Failure, started_at: datetime
    ) -> None:
        await self._pg.fetch(
            "notifications.failed",
            due.event_id,
            due.notification_id,
            self._me,
            outcome,
            reply,
            failure.status.value,
            failure.reason,
            failure.delay_s,
            started_at,
        )
        self._count(due, failure.status.value)

    async def _note_answer(
        self, due: Due, attempt_no: int, delivery: Delivery, failure: Failure | None
    ) -> None:
        """Record the server's answer. While PostgreSQL is away this is retried for a while: only this
        process knows the answer, and without the record the mail becomes ``unknown``.
        """
        status = failure.status if failure else Status.SENT

        async def note() -> Any:
            return await self._pg.fetch(
                "notifications.answer",
                due.event_id,
                due.notification_id,
                attempt_no,
                delivery.outcome,
                delivery.reply,
                status.value,
                failure.reason if failure else None,
                failure.delay_s if failure else 0.0,
            )

        await _persist(note, for_s=PATIENCE * self._settings.mail_timeout_s)
        self._count(due, status.value)

    async def _skip(self, due: Due, reason: str) -> None:
        await self._pg.fetch(
            "notifications.skip", due.event_id, due.notification_id, self._me, reason
        )
        self._count(due, "skipped")

    async def _release(self, mails: Sequence[Due], delay_s: float) -> None:
        if mails:
            await self._pg.fetch(
                "notifications.release",
                [due.event_id for due in mails],
                [due.notification_id for due in mails],
                self._me,
                delay_s,
            )

    def _count(self, due: Due, became: str) -> None:
        metrics.MAILS.labels(due.kind.value, became).inc()


async def _persist(act: Callable[[], Awaitable[Any]], *, for_s: float) -> None:
    """Retry an idempotent operation until it succeeds. Raises Unavailable after ``for_s`` seconds."""
    ends_at = time.monotonic() + for_s
    delay_s = 0.1
    while True:
        try:
            await act()
        except Unavailable:
            if time.monotonic() > ends_at:
                raise
            await asyncio.sleep(delay_s)
            delay_s = min(2.0, 2 * delay_s)
        else:
            return
