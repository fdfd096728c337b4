"""One mail per cause, whatever the mail server and the workers do."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER
from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.notifications.model import Status
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, end_process, make_event, role_environment, start_role
from tests.support.mail import Deed, Mailbox, Stage, mailbox
from tests.support.post import MAIL_FROM, cloned_database, post_settings, statuses

pytestmark = pytest.mark.adversity

_MAILS = 120
#: What a server may do at each stage, and in how many of a hundred cases.
_WHIMS: dict[Stage, dict[Deed, int]] = {
    "EHLO": {"421": 5, "drop": 5},
    "MAIL": {"4xx": 3, "5xx": 1, "421": 1, "drop": 2},
    "RCPT": {"4xx": 3, "421": 1, "drop": 2},
    "DATA": {"4xx": 3, "drop": 2},
    "content": {"drop": 4},
    "dot": {"4xx": 4, "421": 1, "drop": 2, "drop-kept": 3},
}


@pytest_asyncio.fixture
async def post_url(stores: StoreUrls) -> AsyncIterator[str]:
    async with cloned_database(stores) as url:
        yield url


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as opened:
        yield opened


@pytest_asyncio.fixture
async def post(settings: Settings, stores: StoreUrls, post_url: str) -> AsyncIterator[Runtime]:
    """The observer, which sends nothing itself."""
    async with open_runtime(post_settings(settings, stores, post_url), role="test") as runtime:
        yield runtime


def worker_environment(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox, *, timeout_s: float
) -> dict[str, str]:
    return role_environment(
        post_settings(settings, stores, post_url),
        stores,
        FRONTROW_SMTP_URL=box.url,
        FRONTROW_MAIL_FROM=MAIL_FROM,
        FRONTROW_MAIL_TIMEOUT_S=str(timeout_s),
        FRONTROW_MAIL_RETRY_S="0.1",
        FRONTROW_MAIL_PER_SECOND="150",
        FRONTROW_MAIL_ATTEMPTS_MAX="1000",
        FRONTROW_LOG_LEVEL="error",
    )


async def enqueue_welcomes(post: Runtime, count: int) -> None:
    people = [new_id() for _ in range(count)]
    async with post.stores.view.connection() as connection:
        made = await connection.fetchval(
            "SELECT enqueue_notifications(array_agg(ROW('welcome', p, NULL, p, p || '@example.com', 'Ada',"
            " 'en', '{}')::notification_command)) FROM unnest($1::uuid[]) p",
            people,
        )
    assert made == count


async def until_ended(post: Runtime, timeout_s: float) -> None:
    async with asyncio.timeout(timeout_s):
        while any(status in ("queued", "sending") for _, status in await statuses(post)):
            await asyncio.sleep(0.1)


async def check_once(post: Runtime, box: Mailbox) -> Counter[str]:
    """Check that no mail arrived twice and every mail marked as sent arrived. Returns mails by status."""
    taken = box.counts()
    assert set(taken.values()) <= {1}, taken.most_common(3)
    became: Counter[str] = Counter()
    for mail in await post.notifications.deliveries.mails(limit=10_000):
        message_id = f"<{mail.mail_id}@theatre.example>"
        became[mail.status.value] += 1
        log = (await post.notifications.deliveries.mail(mail.mail_id)).log
        accepted = [attempt for attempt in log if attempt.outcome == "accepted"]
        doubtful = [attempt for attempt in log if attempt.outcome == "unknown"]
        assert len(accepted) + len(doubtful) <= 1, log
        assert (mail.status == Status.SENT) == bool(accepted)
        assert (mail.status == Status.UNKNOWN) == bool(doubtful)
        if mail.status == Status.SENT:
            assert taken[message_id] == 1
        elif mail.status != Status.UNKNOWN:
            assert taken[message_id] == 0
    assert sum(taken.values()) == len(box.accepted)
    return became


@pytest.mark.timeout(240)
@pytest.mark.rough
async def test_each_mail_arrives_once_from_two_workers_one_of_them_killed(
    settings: Settings, stores: StoreUrls, post_url: str, post: Runtime, box: Mailbox
) -> None:
    chance = random.Random(4)

    def choose(stage: Stage, _: str) -> Deed | None:
        draw = chance.randrange(100)
        for deed, share in _WHIMS[stage].items():
            if draw < share:
                return deed
            draw -= share
        return None

    box.choose = choose
    house = House(post, await make_event(post, buyer_limit=100))
    for seat_no in range(20):
        person = new_id()
        await house.book(person, await house.hold(person, seat_no))
    await enqueue_welcomes(post, _MAILS - 20)
    # Nothing hangs here, so only a busy machine could delay an answer and leave its mail in doubt.
    environments = [
        worker_environment(settings, stores, post_url, box, timeout_s=2) for _ in range(3)
    ]
    workers = [start_role("worker", environment) for environment in environments[:2]]
    try:
        await box.until(_MAILS // 5, timeout_s=60)
        workers[0].kill()
        await box.close()
        await asyncio.sleep(0.5)
        await box.open()
        await box.until(_MAILS // 2, timeout_s=60)
        workers.append(start_role("worker", environments[2]))
        await box.close()
        await asyncio.sleep(0.2)
        await box.open()
        await until_ended(post, 150)
    finally:
        for worker in workers:
            end_process(worker)
    became = await check_once(post, box)
    assert set(became) <= {"sent", "unknown"}
    assert sum(became.values()) == _MAILS
    assert became["sent"] >= _MAILS * 0.8
    # Resent manually, with a well-behaved server: the mails in doubt arrive, and no others.
    before = len(box.accepted)
    box.choose = lambda _stage, _recipient: None
    again = await post.notifications.deliveries.resend_failed([Status.UNKNOWN], actor=ORGANISER)
    assert again == became["unknown"]
    worker = start_role("worker", environments[0])
    try:
        await until_ended(post, 60)
    finally:
        end_process(worker)
    assert len(box.accepted) == before + again
    assert len(box.counts()) == _MAILS


async def test_a_worker_killed_before_noting_the_answer_causes_no_second_mail(
    settings: Settings, stores: StoreUrls, post_url: str, post: Runtime, box: Mailbox
) -> None:
    """The server accepts the mail and answers slowly; the worker dies while waiting."""
    box.choose = lambda stage, _: "keep-hang" if stage == "dot" else None
    await enqueue_welcomes(post, 1)
    environment = worker_environment(settings, stores, post_url, box, timeout_s=20)
    worker = start_role("worker", environment)
    try:
        await box.until(1)
    finally:
        worker.kill()
        worker.wait()
    assert await statuses(post) == {("welcome", "sending"): 1}
    # The time in which it could have recorded the answer passes.
    async with post.stores.view.connection() as connection:
        await connection.execute("UPDATE notifications SET due_at = now()")
    box.choose = lambda _stage, _recipient: None
    await box.drop_all()
    successor = start_role("worker", environment)
    try:
        await until_ended(post, 60)
        # A worker would send it now: the second mail is behind it in the queue.
        await enqueue_welcomes(post, 1)
        await box.until(2)
        await until_ended(post, 60)
    finally:
        end_process(successor)
    assert await check_once(post, box) == {"unknown": 1, "sent": 1}
    [mail] = await post.notifications.deliveries.mails(statuses=[Status.UNKNOWN], limit=5)
    assert "before an answer was recorded" in (mail.reason or "")
