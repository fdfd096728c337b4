"""Whatever a stranger's text contains, the mail is the intended one or is not sent."""

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.notifications import headers, mime
from engine.notifications.mime import Distorted, Envelope, Unwritable, build_envelope
from engine.notifications.model import Picture, Written

#: On CPython with CVE-2024-6923 this is a header and a body, wherever ``email`` writes it.
FORGED = "=?utf-8?q?=0d=0aSubject:_x=0d=0aBcc:_eve=40example.com=0d=0a=0d=0abody?="
HEAD = [
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language"),
    *("Auto-Submitted", "X-Auto-Response-Suppress", "X-Frontrow-Kind"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "MIME-Version", "Content-Type"),
]

_PIECES = st.sampled_from(
    [
        *(
            FORGED,
            FORGED[:-2],
            "=?utf-8?b?DQpCY2M6IHg=?=",
            "=?UTF-8?Q?=0A?=",
            "=?",
            "?=",
            "=?q?q?",
            '"',
        ),
        *(
            "\r\n",
            "\r",
            "\n",
            "\0",
            "\x85",
            "\u2028",
            "\u2029",
            "\u202e",
            "\u2066",
            "\ud800",
            "\udfff",
        ),
        *("Bcc: eve@example.com", "<", ">", ",", ";", "(", "\\", "@", " " * 80, "\t", "x" * 500),
        *(
            "مهدی\u200cزاده",
            "ශ්\u200dරී",
            "👩\u200d🎤",
            "ü",
            "日本",
            "e\u0301",
            "\U0001fae9",
            "\ue000",
        ),
    ]
)
TEXTS = st.lists(_PIECES | st.text(max_size=20), max_size=8).map("".join)


def build(**given: object) -> Envelope:
    texts = {"subject": "S", "html": "<p>é</p>", "text": "é\n.\nFrom x\n"}
    written = Written(**{name: str(given.pop(name, text)) for name, text in texts.items()})
    fields: dict[str, object] = {
        "message_id": "id",
        "mail_from": "City <a@theatre.example>",
        "reply_to": "b@theatre.example",
        "name": "Ada",
        "email": "ada@example.com",
        "language": "en",
        "kind": "welcome",
        "unsubscribe_url": "https://tickets.example/mail/unsubscribe/abc",
        **given,
    }
    return build_envelope(written, [Picture("ticket-1", b"png")], **fields)  # type: ignore[arg-type]


def read(envelope: Envelope) -> EmailMessage:
    """Read a mail as a foreign mail program does: with the library's newest reader."""
    parsed = email.message_from_bytes(envelope.message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def to_of(envelope: Envelope) -> tuple[str, str]:
    # The newest reader puts a space between two encoded words of a name, against RFC 2047, 6.2.
    parsed = email.message_from_bytes(envelope.message, policy=email.policy.compat32)
    return headers.read_address(str(parsed["To"]))


def check(envelope: Envelope) -> EmailMessage:
    parsed = read(envelope)
    assert parsed.keys() == HEAD
    assert [a.addr_spec for a in parsed["To"].addresses] == [envelope.recipient]
    types = [part.get_content_type() for part in parsed.walk()]
    assert types[1:] == ["text/plain", "multipart/related", "text/html", "image/png"]
    assert all(not part.defects for part in parsed.walk())
    # Also when a vulnerable program writes it again, with every field folded again.
    again = email.message_from_bytes(
        parsed.as_bytes(policy=email.policy.SMTP.clone(refold_source="all")),
        policy=email.policy.default,
    )
    assert again.keys() == HEAD
    return parsed


@settings(max_examples=150)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
@example(FORGED, FORGED, FORGED, FORGED)
@example("=?" + FORGED, "=" + FORGED + FORGED, "\u202e" + FORGED, "")
def test_no_text_becomes_a_header_or_a_body(
    name: str, subject: str, html: str, sender: str
) -> None:
    envelope = build(
        name=name, subject=subject, html=html, text=html, mail_from=f"{sender} <a@theatre.example>"
    )
    parsed = check(envelope)
    assert parsed["Subject"] == headers.one_line(subject)
    assert to_of(envelope) == (headers.one_line(name), "ada@example.com")


@given(st.emails() | st.tuples(TEXTS, TEXTS).map("@".join) | TEXTS)
@example(f"{FORGED}@example.com")
@example("ada@example.com\r\nBcc: eve@example.com")
@example("ä\u202e@example.com")
def test_an_address_is_valid_or_no_mail_is_made(address: str) -> None:
    try:
        envelope = build(email=address)
    except Unwritable:
        return
    assert "=?" not in envelope.recipient
    assert envelope.recipient.isprintable()
    assert " " not in envelope.recipient
    check(envelope)


@pytest.mark.parametrize(
    "name",
    [
        *("مهدی\u200cزاده", "ශ්\u200dරී ලංකා රාත්\u200dරිය 👩\u200d🎤 می\u200cخواهم", "Nguyễn Thị Ánh"),
        *(
            "山田 太郎",
            "Øre O'Neil, Dr.",
            "ज़ोहरा क्\u200dष",
            "2 + 2 =? 5",
            "🏴\U000e0067\U000e0062\U000e007f",
        ),
    ],
)
def test_names_of_all_scripts_arrive_as_they_are(name: str) -> None:
    envelope = build(name=name, subject=name)
    assert to_of(envelope) == (name, "ada@example.com")
    assert read(envelope)["Subject"] == name


@pytest.mark.parametrize(
    "distort",
    [
        lambda m: m.replace(b"\r\nSubject", b"\r\nBcc: e@example.com\r\nSubject", 1),
        lambda m: m.replace(b"Subject: S", b"Subject: T", 1),
        lambda m: m.replace(b"To: Ada <", b"To: Eve <", 1),
        lambda m: m.replace(b"Auto-Submitted: auto-generated\r\n", b"", 1),
        lambda m: m.replace(b"\r\nSubject: S", b"\r\n\r\nSubject: S", 1),
        lambda m: m.replace(b"From x", b"From y", 1),
        lambda m: m.replace(b"\r\n.\r\n", b"\n.\r\n", 1),
        lambda m: m.replace(b"ticket-1.png", b"ticket-1.exe", 1),
        lambda m: m + b"more",
    ],
)
def test_a_distorted_mail_is_not_sent(distort: object, monkeypatch: pytest.MonkeyPatch) -> None:
    check_message = mime.check_message
    monkeypatch.setattr(
        mime,
        "check_message",
        lambda made, meant: check_message(distort(made), meant),  # type: ignore[operator]
    )
    with pytest.raises(Distorted) as refused:
        build(name="Ada", subject="S")
    assert "Ada" not in str(refused.value)
