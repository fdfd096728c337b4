"""Taglines, pictures and languages: what is accepted, and documents of before these fields."""

from typing import Any

import pytest

from engine.base.errors import InvalidInput
from engine.catalog.showing import checked_image_url, checked_language, checked_tagline, lifted


@pytest.mark.parametrize(
    "url",
    [
        "https://img.example/seagull.jpg",
        "https://img.example:8443/a/b.webp?w=800&h=500#top",
        "https://bücher.example/möwe.png",
        "https://192.0.2.7/x",
    ],
)
def test_an_https_address_is_kept_as_it_is(url: str) -> None:
    assert checked_image_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://img.example/seagull.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AA==",
        "//img.example/x.png",
        "/web/icon.svg",
        "https://",
        "https:///x.png",
        "https://user:secret@img.example/x.png",
        "https://img.example\\@evil.example/x.png",
        "https://img.example/a b.png",
        "https://img.example/\nx.png",
        "https://img.example/\x00",
        "https://img.example/\u2028",
        'https://img.example/"onerror="x',
        "https://img.example:port/x.png",
        "https://img.example:99999/x.png",
        " https://img.example/x.png",
        "https://img.example/" + "x" * 2000,
    ],
)
def test_any_other_address_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"^image_url: "):
        checked_image_url(url)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("de", "de"),
        ("DE-at", "de-AT"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("gsw", "gsw"),
        ("de-1996", "de-1996"),
        ("sl-ROZAJ-biske", "sl-rozaj-biske"),
        ("", None),
        (None, None),
    ],
)
def test_a_language_tag_is_kept_in_its_usual_case(given: str | None, kept: str | None) -> None:
    assert checked_language(given) == kept


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "german",
            "d",
            "de_AT",
            "de-",
            "-de",
            "de--AT",
            "12",
            "de-A",
            "dé",
            "de\n",
            "*",
            "i-klingon",
        ),
        "de-1996-1996",
        "en-" + "-".join(f"varian{n}" for n in range(6)),
    ],
)
def test_another_text_is_no_language(tag: str) -> None:
    with pytest.raises(InvalidInput, match=r"^language: .* for example de"):
        checked_language(tag)


def test_a_tagline_is_one_line() -> None:
    assert checked_tagline(" Zwölf Saiten ") == "Zwölf Saiten"
    for text in ("two\nlines", "two\u2028lines", "a\x00b", "tab\there"):
        with pytest.raises(InvalidInput, match=r"^tagline: "):
            checked_tagline(text)


def test_a_document_of_before_gets_its_fields_from_its_metadata() -> None:
    url = "https://img.example/x.png"
    named = {"tagline": "Bring a scarf", "image_url": url, "language": "DE"}
    before = {"metadata": named | {"age": "12+"}}
    after = lifted(before)
    assert (after["tagline"], after["image_url"]) == ("Bring a scarf", url)
    assert after["language"] == "de"
    assert after["metadata"] == {"age": "12+"}
    assert before["metadata"]["tagline"], "what was read is not changed"
    # Once the fields are stored they alone count: metadata may use the words as it likes.
    stored = {"tagline": "", "image_url": None, "metadata": {"tagline": "mine"}}
    assert lifted(stored) == stored


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"tagline": 7, "image_url": "javascript:alert(1)"},
        {"tagline": "two\nlines", "image_url": ["x"], "language": "german"},
        {"tagline": "x" * 201, "image_url": "/web/icon.svg"},
    ],
)
def test_what_is_not_valid_stays_metadata(metadata: dict[str, Any]) -> None:
    after = lifted({"metadata": metadata})
    assert (after["tagline"], after["image_url"], after["metadata"]) == ("", None, metadata)
