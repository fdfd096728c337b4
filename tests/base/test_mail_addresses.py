"""Which addresses are valid, and the forms in which they are sent, stored and compared."""

import email.policy
from email.message import EmailMessage

import pytest

from engine.base.errors import InvalidInput
from engine.base.mail_addresses import checked, email_key, mailbox, sendable

VALID = {
    "ada@example.com": "ada@example.com",
    "Ada.King+tickets@Example.COM": "Ada.King+tickets@example.com",
    "o'hara_99@sub.domain.example": "o'hara_99@sub.domain.example",
    "ada@straße.example": "ada@xn--strae-oqa.example",
    "ada@STRAßE.example": "ada@xn--strae-oqa.example",
    "ada@faß.de": "ada@xn--fa-hia.de",
    "ada@bücher.example": "ada@xn--bcher-kva.example",
    "ada@bu\u0308cher.example": "ada@xn--bcher-kva.example",
    "ada@例え.テスト": "ada@xn--r8jz45g.xn--zckzah",
    "ada@xn--strae-oqa.example": "ada@xn--strae-oqa.example",
    "ädä@example.com": "ädä@example.com",
    "ada@" + "a" * 63 + ".example": "ada@" + "a" * 63 + ".example",
    "a" * 64 + "@example.com": "a" * 64 + "@example.com",
}
REFUSED = [
    "",
    "ada",
    "@example.com",
    "ada@",
    "ada@localhost",
    "ada@example.com,",
    "ada@-example.com",
    "ada@example-.com",
    "ada@example..com",
    "ada@.example.com",
    "ada@example.com.",
    "ada.@example.com",
    ".ada@example.com",
    "a..da@example.com",
    "a da@example.com",
    "ada@exam ple.com",
    "ada@exa_mple.com",
    "ada@192.0.2.1",
    "ada@[192.0.2.1]",
    '"a da"@example.com',
    "ada;bob@example.com",
    "ada,bob@example.com",
    "ada<ada@example.com>",
    "ada@example.com\n",
    "ada\u200b@example.com",
    "ada@☃.example",
    "=?utf-8?q?ada?=@example.com",
    "a" * 65 + "@example.com",
    "ä" * 33 + "@example.com",
    "ada@" + "a" * 64 + ".example",
    "ada@" + "a." * 124 + "example",
    "ada@xn--a.example",
]


@pytest.mark.parametrize(("typed", "sent"), VALID.items())
def test_a_valid_address_is_sent_in_ascii_domains(typed: str, sent: str) -> None:
    assert sendable(typed).lower() == sent.lower()
    # The standard library's writer agrees on the domain and on the structure.
    message = EmailMessage(policy=email.policy.SMTPUTF8)
    message["To"] = sendable(typed)
    [parsed] = message["To"].addresses
    assert parsed.addr_spec == sendable(typed)


@pytest.mark.parametrize("address", REFUSED)
def test_another_address_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(InvalidInput, match="is not an e-mail address: ") as refusal:
        checked(address, key="buyer.email")
    assert refusal.value.extra["errors"][0]["key"] == "buyer.email"


def test_an_address_is_stored_as_typed_with_its_domain_in_unicode() -> None:
    assert checked("Ada@Example.COM") == "Ada@Example.COM"
    assert checked("ada@xn--strae-oqa.example") == checked("ada@straße.example")
    assert checked("ada@bu\u0308cher.example") == "ada@bücher.example"


def test_all_forms_of_an_address_have_one_key() -> None:
    assert email_key("Ada@Straße.example") == email_key("ada@XN--STRAE-OQA.example")
    assert email_key("ada@straße.example") != email_key("ada@strasse.example")
    assert email_key("a\u0308@x.example") == email_key("ä@x.example")
    assert email_key("not an Address") == "not an address"


def test_a_mailbox_is_found_behind_its_spellings() -> None:
    assert mailbox("ada@straße.example") == mailbox("ada+1@xn--strae-oqa.example")
    assert mailbox("ada@straße.example") != mailbox("ada@strasse.example")
