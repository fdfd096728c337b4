"""A wrong setting is refused with its name, the value read, and an example; secrets stay hidden."""

from pathlib import Path

import pytest

from engine.base.config import ConfigError, Settings, load_settings, mask


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load_settings({"PATH": "/bin"}) == Settings()


def test_every_kind_of_value_is_read() -> None:
    settings = load_settings(
        {
            "FRONTROW_API_PORT": "9000",
            "FRONTROW_GATEWAY_TIMEOUT_S": "2.5",
            "FRONTROW_REDIS_URL": "redis://:secret@cache.example:6379/0",
            "FRONTROW_ALLOWED_ORIGINS": "https://a.example, https://b.example,",
            "FRONTROW_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "FRONTROW_LIVE_REUSE_PORT": "true",
            "FRONTROW_LIVE_METRICS_PORT": "8021",
        }
    )
    assert settings.api_port == 9000
    assert settings.gateway_timeout_s == 2.5
    assert settings.redis_url == "redis://:secret@cache.example:6379/0"
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.live_reuse_port is True
    assert settings.live_metrics_port == 8021


def test_the_list_of_trusted_proxies_may_be_empty() -> None:
    assert load_settings({"FRONTROW_TRUSTED_PROXIES": ""}).trusted_proxies == ()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("FRONTROW_API_PORT", "eighty", "'eighty'"),
        ("FRONTROW_API_PORT", "0", "'0'"),
        ("FRONTROW_API_PORT", "65536", "'65536'"),
        ("FRONTROW_GATEWAY_TIMEOUT_S", "-1", "'-1'"),
        ("FRONTROW_POSTGRES_URL", "mysql://localhost/frontrow", "'mysql://localhost/frontrow'"),
        ("FRONTROW_POSTGRES_URL", "postgresql:///frontrow", "'postgresql:///frontrow'"),
        ("FRONTROW_REDIS_URL", "redis://host:port", "'redis://host:port'"),
        ("FRONTROW_MONGO_URL", "http://localhost", "'http://localhost'"),
        ("FRONTROW_LIVE_PUBLIC_URL", "http://localhost:8001", "'http://localhost:8001'"),
        ("FRONTROW_LOG_FORMAT", "xml", "'xml'"),
        ("FRONTROW_LOG_LEVEL", "loud", "'loud'"),
        ("FRONTROW_HOLD_MAX_S", "10", "'10'"),
        ("FRONTROW_TRUSTED_PROXIES", "::1,10.0.0.1/8", "'::1,10.0.0.1/8'"),
        ("FRONTROW_TRUSTED_PROXIES", "proxy.example", "'proxy.example'"),
        ("FRONTROW_LIVE_REUSE_PORT", "perhaps", "'perhaps'"),
        ("FRONTROW_LIVE_METRICS_PORT", "0", "'0'"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(name: str, value: str, shown: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({name: value})
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert shown in message
    assert f"{name}=" in message, "there is an example"
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("FRONTROW_API_PROT", "; did you mean FRONTROW_API_PORT?"),
        ("FRONTROW_POSTGRESQL_URL", "; did you mean FRONTROW_POSTGRES_URL?"),
        ("FRONTROW_REDIS_ULR_FILE", "; did you mean FRONTROW_REDIS_URL?"),
        ("FRONTROW_DEBUG", "; docs/operations.md lists them all"),
        ("FRONTROW_" + "X" * 10_000, "; docs/operations.md lists them all"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_name(name: str, advice: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({name: "1"})
    assert str(refused.value) == f"{name}: no such setting{advice}"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("FRONTROW_API_PORT", "a whole number from 1 to 65535"),
        ("FRONTROW_LIVE_METRICS_PORT", "a whole number from 1 to 65535"),
        ("FRONTROW_GATEWAY_TIMEOUT_S", "a number above 0"),
        ("FRONTROW_LIVE_REUSE_PORT", "true or false"),
    ],
)
def test_a_wrong_value_is_refused_with_what_it_must_be(name: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: must be {wanted} \\(read: 'so'\\)"):
        load_settings({name: "so"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRONTROW_POSTGRES_URL", "postgrsql://frontrow:hunter2@db.example/frontrow"),
        ("FRONTROW_REDIS_URL", "redis//:hunter2@cache.example"),
        ("FRONTROW_TOKEN_SECRET", "hunter2"),
    ],
)
def test_secrets_are_never_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({name: value})
    assert "hunter2" not in str(refused.value)


def test_mask_hides_only_the_password() -> None:
    assert mask("postgresql://u:hunter2@h:1/d") == "postgresql://u:***@h:1/d"
    assert mask("redis://:hunter2@h:1/0") == "redis://:***@h:1/0"
    assert mask("redis://h:1/0") == "redis://h:1/0"


def test_a_setting_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:hunter2@h:1/d\n")
    (tmp_path / "port").write_text("9000")
    settings = load_settings(
        {
            "FRONTROW_POSTGRES_URL_FILE": str(tmp_path / "url"),
            "FRONTROW_API_PORT_FILE": str(tmp_path / "port"),
        }
    )
    assert settings.postgres_url == "postgresql://u:hunter2@h:1/d"
    assert settings.api_port == 9000


def test_a_wrong_value_in_a_file_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    with pytest.raises(ConfigError, match=r"^FRONTROW_TOKEN_SECRET: needs at least 32") as refused:
        load_settings({"FRONTROW_TOKEN_SECRET_FILE": str(tmp_path / "secret")})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff\xfe", "it is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        load_settings({"FRONTROW_TOKEN_SECRET_FILE": str(file)})
    assert str(refused.value) == (
        f"FRONTROW_TOKEN_SECRET_FILE: cannot read {str(file)!r}: {why}; "
        "name a file that this user may read"
    )


def test_a_setting_and_its_file_are_refused_together() -> None:
    with pytest.raises(ConfigError, match=r"FRONTROW_API_PORT and FRONTROW_API_PORT_FILE are both"):
        load_settings({"FRONTROW_API_PORT": "1", "FRONTROW_API_PORT_FILE": "/nowhere"})


def test_a_file_for_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ConfigError, match="FRONTROW_PROT_FILE: no such setting"):
        load_settings({"FRONTROW_PROT_FILE": "/nowhere"})


@pytest.mark.parametrize("name", ["TOKEN_SECRET", "ORGANISER_KEY"])
@pytest.mark.parametrize(
    "value", ["x", "x" * 31, "x" * 32, "abcabc" * 8, "a key with blanks " * 3, "ü" * 40]
)
def test_a_secret_that_is_guessed_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^FRONTROW_{name}: ") as refused:
        load_settings({f"FRONTROW_{name}": value})
    assert value not in str(refused.value) or value == "x"


def test_settings_show_no_secret() -> None:
    settings = load_settings(
        {
            "FRONTROW_TOKEN_SECRET": "an-unusual-secret-with-enough-length",
            "FRONTROW_ORGANISER_KEY": "another-odd-key-with-enough-letters",
            "FRONTROW_POSTGRES_URL": "postgresql://me:hush-hush@db/x?sslpassword=hush-too",
            "FRONTROW_SMTP_URL": "smtp://me:hush-mail@mail.example:587",
            "FRONTROW_MAIL_FROM": "tickets@theatre.example",
        }
    )
    for shown in (repr(settings), str(settings), str(settings.__rich_repr__()), f"{[settings]}"):
        assert "db/x" in shown
        for secret in ("unusual", "another-odd", "hush"):
            assert secret not in shown
