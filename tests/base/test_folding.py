"""Texts that people take for the same are the same when folded; texts of other letters are not."""

import unicodedata

import pytest

from engine.base.folding import folded


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("Soirée Célice au Café", "soiree celice au cafe"),
        ("Soirée", unicodedata.normalize("NFD", "Soirée")),
        ("O’Hara’s", "O'Hara's"),
        ("O’Hara’s", "oharas"),
        ("O`Hara´s", "OʼHara＇s"),
        ("Ka‘aha‘aina", "Kaʻahaʻaina"),
        ("„Nachts“", "«nachts»"),
        ("Smørgåsbord", "SMORGASBORD"),
        ("Łódź", "lodz"),
        ("Straße", "STRASSE"),
        ("GROẞ", "gross"),
        ("Æsop", "aesop"),
        ("Cœur", "coeur"),
        ("Đà Nẵng", "da nang"),
        ("Ísafjörður", "isafjordur"),
        ("Þingvellir", "thingvellir"),
        ("İstanbul", "istanbul"),
        ("Diyarbakır", "DIYARBAKIR"),
        ("Οδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
        ("Ёлка", "елка"),
        ("ＪＡＺＺ　１２", "jazz 12"),
        ("ﾗｲﾌﾞ", "ライブ"),
        ("ﬁnale", "finale"),
        ("Rock–Pop", "rock-pop"),
        ("soft\u00adly", "softly"),
        ("می‌خواهم", "میخواهم"),
        ("مُحَمَّد", "محمد"),
        ("שָׁלוֹם", "שלום"),
        ("서울", unicodedata.normalize("NFD", "서울")),
        ("❤️", "❤"),
        ("  two \t words\n", "two words"),
    ],
)
def test_two_ways_of_writing_are_one(stored: str, typed: str) -> None:
    assert folded(stored) == folded(typed)
    assert folded(folded(stored)) == folded(stored)


@pytest.mark.parametrize(
    ("one", "other"), [("か", "が"), ("wind", "winds"), ("мир", "мэр"), ("क", "क्"), ("a", "b")]
)
def test_other_letters_stay_others(one: str, other: str) -> None:
    assert folded(one) != folded(other)
