"""The parts of mails: server URLs, words, addresses, the product's templates."""

import email
import email.policy
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from engine.base.config import ConfigError, load_settings
from engine.base.model import Money
from engine.base.server_url import parse_server_url
from engine.base.zones import zone
from engine.notifications import formatting
from engine.notifications.mime import Unwritable, build_envelope
from engine.notifications.model import TOPICS, MailKind, Picture, Texts, Written
from engine.notifications.rendering import (
    PRODUCT_LANGUAGES,
    Template,
    TemplateBroken,
    product_template,
)
from engine.notifications.samples import sample_letters
from engine.notifications.template_versions import _version_before
from engine.people.model import EmailPreferences

SITE = "https://tickets.example"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, False, "auto", None, None)),
        ("smtp://mail.example:587", ("mail.example", 587, False, "auto", None, None)),
        ("smtps://mail.example", ("mail.example", 465, True, "never", None, None)),
        ("smtp://u%40x:p%2Fw@[::1]:2525/", ("::1", 2525, False, "always", "u@x", "p/w")),
        ("smtp://u:p@h?starttls=never", ("h", 25, False, "never", "u", "p")),
        ("smtp://h?starttls=always", ("h", 25, False, "always", None, None)),
    ],
)
def test_server_urls_are_parsed(url: str, expected: tuple[object, ...]) -> None:
    found = parse_server_url(url)
    assert (
        found.host,
        found.port,
        found.tls,
        found.starttls,
        found.username,
        found.password,
    ) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "smtp://",
        "smtp://h:x",
        "smtp://h/inbox",
        "smtp://h?tls=1",
        "smtp://h?starttls=perhaps",
    ],
)
def test_wrong_server_urls_are_refused_with_the_password_masked(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_server_url(url)
    with pytest.raises(ConfigError) as refused:
        load_settings({"FRONTROW_SMTP_URL": url.replace("//h", "//user:s3cret@h")})
    assert "FRONTROW_SMTP_URL" in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_FROM", "nobody"),
        ("MAIL_FROM", "A <a@b.c"),
        ("MAIL_FROM", "A <a@b.c>\r\nBcc: d@e.f"),
        ("MAIL_REPLY_TO", "x"),
        ("MAIL_LANGUAGE", "English"),
        ("MAIL_PER_SECOND", "0"),
        # Sending mail requires a sender address.
        ("SMTP_URL", "smtp://mail.example"),
    ],
)
def test_wrong_mail_settings_are_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        load_settings({f"FRONTROW_{name}": value})


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german", "french"),
    [
        (15000, "EUR", "€150.00", "150,00\u00a0€", "150.00 EUR"),
        (1_234_567_89, "USD", "$1,234,567.89", "1.234.567,89\u00a0$", "1234567.89 USD"),
        (15000, "JPY", "¥15,000", "15.000\u00a0¥", "15000 JPY"),
        (1500, "SEK", "15.00\u00a0SEK", "15,00\u00a0SEK", "15.00 SEK"),
        (1500, "KWD", "1.500\u00a0KWD", "1,500\u00a0KWD", "1.500 KWD"),
        (0, "EUR", "€0.00", "0,00\u00a0€", "0.00 EUR"),
    ],
)
def test_amounts_are_written_in_the_readers_language(
    amount: int, currency: str, english: str, german: str, french: str
) -> None:
    price = Money(amount, currency)
    found = [formatting.money(price, language) for language in ("en-GB", "de", "fr")]
    assert found == [english, german, french]


def test_times_are_written_in_the_venues_time_zone() -> None:
    moment = datetime(2027, 5, 1, 22, 30, tzinfo=UTC).astimezone(zone("Europe/Berlin"))
    assert formatting.day_and_clock(moment, "en") == "Sunday, 2 May 2027, 00:30"
    assert formatting.day_and_clock(moment, "de-AT") == "Sonntag, 2. Mai 2027, 00:30 Uhr"
    assert formatting.clock(moment, "de", with_zone=True) == "00:30 Uhr UTC+2"
    assert formatting.day_and_clock(moment, "fr", with_zone=True) == "2027-05-02, 00:30 UTC+2"


# Addresses and headers


def envelope(written: Written | None = None, **fields: object) -> bytes:
    given: dict[str, object] = {
        "message_id": "id",
        "mail_from": "City <a@theatre.example>",
        "reply_to": "",
        "name": "Ada",
        "email": "ada@example.com",
        "language": "en",
        "kind": "welcome",
        "unsubscribe_url": None,
        **fields,
    }
    written = written or Written(subject="S", html="<p>é</p>", text="é\n.\nFrom x\n")
    return build_envelope(written, [Picture("p-1", b"png")], **given).message  # type: ignore[arg-type]


def test_the_envelope_and_the_to_field_have_the_domain_in_ascii() -> None:
    message = envelope(email="ada@straße.example")
    assert b"\r\nTo: Ada <ada@xn--strae-oqa.example>\r\n" in b"\r\n" + message
    assert "strasse" not in message.decode()


