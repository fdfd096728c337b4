"""Access tokens: for whom, for how long, of which version, and by whose clock."""

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from api.auth import Tokens
from engine.base.errors import NotAuthenticated

SECRET = "a-secret-of-more-than-thirty-two-characters"
NOW = 1_900_000_000.0
DAY = 86_400
WEEK = 7 * DAY
ADA = "01980000-0000-7000-8000-00000000ada0"


def tokens_at(now: float, ttl_s: int = WEEK) -> Tokens:
    return Tokens(SECRET, ttl_s=ttl_s, clock=lambda: now)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def made(**claims: Any) -> str:
    usual = {"sub": ADA, "aud": "frontrow", "iat": int(NOW), "exp": int(NOW) + WEEK}
    given = {k: v for k, v in {**usual, **claims}.items() if v is not None}
    return bearer(jwt.encode(given, claims.pop("key", SECRET), "HS256"))


def refused(ask: Callable[[], object]) -> None:
    with pytest.raises(NotAuthenticated):
        ask()


@pytest.mark.parametrize("skew_s", [-600, -0.4, 0, 0.4, 600])
@pytest.mark.parametrize("ttl_s", [WEEK, 900])
def test_servers_with_other_clocks_take_each_others_tokens(skew_s: float, ttl_s: int) -> None:
    issuer, other = tokens_at(NOW + skew_s), tokens_at(NOW)
    for _ in range(40):
        assert other.subject(bearer(issuer.issue(ADA, ttl_s=ttl_s))) == ADA


def test_a_token_expires() -> None:
    token = bearer(tokens_at(NOW).issue(ADA, ttl_s=900))
    assert tokens_at(NOW + 900 + 29).subject(token) == ADA
    refused(lambda: tokens_at(NOW + 900 + 30).subject(token))
    clock = [NOW]
    tokens = Tokens(SECRET, ttl_s=WEEK, clock=lambda: clock[0])
    assert tokens.subject(token) == ADA
    # Also for a process that has it in its cache.
    clock[0] = NOW + 1000
    refused(lambda: tokens.subject(token))


@pytest.mark.parametrize(
    "token",
    [
        made(aud=None),
        made(aud="somebody else"),
        made(aud=["frontrow"]),
        made(sub=""),
        made(sub=None),
        made(sub=7),
        made(exp=None),
        made(exp="never"),
        made(ver="1"),
        made(key="another-secret-of-more-than-thirty-two-characters"),
        bearer(jwt.encode({"sub": ADA, "aud": "frontrow", "exp": NOW + WEEK}, "", "none")),
        bearer("x.y.z"),
        bearer(""),
        bearer("é" * 100),
        bearer("a" * 5000),
        "Basic eA==",
        "",
        None,
    ],
)
def test_a_token_that_we_did_not_issue_is_refused(token: str | None) -> None:
    refused(lambda: tokens_at(NOW).subject(token))


def test_tokens_of_earlier_versions_are_refused() -> None:
    tokens = tokens_at(NOW)
    guest, first, second = (bearer(tokens.issue(ADA, version=v)) for v in (0, 1, 2))
    versions: dict[str, int] = {}
    tokens.versions = versions
    assert {tokens.subject(token) for token in (guest, first, second)} == {ADA}
    versions[ADA] = 1
    refused(lambda: tokens.subject(guest))
    refused(lambda: tokens.renewable(guest))
    assert tokens.subject(first) == ADA
    versions[ADA] = 2
    refused(lambda: tokens.subject(first))
    assert tokens.subject(second) == ADA


def test_a_guests_token_is_renewed_also_when_it_has_expired() -> None:
    token = bearer(tokens_at(NOW).issue(ADA))

    def found(now: float, token: str = token) -> tuple[str, bool, bool]:
        known = tokens_at(now).renewable(token)
        return known.subject, known.is_past, known.has_expired

    assert found(NOW + DAY) == (ADA, False, False)
    assert found(NOW + WEEK + DAY) == (ADA, True, True)
    assert found(NOW + WEEK + 399 * DAY) == (ADA, True, True)
    refused(lambda: found(NOW + WEEK + 401 * DAY))
    # Earlier tokens had no audience: they give no access, but they name the same guest.
    assert found(NOW, made(aud=None)) == (ADA, True, False)
    # An account gets a new token by its refresh token.
    refused(lambda: found(NOW, bearer(tokens_at(NOW).issue(ADA, version=1))))
    refused(lambda: found(NOW, made(aud="somebody else")))


def test_an_earlier_token_still_names_its_person() -> None:
    token = bearer(tokens_at(NOW).issue(ADA, version=3, ttl_s=900))
    assert tokens_at(NOW + 300 * DAY).earlier_subject(token) == ADA
    assert tokens_at(NOW + 401 * DAY).earlier_subject(token) is None
    assert tokens_at(NOW).earlier_subject(made(key="x" * 40)) is None
    assert tokens_at(NOW).earlier_subject(None) is None
