"""The embedded servers: they answer, keep committed data, and leave nothing running."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio as aioredis
from pymongo import MongoClient

from engine.base.config import Settings
from engine.base.data_folder import AlreadyRunning, StartError, kept_secret
from engine.base.store_urls import running_urls
from engine.local.embedded import (
    EmbeddedMongo,
    EmbeddedPostgres,
    EmbeddedRedis,
    EmbeddedStores,
    postgres_bin,
    stores,
)
from engine.local.embedded.postgres import let_traverse
from engine.local.embedded.processes import STOP_TIMEOUT_S
from engine.stores import functions, migrate

pytestmark = pytest.mark.integration

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's own")


def settings_for(folder: Path) -> Settings:
    return Settings(data_dir=str(folder))


async def fetchval(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def wait_until(holds: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def children() -> set[int]:
    """Processes that we have started so far; other tests may have servers of their own."""
    return {child.pid for child in psutil.Process().children(recursive=True)}


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_all_three_servers_answer_and_are_closed_to_others(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "data")
    before = children()
    async with stores(settings) as urls:
        version = await fetchval(urls.postgres_url, "SELECT current_setting('server_version_num')")
        assert str(version).startswith("18")
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            setting = await fetchval(urls.postgres_url, f"SELECT current_setting('{name}')")
            assert setting == "on"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await fetchval(urls.postgres_url.replace("_sell:", "_sell:not"), "SELECT 1")

        client = aioredis.Redis.from_url(urls.redis_url)
        assert (await client.info("memory"))["maxmemory_policy"] == "noeviction"
        await client.aclose()
        stranger = aioredis.Redis(port=int(urls.redis_url.rpartition(":")[2].partition("/")[0]))
        with pytest.raises(aioredis.AuthenticationError):
            await stranger.ping()
        await stranger.aclose()

        with MongoClient[dict[str, object]](urls.mongo_url) as mongo:
            mongo.frontrow.venues.insert_one({"_id": "v1", "name": "Arena"})
            assert mongo.frontrow.venues.find_one({"_id": "v1"}) == {"_id": "v1", "name": "Arena"}

        assert running_urls(settings) == urls
        for file in ("secrets.json", "run.json", "redis/redis.conf"):
            assert stat.S_IMODE((tmp_path / "data" / file).stat().st_mode) == 0o600
        secrets = json.loads((tmp_path / "data" / "secrets.json").read_text())
        shown = "".join("".join(p.cmdline()) for p in psutil.Process().children(recursive=True))
        assert not [name for name, secret in secrets.items() if secret in shown]
    assert running_urls(settings) is None
    assert children() <= before


async def test_kill_9_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    postgres, redis, mongo = (
        kind(tmp_path) for kind in (EmbeddedPostgres, EmbeddedRedis, EmbeddedMongo)
    )
    for server in (postgres, redis, mongo):
        await server.start()
    before = [(server.url, server.port) for server in (postgres, redis, mongo)]
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("CREATE TABLE sold (seat int); INSERT INTO sold VALUES (17)")
    client = aioredis.Redis.from_url(redis.url)
    await client.set("hold", "1")
    with MongoClient[dict[str, object]](mongo.url) as documents:
        documents.frontrow.events.insert_one({"_id": "e1"})
    for server in (postgres, redis, mongo):
        server.kill()
        assert not server.running
        assert server.pid == 0
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    for server in (postgres, redis, mongo):
        await server.start()
    assert [(server.url, server.port) for server in (postgres, redis, mongo)] == before
    assert await fetchval(postgres.url, "SELECT seat FROM sold") == 17
    await client.aclose()
    client = aioredis.Redis.from_url(redis.url)
    assert await client.get("hold") is None, "Redis starts empty, so that its state is rebuilt"
    await client.aclose()
    with MongoClient[dict[str, object]](mongo.url) as documents:
        assert documents.frontrow.events.find_one({"_id": "e1"}) == {"_id": "e1"}
    for server in (postgres, redis, mongo):
        await server.stop()
        await server.stop()


async def test_other_processes_use_the_servers_of_the_owner(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), postgres_url="postgresql://elsewhere/frontrow")
    async with stores(settings) as urls:
        assert urls.postgres_url == "postgresql://elsewhere/frontrow"
        assert not (tmp_path / "postgres").exists()
        with pytest.raises(AlreadyRunning, match=rf"already runs on .* \(process {os.getpid()}\)"):
            EmbeddedStores(settings).claim()
        async with stores(settings) as again:
            assert again == urls
        client = aioredis.Redis.from_url(urls.redis_url)
        assert await client.ping(), "the servers still run when another user of them leaves"
        await client.aclose()


async def test_urls_for_all_stores_need_no_data_folder(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=str(tmp_path / "absent"),
        postgres_url="postgresql://db/frontrow",
        redis_url="redis://cache",
        mongo_url="mongodb://docs",
    )
    async with stores(settings) as urls:
        assert urls.redis_url == "redis://cache"
    assert not (tmp_path / "absent").exists()


_OWNER = """
import asyncio, sys
from engine.base.config import Settings
from engine.local.embedded import stores
async def main():
    async with stores(Settings(data_dir=sys.argv[1])) as urls:
        print("up", urls.postgres_owner_url, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@linux_only
async def test_servers_die_with_an_owner_killed_by_9(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        line = await asyncio.to_thread(owner.stdout.readline)
        url = line.split()[1]
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE sold (seat int); INSERT INTO sold VALUES (17)")
        family = [child.pid for child in psutil.Process(owner.pid).children(recursive=True)]
        assert len(family) > 3
        owner.kill()
    await wait_until(lambda: not any(map(is_running, family)), "something is left running")
    connection.terminate()
    async with stores(settings_for(tmp_path)) as urls:
        assert urls.postgres_owner_url == url
        assert await fetchval(url, "SELECT seat FROM sold") == 17


async def test_a_leftover_server_is_ended_by_the_next_owner(tmp_path: Path) -> None:
    """As on systems whose kernel does not end it: its owner is gone and only the pid file names it."""
    left = EmbeddedRedis(tmp_path)
    await left.start()
    left_pid = left.pid
    following = EmbeddedRedis(tmp_path)
    await following.start()
    assert following.port == left.port
    assert not left.running
    assert following.pid != left_pid
    await following.stop()


async def test_a_pid_file_of_somebody_else_harms_nobody(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with bystander:
        note = {"pid": bystander.pid, "started_s": time.time() - 3600}
        (tmp_path / "redis.pid").write_text(json.dumps(note))
        redis = EmbeddedRedis(tmp_path)
        await redis.start()
        assert bystander.poll() is None
        await redis.stop()
        bystander.kill()


async def test_odd_states_of_the_data_folder_are_repaired(tmp_path: Path) -> None:
    # A first start that was killed halfway.
    (tmp_path / "postgres.new" / "base").mkdir(parents=True)
    (tmp_path / "postgres").mkdir()
    postgres = EmbeddedPostgres(tmp_path)
    await postgres.start()
    postgres.kill()
    assert not (tmp_path / "postgres.new").exists()
    # A stale postmaster.pid whose number another process has now; and the port is taken by another one.
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n1\n5432\n")
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", postgres.port))
        squatter.listen()
        again = EmbeddedPostgres(tmp_path)
        await again.start()
        assert again.port != postgres.port
        assert await fetchval(again.url, "SELECT 1") == 1
        await again.stop()


async def test_a_folder_that_cannot_be_repaired_is_refused_in_one_line(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    cluster = tmp_path / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "base").mkdir()
    await _refused(postgres, r"not a whole PostgreSQL data directory: restore it .* move it away")
    (cluster / "global").mkdir()
    (cluster / "global" / "pg_control").write_bytes(b"")
    (cluster / "PG_VERSION").write_text("19\n")
    await _refused(postgres, r"written by PostgreSQL 19, this is 18: name another folder")
    (tmp_path / "secrets.json").write_text("{")
    (cluster / "PG_VERSION").write_text("18\n")
    await _refused(EmbeddedRedis(tmp_path), r"cannot read .*secrets\.json: .*; restore it")
    file = tmp_path / "file"
    file.write_text("")
    await _refused(EmbeddedRedis(file / "data"), r"cannot write to the data folder .*DATA_DIR")


async def _refused(server: EmbeddedPostgres | EmbeddedRedis, why: str) -> None:
    with pytest.raises(StartError, match=why) as refused:
        await server.start()
    assert "\n" not in str(refused.value)
    assert not server.running


def test_secrets_are_made_once_under_concurrent_requests(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from engine.base.data_folder import kept_secret\n"
        "print(kept_secret(Path(sys.argv[1]), 'token_secret'))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data")]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {asker.communicate()[0].strip() for asker in askers}
    assert len(answers) == 1
    assert len(answers.pop()) > 32


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of two users")
async def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    kept_secret(tmp_path, "token_secret")
    os.chown(tmp_path / "secrets.json", 12345, 12345)
    await _refused(EmbeddedRedis(tmp_path), r"was made by user number 12345: run Frontrow as that")


async def test_a_failed_start_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "junk").write_text("")
    owner = EmbeddedStores(settings_for(tmp_path))
    before = children()
    with pytest.raises(StartError):
        await owner.start()
    assert children() <= before
    EmbeddedStores(settings_for(tmp_path)).claim()


async def test_migrations_go_up_and_down_and_report_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    # Our migrations need tables that do not exist.
    monkeypatch.setattr(functions, "FUNCTIONS", folder / "none")
    (folder / "1_a.sql").write_text(
        "-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;\n"
    )
    (folder / "2_b.sql").write_text("-- migrate:up\nCREATE TABL b;\n-- migrate:down\n")
    postgres = EmbeddedPostgres(tmp_path)
    await postgres.start()
    with pytest.raises(migrate.MigrationError, match=r"migration 2_b\.sql on .*syntax error") as no:
        migrate.migrate(postgres.url)
    assert "\n" not in str(no.value)
    assert "***" in str(no.value)
    assert [m.applied for m in migrate.status(postgres.url)] == [True, False]
    (folder / "2_b.sql").unlink()
    elsewhere = postgres.url.replace("/frontrow?", "/another?")
    assert migrate.migrate(elsewhere) == ["1_a.sql"], "a missing database is created"
    assert migrate.migrate(elsewhere) == []
    assert migrate.migrate(postgres.url) == []
    assert "CREATE TABLE public.a" in migrate.dump(elsewhere, postgres_bin())
    assert migrate.dump(elsewhere, postgres_bin()) == migrate.dump(postgres.url, postgres_bin())
    assert migrate.rollback(elsewhere, 5) == ["1_a.sql"]
    postgres.kill()
    with pytest.raises(migrate.MigrationError, match="connection refused"):
        migrate.migrate(postgres.url)


async def test_stopping_is_quick_and_orderly(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path)
    await postgres.start()
    connection = await asyncpg.connect(postgres.url)
    began = time.monotonic()
    await postgres.stop()
    assert time.monotonic() - began < STOP_TIMEOUT_S, "an open connection does not delay the stop"
    assert "database system is shut down" in postgres.log_file.read_text()
    assert EmbeddedPostgres.stop_signal == signal.SIGINT
    connection.terminate()


def test_widened_permissions_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = tmp_path / "private"
    data = private / "data"
    data.mkdir(parents=True)
    private.chmod(0o700)
    let_traverse(data)
    assert stat.S_IMODE(private.stat().st_mode) == 0o701
    said = capsys.readouterr().err
    assert str(private) in said
    assert said.count("\n") == 1
    let_traverse(data)
    assert str(private) not in capsys.readouterr().err
