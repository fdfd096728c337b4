"""The page's words: every key in every catalogue, none unused, and each language with its own plurals."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
CODES = sorted(path.name.split(".")[1] for path in WEB.glob("texts.*.js"))
#: `text("key"`, `text(condition ? "key" : "other"`; `text(`prefix.${…}`` names all keys of the prefix.
CALL = re.compile(r"\btext\(")
ATTRIBUTE = re.compile(r'\bdata-(text|say|any)(-[\w-]+)?="([^"]+)"')
PLACEHOLDER = re.compile(r"\{(\w+)\}")

#: What a buyer can be refused for, besides what the page explains with its own words.
PROBLEMS = {
    f"problem.{code}"
    for code in (
        *(
            "already-waiting",
            "booking-not-found",
            "checkout-not-begun",
            "entry-ended",
            "entry-not-waiting",
        ),
        *("event-begun", "event-cancelled", "event-not-found", "event-not-on-sale", "gone"),
        *("hold-in-payment", "hold-not-found", "internal", "invalid-request", "limit-reached"),
        *("network-limit", "network-paused", "not-allowed", "not-authenticated", "not-found"),
        *(
            "offer-ended",
            "outcome-unknown",
            "overloaded",
            "payments-unavailable",
            "precondition-failed",
        ),
        *(
            "proof-needed",
            "request-in-flight",
            "request-timeout",
            "seat-resting",
            "seat-unavailable",
        ),
        *("still-on-sale", "too-many-requests", "too-many-payments", "unavailable"),
        *("waitlist-closed", "wish-impossible"),
    )
}
Phrase = str | dict[str, str]
Texts = dict[str, Phrase]


def _catalogue(code: str) -> Texts:
    """Catalogues are plain enough to be read as JSON: keys at the line's beginning, texts in quotes."""
    source = (
        (WEB / f"texts.{code}.js").read_text().split("export default ", 1)[1].rstrip().rstrip(";")
    )
    source = re.sub(r"^\s*//.*$", "", source, flags=re.M)
    source = re.sub(r'([{,]\s*)(\w+):(?= ["{])', r'\1"\2":', source)
    texts: Texts = json.loads(re.sub(r",(\s*})", r"\1", source), object_pairs_hook=_unrepeated)
    return texts


def _unrepeated(pairs: list[tuple[str, Phrase]]) -> dict[str, Phrase]:
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), [key for key in keys if keys.count(key) > 1]
    return dict(pairs)


CATALOGUES = {code: _catalogue(code) for code in CODES}
ENGLISH = CATALOGUES["en"]


def _first_argument(source: str, start: int) -> str:
    depth = 0
    for end in range(start, len(source)):
        char = source[end]
        depth += (char in "([{") - (char in ")]}")
        if depth < 0 or (depth == 0 and char == ","):
            return source[start:end]
    raise AssertionError(source[start : start + 80])


def _written(template: str) -> list[str]:
    """The keys that a template gives: with each of an expression's texts; or, if it has none, any ending."""
    keys = [""]
    for fixed, expression in re.findall(r"([^$]*)(?:\$\{([^}]*)\})?", template):
        keys = [key + fixed for key in keys]
        if expression:
            ends = re.findall(r'"([^"]+)"', re.sub(r"[=!]==? \"[^\"]*\"", "", expression))
            keys = [key + end for key in keys for end in ends or ["*"]]
    return [key for key in keys if key != "*"]


def _used() -> tuple[dict[str, str], dict[str, str]]:
    """Keys, and beginnings of keys, with the file that names each."""
    keys: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for path in sorted(WEB.glob("*.js")):
        source = path.read_text()
        for call in CALL.finditer(source):
            if source[: call.start()].endswith("function "):
                continue
            argument = _first_argument(source, call.end())
            for template in re.findall(r"`([^`]+)`", argument):
                for key in _written(template):
                    (prefixes if key.endswith("*") else keys)[key.rstrip("*")] = path.name
            # What is compared with is no key.
            argument = re.sub(r"[=!]==? \"[^\"]*\"", "", re.sub(r"`[^`]*`", "", argument))
            argument = re.sub(r"\[[^\]]*\]", "", argument)
            for key in re.findall(r'"([^"]+)"', argument):
                keys[key] = path.name
    for path in sorted(WEB.glob("*.html")):
        keys |= {found[3]: path.name for found in ATTRIBUTE.finditer(path.read_text())}
    # The zoom buttons' names.
    keys |= dict.fromkeys(["zoomIn", "zoomOut", "zoomAll"], "drawing.js")
    return keys, prefixes


