"""Which spellings are one mailbox for the limit per buyer, and which are different ones."""

import pytest

from engine.sales.marks import card_mark, email_mark


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@Example.COM"),
        ("ada@example.com", "ada+tickets@example.com"),
        ("ada@example.com", "\uff41da@example.com"),
        ("a.da@gmail.com", "ada+x@googlemail.com"),
        ("ada@b\u00fccher.example", "ada@xn--bcher-kva.example"),
        ("ada@example.com", "ada@example.com."),
        ("stra\u00dfe@example.com", "STRASSE@example.com"),
    ],
)
def test_spellings_of_one_mailbox_have_one_mark(one: str, other: str) -> None:
    assert email_mark(one) == email_mark(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("a.da@example.com", "ada@example.com"),
        ("+a@example.com", "+b@example.com"),
        ("...@gmail.com", "ada@gmail.com"),
    ],
)
def test_different_mailboxes_have_different_marks(one: str, other: str) -> None:
    assert email_mark(one) != email_mark(other)


def test_a_card_is_marked_per_gateway() -> None:
    assert card_mark("sandbox", None) is None
    assert card_mark("sandbox", "4242") != card_mark("stripe", "4242")
    assert card_mark("sandbox", "4242") == card_mark("sandbox", "4242")
