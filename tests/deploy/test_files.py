"""compose.yaml, the Dockerfile, the systemd units and the Procfile: checks that need no container engine.

`make check` reads compose.yaml against the specification's schema, and the Dockerfile with hadolint.
"""

import fnmatch
import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from engine.base.config import load_settings
from engine.cli.main import cli
from engine.local.children import ROLES
from engine.local.embedded import REDIS_RIGHTS
from tests.conftest import REPO

DEPLOY = REPO / "deploy"
ENDS_BY_ITSELF = {"migrate", "roles"}
#: Started manually, watched by a person.
BY_HAND = {"load", "load-worker"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(REPO / "compose.yaml")
    return read


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """What deploy/secrets.sh makes."""
    shutil.copy(DEPLOY / "secrets.sh", tmp_path)
    subprocess.run(["sh", str(tmp_path / "secrets.sh")], check=True, cwd="/")
    return tmp_path / "secrets"


def default(text: str) -> str:
    """A value of compose.yaml when nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def names(several: Any) -> list[str]:
    return list(several or [])


def mounts(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in names(service.get("volumes")):
        source, _, rest = volume.partition(":")
        yield source, rest


# --- compose.yaml --------------------------------------------------------------------------


def test_all_that_a_service_names_exists(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    used: dict[str, set[str]] = {"secrets": set(), "networks": set(), "volumes": set()}
    for service in services.values():
        used["secrets"].update(names(service.get("secrets")))
        used["networks"].update(names(service.get("networks")))
        for other in names(service.get("depends_on")):
            assert other in services
        for source, rest in mounts(service):
            if source.startswith("./"):
                assert (REPO / source).exists(), source
                assert rest.endswith(":ro"), "files of the repository are mounted read-only"
            else:
                used["volumes"].add(source)
    for kind, found in used.items():
        assert found == set(compose[kind]), kind


def test_every_service_is_pinned_watched_and_limited(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert re.search(r":v?\d+\.\d+(\.\d+)?(-\w+)?$", service["image"]), name
        assert "no-new-privileges:true" in service["security_opt"], name
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= limits.keys(), name
        assert service["logging"]["options"]["max-size"], name
        if name not in ENDS_BY_ITSELF | BY_HAND:
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_our_containers_are_read_only_and_without_privileges(
    services: dict[str, dict[str, Any]],
) -> None:
    own = [s for s in services.values() if s["image"].startswith("frontrow")]
    assert len(own) == 6
    for service in own:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert not list(mounts(service))


def test_api_gateway_and_worker_run_twice(services: dict[str, dict[str, Any]]) -> None:
    for name in ("api", "live", "worker"):
        assert default(services[name]["deploy"]["replicas"]) == "2"


def test_each_role_is_checked_on_its_own_health_port(
    services: dict[str, dict[str, Any]],
) -> None:
    settings = load_settings({})
    for role in ROLES:
        service = services[role.name]
        assert service["command"] == [role.name]
        assert service["healthcheck"]["test"] == [
            "CMD",
            "frontrow-ready",
            str(role.port(settings)),
        ]


def test_only_the_proxy_and_the_tools_are_published_and_only_on_loopback(
    services: dict[str, dict[str, Any]],
) -> None:
    published = {name: s["ports"] for name, s in services.items() if s.get("ports")}
    assert set(published) == {"proxy", "mail", "prometheus", "grafana", "load"}
    for ports in published.values():
        for port in ports:
            assert default(port).startswith("127.0.0.1:"), port


def test_prometheus_scrapes_the_addresses_of_the_containers(
    services: dict[str, dict[str, Any]],
) -> None:
    config = YAML(typ="safe").load(DEPLOY / "prometheus/prometheus.yml")
    jobs = {job["job_name"]: job["dns_sd_configs"] for job in config["scrape_configs"]}
    assert set(jobs) == {role.name for role in ROLES}
    settings = load_settings({})
    for role in ROLES:
        (found,) = jobs[role.name]
        assert (found["names"], found["port"]) == ([role.name], role.port(settings))
        shared = set(services[role.name]["networks"]) & set(services["prometheus"]["networks"])
        assert shared, role.name
    (source,) = YAML(typ="safe").load(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"


def test_redis_reaches_maxmemory_before_the_container_limit(
    services: dict[str, dict[str, Any]],
) -> None:
    redis = services["redis"]
    assert redis["deploy"]["resources"]["limits"]["memory"] == "1G"
    command = redis["command"]
    megabytes = int(command[command.index("--maxmemory") + 1].removesuffix("mb"))
    # The rest is for copied memory pages while the append-only file is rewritten.
    assert megabytes <= 0.75 * 1024


def test_the_stores_are_unreachable_from_outside(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    assert compose["networks"]["back"]["internal"] is True
    for name in ("postgres", "redis", "mongo", "postgres-standby"):
        assert names(services[name]["networks"]) == ["back"]
    assert "back" not in names(services["proxy"]["networks"])


def test_only_the_proxy_is_trusted(services: dict[str, dict[str, Any]]) -> None:
    address = services["proxy"]["networks"]["front"]["ipv4_address"]
    for name in ("api", "live"):
        assert services[name]["environment"]["FRONTROW_TRUSTED_PROXIES"] == address


def test_compose_file_contains_no_password(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|_URL_", variable):
                assert variable.endswith(("_FILE", "PASSWORD_FILE")), (name, variable)
                secret = value.removeprefix("/run/secrets/")
                assert secret in service["secrets"], (name, variable)


def test_secrets_are_made_once_and_readable_by_few(compose: dict[str, Any], secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    made = {path.name: path.read_text().strip() for path in secrets.iterdir()}
    assert all(made.values())
    for name, secret in compose["secrets"].items():
        assert Path(secret["file"]) == Path("deploy/secrets") / name
        assert name in made
    assert made["redis_auth"].endswith(
        f"user frontrow on >{made['redis_user_password']} {REDIS_RIGHTS}"
    )
    passwords = [value for name, value in made.items() if not name.endswith(("_url", "_auth"))]
    assert len(set(passwords)) == len(passwords)
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in passwords)
    for path in secrets.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o044 == 0o044, "containers' users read it"

    subprocess.run(["sh", str(secrets.parent / "secrets.sh")], check=True)
    assert made == {path.name: path.read_text().strip() for path in secrets.iterdir()}


@pytest.mark.parametrize("name", ["api", "live", "worker", "migrate"])
def test_every_variable_of_a_service_is_a_setting(
    name: str, services: dict[str, dict[str, Any]], secrets: Path
) -> None:
    environment = {
        key: default(value).replace("/run/secrets", str(secrets))
        for key, value in services[name]["environment"].items()
    }
    settings = load_settings(environment)
    for url, service in (
        (settings.postgres_url, "postgres"),
        (settings.redis_url, "redis"),
        (settings.mongo_url, "mongo"),
    ):
        assert url is not None
        assert re.search(rf"@{service}:\d+/", url)
    assert f"replicaSet={'frontrow'}" in (settings.mongo_url or "")
    # Mails go to a catch-all test server until the file is changed.
    assert settings.smtp_url == "smtp://mail:1025"
    # One origin: the page, the API and the maps.
    assert settings.live_public_url == settings.public_url.replace("http", "ws", 1)
    assert settings.allowed_origins == (settings.public_url,)


def test_git_ignores_secrets() -> None:
    assert {"deploy/secrets/", ".env"} <= set((REPO / ".gitignore").read_text().splitlines())


# --- the image -----------------------------------------------------------------------------


def copied() -> set[str]:
    """The sources of every COPY from the build context."""
    text = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ")
    sources: set[str] = set()
    for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE):
        if not line.startswith("--from="):
            sources.update(shlex.split(line)[:-1])
    return sources


def is_in_context(path: str) -> bool:
    """By Docker's rules: a pattern matches a path or a folder above it, and the last one decides."""
    above = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    inside = True
    for pattern in (REPO / ".dockerignore").read_text().splitlines():
        if not pattern or pattern.startswith("#"):
            continue
        wanted = pattern.removeprefix("!")
        parts = above if not wanted.startswith("**/") else [Path(p).name for p in above]
        if any(fnmatch.fnmatchcase(part, wanted.removeprefix("**/")) for part in parts):
            inside = pattern.startswith("!")
    return inside


def test_every_copied_path_exists_and_is_in_the_build_context() -> None:
    sources = copied()
    assert {"engine", "api", "seatmap", "sql", "pyproject.toml"} <= sources
    for source in sources:
        assert (REPO / source).exists(), source
        assert is_in_context(source), source
    assert is_in_context("engine/lua/hold.lua")


@pytest.mark.parametrize(
    "path",
    [
        "deploy/secrets/token_secret",
        ".env",
        ".git/config",
        ".frontrow/secrets.json",
        "engine/__pycache__/cli.cpython-313.pyc",
        "tests/conftest.py",
    ],
)
def test_private_and_useless_files_stay_out_of_the_build_context(path: str) -> None:
    assert not is_in_context(path)


def test_every_image_runs_as_an_unprivileged_user() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    final = [stage for stage in stages if "ENTRYPOINT" in stage]
    assert len(final) == 2
    for stage in final:
        assert "USER 10001:10001" in stage
        assert "pip install" not in stage, "build tools stay in the build stage"
    assert "ENTRYPOINT" in stages[-1], "a build without a target makes the last stage"


# --- systemd and the Procfile --------------------------------------------------------------


def test_the_procfile_runs_each_role() -> None:
    lines = (REPO / "Procfile").read_text().splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    # And no process that ends by itself: when one ends, a runner stops all.
    assert set(processes) == {role.name for role in ROLES}
    for name, command in processes.items():
        assert command == f".venv/bin/frontrow {name}"
        assert name in cli.commands


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, adapted to an installation on this machine."""
    if shutil.which("systemd-analyze") is None:
        if os.environ.get("CI"):
            pytest.fail("no systemd-analyze")
        pytest.skip("no systemd-analyze; on Debian and Ubuntu: apt-get install systemd")
    folder = tmp_path / "units"
    shutil.copytree(DEPLOY / "systemd", folder)
    for file in folder.rglob("*.*"):
        if file.is_file():
            file.write_text(file.read_text().replace("/opt/frontrow", str(REPO)))
    return folder


INSTANCES = ("migrate", "api@8000", "live@8021", "worker@8002")


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:", "SYSTEMD_COLORS": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_systemd_accepts_every_line_of_the_units(units: Path) -> None:
    wanted = [f"frontrow-{name}.service" for name in INSTANCES]
    done = analyze(units, "verify", "--man=no", "frontrow.target", *wanted)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", INSTANCES)
def test_systemd_rates_each_unit_as_well_confined(units: Path, name: str) -> None:
    done = analyze(units, "security", "--offline=yes", "--threshold=20", f"frontrow-{name}.service")
    assert done.returncode == 0, done.stdout


def test_a_service_can_read_proc_for_its_metrics() -> None:
    """prometheus-client exports no `process_*` at all without /proc/stat, which `pid` leaves out."""
    text = (DEPLOY / "systemd/frontrow-.service.d/common.conf").read_text()
    assert not re.search(r"^ProcSubset=pid", text, re.MULTILINE)


def test_systemd_restarts_a_service_without_end() -> None:
    text = (DEPLOY / "systemd/frontrow-.service.d/common.conf").read_text()
    unit = text.split("[Service]")[0]
    assert re.search(r"^\[Unit\](\n#.*)*\nStartLimitIntervalSec=0$", unit, re.MULTILINE)
    for file in (DEPLOY / "systemd").glob("frontrow-*.service"):
        assert re.search(r"^Restart=(always|on-failure)$", file.read_text(), re.M), file.name


def test_every_credential_of_a_unit_is_read_by_a_setting(tmp_path: Path) -> None:
    """Each credential is loaded, and read by the setting of the same name."""
    text = (DEPLOY / "systemd/frontrow-.service.d/common.conf").read_text()
    loaded = dict(re.findall(r"^LoadCredential=(\w+):(\S+)$", text, re.MULTILINE))
    read = dict(re.findall(r"^Environment=(FRONTROW_\w+_FILE)=%d/(\w+)$", text, re.MULTILINE))
    assert set(read.values()) == set(loaded)
    assert all(path == f"/etc/frontrow/secrets/{name}" for name, path in loaded.items())
    for variable, name in read.items():
        assert variable == f"FRONTROW_{name.upper()}_FILE"
        # An unknown setting would be refused by its name, a known one for its file.
        with pytest.raises(Exception, match=f"{variable}: cannot read"):
            load_settings({variable: str(tmp_path / "missing")})


def test_each_units_command_and_settings_exist(tmp_path: Path) -> None:
    for file in (DEPLOY / "systemd").glob("*.service"):
        text = file.read_text()
        loaded = re.findall(r"^LoadCredential=(\w+):/etc/frontrow/secrets/(\w+)$", text, re.M)
        read = re.findall(r"=%d/(\w+)$", text, re.MULTILINE)
        assert loaded == [(name, name) for name in read], file.name
        for name in read:
            # Only PostgreSQL's logins differ from unit to unit.
            (tmp_path / name).write_text("postgresql://frontrow:secret@db.example:5432/frontrow")
        command = re.findall(r"^ExecStart=/opt/frontrow/\.venv/bin/frontrow (\w+)$", text, re.M)
        assert len(command) == 1
        assert command[0] in cli.commands
        pairs = " ".join(re.findall(r"^Environment=(.*)$", text, re.MULTILINE)).split()
        given = dict(pair.split("=", 1) for pair in pairs)
        load_settings(
            {
                name: value.replace("%i", "8123").replace("%d", str(tmp_path))
                for name, value in given.items()
            }
        )
