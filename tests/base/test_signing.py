"""Content signed for one purpose, and the texts that are accepted."""

import pytest

from engine.base.signing import Signer

SECRET = "a-secret-of-more-than-thirty-two-characters"


def test_signed_content_is_read_back() -> None:
    signer = Signer(SECRET, "frontrow/test/1")
    assert signer.read(signer.sign(b"booking 7")) == b"booking 7"


@pytest.mark.parametrize(
    "other", [Signer(SECRET, "frontrow/test/2"), Signer(SECRET[::-1], "frontrow/test/1")]
)
def test_content_signed_for_another_purpose_or_secret_is_refused(other: Signer) -> None:
    assert other.read(Signer(SECRET, "frontrow/test/1").sign(b"booking 7")) is None


@pytest.mark.parametrize("text", ["", "!", "ä", "AAAA", "A" * 10_000])
def test_any_other_text_is_refused(text: str) -> None:
    assert Signer(SECRET, "frontrow/test/1").read(text) is None


def test_every_changed_character_is_noticed() -> None:
    signer = Signer(SECRET, "frontrow/test/1")
    signed = signer.sign(b"booking 7!!")
    for at, old in enumerate(signed):
        changed = signed[:at] + ("A" if old != "A" else "B") + signed[at + 1 :]
        assert signer.read(changed) is None
