"""`frontrow up` as a person uses it: a real process, real ports, real signals."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
import venv
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import free_port

pytestmark = pytest.mark.integration

PROJECT = Path(__file__).resolve().parents[2]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Place:
    """One data folder and three ports; processes started on them end with the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program, self.cwd = [sys.executable, "-m", "engine"], PROJECT
        self.ports = {name: free_port() for name in ("api", "live", "worker")}
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith("FRONTROW_")
        } | {
            "FRONTROW_DATA_DIR": str(folder),
            **{f"FRONTROW_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
        }
        self.started: list[Up] = []

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*self.program, *arguments],
            cwd=self.cwd,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def up(self) -> "Up":
        up = Up(self)
        self.started.append(up)
        return up

    def get(self, name: str, path: str) -> tuple[int, str]:
        address = f"http://127.0.0.1:{self.ports[name]}{path}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def post_through_a_proxy(self, path: str) -> None:
        """A request as sent by a proxy that does not name its client."""
        address = f"http://127.0.0.1:{self.ports['api']}{path}"
        request = urllib.request.Request(address, method="POST", headers={"Via": "1.1 proxy"})
        urllib.request.urlopen(request, timeout=30).close()  # noqa: S310  # this machine, by HTTP

    def wait_until_ready(self, name: str) -> None:
        """A store that takes a second to answer counts as unavailable for that moment."""
        deadline = time.monotonic() + 60
        while (answer := self.get(name, "/health/ready"))[0] != 200:
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)


class Up:
    """A running `frontrow up` and what it has printed."""

    def __init__(self, place: Place) -> None:
        self.log = place.folder.parent / f"up-{len(place.started)}.log"
        self._place = place
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*place.program, "up", "--no-demo"],
                cwd=place.cwd,
                env=place.environment,
                stdout=log,
                stderr=log,
            )

    def text(self) -> str:
        return ANSI.sub("", self.log.read_text(errors="replace"))

    def wait_for(self, text: str, timeout_s: float = 90) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.text():
            assert self.process.poll() is None, f"it ended:\n{self.text()}"
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.text()}"
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def still_running(family: list[psutil.Process], timeout_s: float = 30) -> list[psutil.Process]:
    """The processes that still run after a while; zombies count as ended."""
    deadline = time.monotonic() + timeout_s
    while True:
        alive = []
        for process in family:
            try:
                if process.status() != psutil.STATUS_ZOMBIE:
                    alive.append(process)
            except psutil.NoSuchProcess:
                pass
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


