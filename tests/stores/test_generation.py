"""A store that comes back with another past: a database restored to an earlier moment under a Redis that was
kept, another database, a promoted standby, the primary that it replaced, a Redis that was started anew.

PostgreSQL is a server of each test's own; its folder is copied and put back while it is stopped.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from engine.audit.auditor import audit
from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import Contended, NotFound, Unavailable
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live import healing
from engine.local import embedded
from engine.local.embedded import EmbeddedPostgres
from engine.runtime import Runtime, open_runtime
from engine.stores import lease, migrate
from engine.stores.generation import Verdict
from tests.conftest import House, make_event
from tests.deploy.test_deploy import as_postgres
from tests.support.clusters import copy_cluster
from tests.support.worlds import as_redis_owner, keys_of, make_world, run_step

pytestmark = pytest.mark.integration

KEY = "frontrow:generation"


class Site:
    """A runtime whose PostgreSQL can be exchanged."""

    def __init__(self, postgres: EmbeddedPostgres, runtime: Runtime, backups: Path) -> None:
        self.postgres = postgres
        self.runtime = runtime
        self.backups = backups

    async def house(self) -> House:
        return House(self.runtime, await make_event(self.runtime))

    async def look(self) -> None:
        """Check as a worker does every second, at least a second after the last check."""
        async with self.runtime.stores.view.connection() as connection:
            await connection.execute("UPDATE generations SET set_at = set_at - interval '1 second'")
        await run_step(self.runtime, "watch-stores")

    async def verdict(self) -> Verdict:
        return await self.runtime.stores.generation.look()

    @asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        await self.postgres.stop()
        yield
        await self.postgres.start()
        await self.connected()

    async def connected(self) -> None:
        """The connections of the pool are dead; each fails once for its next user."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await self.runtime.stores.view.ping()
                except Unavailable:
                    await asyncio.sleep(0.01)
                else:
                    return

    def save(self, name: str) -> None:
        subprocess.run(["cp", "-a", self.postgres.folder, self.backups / name], check=True)

    def put_back(self, name: str) -> None:
        shutil.rmtree(self.postgres.folder)
        subprocess.run(["cp", "-a", self.backups / name, self.postgres.folder], check=True)

    async def promote(self) -> None:
        """Turn this server into a standby without a primary, with all data, and promote it."""
        async with self.stopped():
            signal = self.postgres.folder / "standby.signal"
            signal.touch()
            owner = self.postgres.folder.stat()
            shutil.chown(signal, owner.st_uid, owner.st_gid)
        # None of our roles may promote a server: its administrator does it.
        data = str(self.postgres.folder)
        promote = [str(embedded.postgres_bin() / "pg_ctl"), "promote", "-w", "-D", data]
        subprocess.run(as_postgres(promote, self.postgres.folder), check=True, cwd="/")


@pytest_asyncio.fixture(scope="module")
async def own_postgres(
    tmp_path_factory: pytest.TempPathFactory, cluster: Path
) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("restored"))
    copy_cluster(cluster, server.data_dir)
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def site(
    settings: Settings, stores: StoreUrls, own_postgres: EmbeddedPostgres, tmp_path: Path
) -> AsyncIterator[Site]:
    own = StoreUrls(
        postgres_url=own_postgres.url, redis_url=stores.redis_url, mongo_url=stores.mongo_url
    )
    world = await make_world(settings, own, "restored", redis_database=10)
    async with open_runtime(world, role="test") as runtime:
        await as_redis_owner(runtime, "FLUSHDB")
        site = Site(own_postgres, runtime, tmp_path)
        await site.look()
        yield site
        await as_redis_owner(runtime, "FLUSHDB")


def rebuilt(cause: str) -> float:
    return float(metrics.REBUILDS.labels(cause)._value.get())


async def clean(house: House) -> None:
    violations = await audit(house.runtime.audit, house.event_id, lateness_max_s=None)
    assert [v for v in violations if v.invariant != 2] == []