def _forms(phrase: Phrase) -> dict[str, str]:
    if isinstance(phrase, str):
        return {"": phrase}
    return {form: words for form, words in phrase.items() if form != "type"}


def test_english_and_german_are_there() -> None:
    assert {"en", "de"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_every_text_that_the_page_asks_for(code: str) -> None:
    keys, prefixes = _used()
    assert len(keys) > 150
    assert {key: file for key, file in keys.items() if key not in CATALOGUES[code]} == {}
    lost = {p: f for p, f in prefixes.items() if not any(k.startswith(p) for k in CATALOGUES[code])}
    assert lost == {}


@pytest.mark.parametrize("code", CODES)
def test_a_catalogue_has_no_text_that_nothing_asks_for(code: str) -> None:
    keys, prefixes = _used()
    known = CATALOGUES[code].keys() - PROBLEMS
    unused = [k for k in known if k not in keys and not k.startswith(tuple(prefixes))]
    assert unused == []


@pytest.mark.parametrize("code", CODES)
def test_catalogues_have_the_same_keys_and_placeholders(code: str) -> None:
    # Problems are the server's own words in English, and sentences of the page in other languages.
    other = {k: v for k, v in CATALOGUES[code].items() if k not in PROBLEMS}
    if code != "en":
        assert CATALOGUES[code].keys() >= PROBLEMS
    assert other.keys() ^ ENGLISH.keys() == set()
    assert list(other) == list(ENGLISH), "in the same order, so that they can be read side by side"
    for key, phrase in other.items():
        if ENGLISH[key] == "{detail}":
            continue
        names = [set(PLACEHOLDER.findall(words)) for words in _forms(phrase).values()]
        english = [set(PLACEHOLDER.findall(words)) for words in _forms(ENGLISH[key]).values()]
        # One thing may be written without its number, or many without the thing's name.
        assert set().union(*names) == set().union(*english), key
        assert all(words.strip() == words != "" for words in _forms(phrase).values()), key


@pytest.mark.parametrize("code", CODES)
async def test_plural_texts_have_the_categories_of_their_language(
    browser: Browser, code: str
) -> None:
    page = await browser.new_page()
    ask = """([code, type]) =>
        new Intl.PluralRules(code, { type }).resolvedOptions().pluralCategories.sort()"""
    needed = {kind: await page.evaluate(ask, [code, kind]) for kind in ("cardinal", "ordinal")}
    await page.close()
    for key, phrase in CATALOGUES[code].items():
        if isinstance(phrase, dict):
            assert sorted(_forms(phrase)) == needed[phrase.get("type", "cardinal")], key


@pytest.mark.parametrize("path", sorted(WEB.glob("*.html")), ids=lambda path: path.name)
def test_the_markup_has_the_english_text_of_its_keys(path: Path) -> None:
    """Without scripts the page is readable, and a catalogue's correction reaches it, too."""
    source = path.read_text()
    for tag in re.finditer(r"<(\w[\w-]*)([^<>]*)>([^<]*)(<input[^>]*>)?([^<]*)", source):
        for _, attribute, key in ATTRIBUTE.findall(tag[2]):
            if f'data-say="{key}"' in tag[2] or f'data-any="{key}"' in tag[2]:
                continue
            words = ENGLISH[key]
            assert isinstance(words, str)
            if attribute:
                assert f'{attribute[1:]}="{words}"' in tag[2], key
            else:
                assert words in (tag[3].strip(), tag[5].strip()), key


@pytest.mark.parametrize("path", sorted(WEB.glob("*.html")), ids=lambda path: path.name)
def test_no_words_of_the_markup_are_outside_the_catalogue(path: Path) -> None:
    source = re.sub(
        r"<!--.*?-->|<noscript>.*?</noscript>|<head>.*?(?=<title)", "", path.read_text(), flags=re.S
    )
    for tag in re.finditer(r"<(\w[\w-]*)([^<>]*)>(\s*<(?:input|img)[^>]*>)?([^<]*)", source):
        words = tag[4].strip()
        # A language's own name is the same in every language.
        if re.search(r"[^\W\d_]", words) and words not in {
            "Frontrow",
            "&nbsp;",
            "Deutsch",
            "English",
        }:
            assert "data-text=" in tag[2], words
        for name in re.findall(r'(?<![\w-])(aria-label|placeholder|title|alt)="[^"]', tag[2]):
            assert f"data-text-{name}=" in tag[2], tag[0]