def assert_one_line(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 1, done
    assert done.stderr.startswith("frontrow: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "data")
    yield place
    for up in place.started:
        if up.process.poll() is None:
            up.process.terminate()
            try:
                up.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                up.process.kill()
                up.process.wait()


def test_up_starts_serves_and_leaves_nothing_after_ctrl_c(place: Place) -> None:
    up = place.up()
    up.wait_for("Ctrl-C stops everything")
    text = up.text()
    assert f"http://localhost:{place.ports['api']}" in text
    key = json.loads((place.folder / "secrets.json").read_text())["organiser_key"]
    for shown in (key, "tok_visa", "tok_declined", "tok_3ds", "tok_timeout", "/schema"):
        assert shown in text
    for name in place.ports:
        assert place.get(name, "/health/live")[0] == 200
        place.wait_until_ready(name)
        assert place.get(name, "/metrics")[0] == 200
    assert place.get("api", "/v1/events")[0] == 200

    second = place.command("up")
    assert_one_line(second, "already runs", f"(process {up.process.pid})", "FRONTROW_DATA_DIR")

    mails = re.search(r"http://localhost:\d+(/dev/mail\?key=[\w-]+)", text)
    assert mails is not None
    assert place.get("api", mails[1])[0] == 200
    assert place.get("api", "/dev/mail")[0] == 404
    # The box shows each secret once, and nothing else does.
    for secret in (key, mails[1].partition("=")[2]):
        assert up.text().count(secret) == 1

    assert "proxy" not in place.command("doctor").stdout
    place.post_through_a_proxy("/v1/auth/guest")
    healthy = place.command("doctor")
    assert "the proxy at 127.0.0.1 sends via, but no x-forwarded-for" in healthy.stdout
    assert healthy.returncode == 0, healthy.stdout
    assert "the API is ready" in healthy.stdout
    assert "✗" not in healthy.stdout

    listed = place.command("event", "list")
    assert (listed.returncode, listed.stdout) == (0, ""), "no demo was asked for"

    family = up.family()
    assert len(family) > 6
    assert up.end(signal.SIGINT) == 0
    assert up.text().rstrip().endswith("stopped")
    assert still_running(family) == []
    assert not list(place.folder.glob("*.pid"))


def installed(folder: Path) -> Path:
    """The ``frontrow`` of an environment that has our wheel, and of the source tree nothing."""
    wheels = folder / "wheels"
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    home = folder / "elsewhere"
    venv.create(home, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    # Dependencies are shared with our environment: path files inside a folder added by one are not read.
    (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    options = ["--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, *options, *map(str, wheels.iterdir())], check=True, capture_output=True)
    return home / "bin" / "frontrow"


def test_the_wheel_starts_and_migrates_elsewhere(place: Place, tmp_path: Path) -> None:
    place.program, place.cwd = [str(installed(tmp_path))], tmp_path
    # Programs that pip would have installed beside it.
    place.environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    assert place.command("--version").stdout == "frontrow 0.1.0\n"
    assert "rehearse" in place.command("--help").stdout
    migrated = place.command("migrate")
    assert migrated.returncode == 0, migrated.stderr
    assert "applied  20261121000001_tables.sql" in migrated.stdout
    up = place.up()
    up.wait_for("Ctrl-C stops everything")
    assert place.get("api", "/")[0] == place.get("api", "/web/seat-map.js")[0] == 200
    programs = {process.exe() for process in up.family()}
    assert not any(str(PROJECT / "engine") in program for program in programs)
    where = subprocess.run(
        [str(tmp_path / "elsewhere/bin/python"), "-c", "import engine; print(engine.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert where.stdout.startswith(str(tmp_path))
    assert up.end(signal.SIGINT) == 0


def test_a_reading_command_creates_no_installation(place: Place) -> None:
    for command in (
        ("event", "list"),
        ("mail", "list"),
        ("event", "show", str(uuid.uuid4())),
        ("migrate", "--status"),
        ("migrate", "--down", "1"),
        ("migrate", "--dump", "schema.sql"),
    ):
        assert_one_line(place.command(*command), f"no Frontrow in {place.folder}", "frontrow up")
    assert not place.folder.exists()
    offer = ("event", "create", "--name", "A", "--venue", "v", "--price", "Stalls=1", "--starts-at")
    for moment, why in (("2027-05-01T20:00", "has no time zone"), ("tomorrow", "is not a time")):
        assert_one_line(place.command(*offer, moment), why, "2027-05-01T20:00:00Z")


def test_a_dead_child_is_restarted_and_data_survive_kill_9_of_the_launcher(place: Place) -> None:
    up = place.up()
    up.wait_for("Ctrl-C stops everything")
    worker = json.loads((place.folder / "worker.pid").read_text())["pid"]
    os.kill(worker, signal.SIGKILL)
    up.wait_for("the worker ended (-9); starting it again")
    deadline = time.monotonic() + 60
    while json.loads((place.folder / "worker.pid").read_text())["pid"] == worker:
        assert time.monotonic() < deadline
        time.sleep(0.05)

    family = up.family()
    up.process.kill()
    up.process.wait()
    if sys.platform == "linux":
        assert still_running(family) == []
    again = place.up()
    again.wait_for("Ctrl-C stops everything")
    place.wait_until_ready("api")
    family = again.family()
    assert again.end(signal.SIGTERM) == 0
    assert still_running(family) == []


def test_a_taken_port_is_refused_in_one_line_and_nothing_is_left_running(place: Place) -> None:
    with socket.create_server(("127.0.0.1", place.ports["live"])):
        done = place.command("up")
    port = place.ports["live"]
    assert_one_line(done, f"port {port} of the live gateway is taken", "FRONTROW_LIVE_PORT=")
    assert f"(process {os.getpid()})" in done.stderr
    assert not (place.folder / "postgres").exists()
    assert not list(place.folder.glob("*.pid"))
    same = {"FRONTROW_LIVE_PORT": str(place.ports["api"])}
    assert_one_line(
        place.command("up", **same), "FRONTROW_API_PORT and FRONTROW_LIVE_PORT are both"
    )


def test_a_wrong_environment_is_refused_in_one_line(place: Place, tmp_path: Path) -> None:
    wrong_url = {"FRONTROW_POSTGRES_URL": "mysql://u:hunter2@h/d"}
    done = place.command("up", **wrong_url)
    assert_one_line(done, "FRONTROW_POSTGRES_URL", "mysql://u:***@h/d", "for example")
    assert "hunter2" not in done.stderr
    file = tmp_path / "file"
    file.write_text("")
    done = place.command("up", FRONTROW_DATA_DIR=str(file / "data"))
    assert_one_line(done, "cannot write to the data folder", "FRONTROW_DATA_DIR")
    assert_one_line(place.command("api"), "frontrow up")
    assert_one_line(place.command("venue", "import", str(tmp_path / "none.json")), "cannot read")
    (tmp_path / "bad.json").write_text("{")
    assert_one_line(place.command("venue", "import", str(tmp_path / "bad.json")), "is not JSON")
    assert_one_line(place.command("event", "pause", "17"), "is not an event's id")
    assert not place.folder.exists()


def test_unreachable_stores_are_reported_in_one_line(place: Place) -> None:
    nowhere = free_port()
    urls = {
        "FRONTROW_POSTGRES_URL": f"postgresql://u:hunter2@127.0.0.1:{nowhere}/d",
        "FRONTROW_REDIS_URL": f"redis://127.0.0.1:{nowhere}",
        "FRONTROW_MONGO_URL": f"mongodb://127.0.0.1:{nowhere}",
    }
    done = place.command("up", **urls)
    assert_one_line(done, "connection refused", f"127.0.0.1:{nowhere}")
    assert "hunter2" not in done.stderr