@pytest.mark.parametrize("marked", [True, False], ids=["long-after", "in-the-same-second"])
async def test_events_are_rebuilt_from_a_database_restored_to_an_earlier_moment(
    site: Site, marked: bool
) -> None:
    house = await site.house()
    ann, bob, kim = (new_id() for _ in range(3))
    await house.book(ann, await house.hold(ann, 0, 1, floor=1))
    bobs = await house.hold(bob, 10, 11)
    await site.look()
    async with site.stopped():
        site.save("earlier")
    # The changes that will be lost.
    await house.book(ann, await house.hold(ann, 20, 21, floor=2))
    kims = await house.hold(kim, 30, floor=1)
    paid = await house.hold(kim, 40)
    await house.book(kim, paid)
    if marked:
        await site.look()
    await site.runtime.live.checking.check(house.event_id)
    before = await site.runtime.live.reading.snapshot(house.event_id)
    assert before.states.count(b"2") == 5

    async with site.stopped():
        site.put_back("earlier")
    expected = Verdict.ANOTHER_DATABASE if marked else Verdict.RESTARTED
    assert await site.verdict() == expected
    count = rebuilt("generation")
    await site.look()
    assert rebuilt("generation") > count
    assert await site.verdict() == Verdict.SAME

    after = await site.runtime.live.reading.snapshot(house.event_id)
    shown = {n: chr(digit) for n, digit in enumerate(after.states) if digit != ord("0")}
    assert shown == {0: "2", 1: "2", 10: "1", 11: "1", 30: "1"}
    assert after.areas == {0: 6 - 1 - 1}
    # Maps ignore messages of an older epoch than theirs.
    assert after.epoch > before.epoch
    await clean(house)
    # Buyers still have their live holds, and lost sales can be sold to somebody else.
    await house.book(bob, bobs)
    await house.book(kim, kims)
    await house.book(kim, await house.hold(kim, 20, 21, 40))
    await clean(house)


async def test_another_database_is_recognised_and_redis_is_rebuilt(site: Site) -> None:
    """Data that it does not have is removed from Redis too."""
    house = await site.house()
    await house.hold(new_id(), 3, floor=1)
    await site.postgres.stop()
    site.save("ours")
    shutil.rmtree(site.postgres.folder)
    await site.postgres.start()
    try:
        await asyncio.to_thread(migrate.migrate, str(site.runtime.settings.postgres_url))
        await site.connected()
        assert await site.verdict() == Verdict.ANOTHER_DATABASE
        await site.look()
        assert await site.verdict() == Verdict.SAME
        with pytest.raises(NotFound):
            await site.runtime.live.reading.snapshot(house.event_id)
        assert await keys_of(site.runtime.stores.redis, house.event_id) == []
    finally:
        async with site.stopped():
            site.put_back("ours")


async def test_a_lossless_promotion_changes_nothing_and_the_old_primary_is_refused(
    site: Site,
) -> None:
    house = await site.house()
    ann = new_id()
    await house.book(ann, await house.hold(ann, 0, 1))
    kept = await house.hold(ann, 5)
    await site.look()
    epoch = (await site.runtime.live.reading.snapshot(house.event_id)).epoch
    async with site.stopped():
        site.save("old-primary")

    await site.promote()
    counts = {cause: rebuilt(cause) for cause in ("damaged", "generation", "invariant")}
    await site.look()
    assert await site.verdict() == Verdict.SAME
    assert {cause: rebuilt(cause) for cause in counts} == counts
    assert (await site.runtime.live.reading.snapshot(house.event_id)).epoch == epoch
    await house.book(ann, kept)
    await clean(house)

    # Another process, which has never seen the new primary, is refused the old one as well.
    async with site.stopped():
        site.save("new-primary")
    refused = metrics.SERVERS_REFUSED._value.get()
    await site.postgres.stop()
    site.put_back("old-primary")
    await site.postgres.start()
    async with open_runtime(site.runtime.settings, role="test") as other:
        for runtime in (site.runtime, other):
            # A caller that gets a dead connection gets that error first.
            for _ in range(runtime.stores.view.size + 1):
                with pytest.raises(Unavailable):
                    await runtime.stores.view.ping()
    assert metrics.SERVERS_REFUSED._value.get() >= refused + 2
    async with site.stopped():
        site.put_back("new-primary")
    assert await site.verdict() == Verdict.RESTARTED