@pytest.mark.parametrize("email", ["a>b@x.de", "a\r\n@x.de", "a@-x.de", "a@x..de"])
def test_an_address_that_no_server_accepts_is_refused(email: str) -> None:
    with pytest.raises(Unwritable):
        envelope(email=email)


def test_joiners_stay_in_the_subject_and_in_names() -> None:
    subject, name = "ශ්‍රී ලංකා රාත්‍රිය 👩‍🎤 می‌خواهم", "مهدی‌زاده"
    written = Written(subject=subject, html="<p>x</p>", text="x\n")
    parsed = email.message_from_bytes(envelope(written, name=name), policy=email.policy.default)
    assert parsed["Subject"] == subject
    assert parsed["To"].addresses[0].display_name == name


def test_no_name_becomes_a_header() -> None:
    message = envelope(name="Ada\r\nBcc: eve@example.com\x00", language="en")
    head = message.partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc:" not in head
    assert b'\r\nTo: "Ada Bcc: eve@example.com" <ada@example.com>\r\n' in head
    assert all(byte < 128 for byte in message)
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", message) is None
    assert max(map(len, message.split(b"\r\n"))) <= 998


def test_only_optional_mails_have_an_unsubscribe_link() -> None:
    assert b"List-Unsubscribe" not in envelope()
    message = envelope(unsubscribe_url=f"{SITE}/mail/unsubscribe/abc")
    assert f"List-Unsubscribe: <{SITE}/mail/unsubscribe/abc>".encode() in message
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in message
    fields = set(EmailPreferences.__struct_fields__) - {"booking"}
    assert {topic for topics in TOPICS.values() for topic in topics} == fields


# Templates

_VOID = {"meta", "br", "img", "base"}


class _Checker(HTMLParser):
    """Every tag closed in order, every link absolute; remembers links and words."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "a":
            assert str(given["href"]).startswith(SITE), given
            self.links.add(str(given["href"]))
        if tag == "img":
            assert given["alt"]
            assert str(given["src"]).startswith("cid:")
        assert tag != "script"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.words += data


@pytest.mark.parametrize("language", PRODUCT_LANGUAGES)
@pytest.mark.parametrize("kind", list(MailKind))
def test_the_products_mails_are_well_formed(kind: MailKind, language: str) -> None:
    for letter in sample_letters(kind, language, SITE):
        facts = letter.facts
        if facts["event"]:
            facts["event"] = {**facts["event"], "name": "Tom & <b>Jerry</b>"}
        written = product_template(kind, language).write(facts)
        page = _Checker()
        page.feed(written.html)
        page.close()
        assert not page.open
        assert "<b>" not in written.html
        assert "{{" not in written.html + written.text + written.subject
        assert "None" not in page.words + written.text + written.subject
        # The text version has the same content and links.
        for fact in ("reference", "total"):
            for thing in ("booking", "offer"):
                if fact in facts.get(thing, {}):
                    assert facts[thing][fact] in page.words.replace("&nbsp;", "\u00a0")
                    assert facts[thing][fact] in written.text
        if facts["event"]:
            assert "Tom & <b>Jerry</b>" in written.text
            assert "Tom & <b>Jerry</b>" in written.subject
            assert facts["event"]["date"] in written.text
            assert facts["event"]["date"] in page.words
        if facts["unsubscribe_url"]:
            assert facts["unsubscribe_url"] in written.text
            assert facts["unsubscribe_url"] in page.links
        assert [p.name for p in letter.pictures] == re.findall(r'"cid:([\w-]+)"', written.html)
        assert not re.search(r"\n\n\n|[ \t]\n(?!$)", written.text.replace("\n-- \n", "\n--\n"))


def test_a_template_can_read_only_its_facts() -> None:
    layout = Texts(html="{% block content %}{% endblock %}", text="")
    for attack in (
        "{{ ''.__class__.__mro__ }}",
        "{{ person.__class__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ [].append(1) }}",
        "{{ person.update({'a': 1}) }}",
        "{{ 2 ** 100000 }}",
        "{% include '/etc/passwd' %}",
        "{{ range(10 ** 9) | list }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    ):
        with pytest.raises(TemplateBroken):
            Template(Texts(subject="S", html=attack, text="T"), layout).write(
                {"person": {"name": "Ada"}}
            )


@pytest.mark.parametrize(
    ("chosen", "before"),
    [
        # Choices are listed latest first.
        ([1], None),
        ([2, 1], 1),
        ([1, 2, 1], None),
        ([3, 2, 1], 2),
        ([2, 3, 2, 1], 1),
        ([1, 2, 3, 2, 1], None),
        ([4, 1, 3, 2, 1], 1),
    ],
)
def test_each_rollback_goes_one_version_further_back(chosen: list[int], before: int | None) -> None:
    assert _version_before(chosen) == before