async def test_events_get_a_larger_epoch_after_a_restart_of_redis(site: Site) -> None:
    """It may have lost its last writes, so its positions must not look like earlier ones."""
    house = await site.house()
    kept = await house.hold(new_id(), 3)
    await site.look()
    before = await site.runtime.live.reading.snapshot(house.event_id)
    await site.runtime.stores.redis.call("HSET", KEY, "redis_run", "of another server")
    assert await site.verdict() == Verdict.ANOTHER_REDIS
    await site.look()
    after = await site.runtime.live.reading.snapshot(house.event_id)
    assert after.epoch > before.epoch
    assert after.states == before.states
    assert kept.hold_id


async def test_one_worker_repairs_the_events_however_long_it_takes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is renewed; a worker that has lost it stops, records nothing, and leaves the next lease alone."""
    monkeypatch.setattr(lease, "_LASTS_S", 600.0)
    monkeypatch.setattr(lease, "_RENEWED_EVERY_S", 0.01)
    house = await site.house()
    call = site.runtime.stores.redis.call
    await call("HSET", KEY, "redis_run", "of another server")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def for_long(event_id: str, **_: object) -> tuple[int, int]:
        if event_id == house.event_id:
            begun.set()
            await go_on.wait()
        return 0, 0

    async with open_runtime(site.runtime.settings, role="test") as other:
        for runtime in (site.runtime, other):
            monkeypatch.setattr(runtime.live.rebuilding, "rebuild", for_long)
        async with asyncio.timeout(60):
            first = asyncio.create_task(site.runtime.live.upkeep.watch_stores())
            await begun.wait()
            await (
                other.live.upkeep.watch_stores()
            )  # It returns at once: another worker does this work.
            await call("PEXPIRE", "watching", 300_000)
            while await call("PTTL", "watching") <= 300_000:
                await asyncio.sleep(0.005)
            await call("DEL", "watching")
            with pytest.raises(Contended):
                await first
            assert await site.verdict() == Verdict.ANOTHER_REDIS

            monkeypatch.setattr(lease, "_RENEWED_EVERY_S", 600.0)
            begun.clear()
            first = asyncio.create_task(site.runtime.live.upkeep.watch_stores())
            await begun.wait()
            await call("SET", "watching", "another's", "PX", 600_000)
            go_on.set()
            await first
            assert await call("GET", "watching") == b"another's"
            await call("DEL", "watching")
    assert await site.verdict() == Verdict.SAME


async def test_healing_is_not_recorded_as_done_while_an_event_is_locked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.house()
    await site.runtime.stores.redis.call("HSET", KEY, "redis_run", "of another server")

    async def locked(event_id: str, **_: object) -> tuple[int, int]:
        raise Contended(f"{event_id} is locked", by_lock=True)

    monkeypatch.setattr(healing, "_REST_S", 0.0)
    with monkeypatch.context() as moment:
        moment.setattr(site.runtime.live.rebuilding, "rebuild", locked)
        with pytest.raises(Contended):
            await site.look()
    assert await site.verdict() == Verdict.ANOTHER_REDIS
    await site.look()
    assert await site.verdict() == Verdict.SAME


async def test_events_repaired_by_another_worker_are_left_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker ends between this one's check and this one's lease."""
    await site.house()
    call = site.runtime.stores.redis.call
    await call("HSET", KEY, "redis_run", "of another server")
    count = rebuilt("generation")
    async with open_runtime(site.runtime.settings, role="test") as other:
        look = site.runtime.stores.generation.look

        async def overtaken() -> Verdict:
            verdict = await look()
            if verdict != Verdict.SAME:
                await other.live.upkeep.watch_stores()
            return verdict

        monkeypatch.setattr(site.runtime.stores.generation, "look", overtaken)
        await site.runtime.live.upkeep.watch_stores()
    events = len(await site.runtime.live.reading.open_events())
    assert rebuilt("generation") == count + events


@pytest.mark.parametrize("nonsense", [b"\xff\xfe", b"9" * 40, b"-1", b""])
async def test_an_invalid_generation_record_in_redis_is_survived(
    site: Site, nonsense: bytes
) -> None:
    for name in ("timeline", "counter", "mark", "compared", "redis_run", "system_id"):
        await site.runtime.stores.redis.call("HSET", KEY, name, nonsense)
        await site.look()
        assert await site.verdict() == Verdict.SAME
    await site.runtime.stores.redis.call("DEL", KEY)
    await site.runtime.stores.redis.call("SET", KEY, nonsense)
    await site.look()
