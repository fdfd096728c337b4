"""Header fields of mails, written by our own code because strangers chose their text.

CPython up to 3.12.4 decodes an RFC 2047 encoded word of a name or a subject when it writes a message,
line breaks included (CVE-2024-6923): the author of the name could write headers and a body. So no
foreign text passes through ``email``'s own headers. It is cleaned here, and text beyond plain ASCII is
sent as encoded words of ours.
"""

import re
import textwrap
import unicodedata
from email.errors import MessageError
from email.header import Header, decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from typing import Final, TypeAlias

#: Field names and their values as they are sent, in order.
Fields: TypeAlias = list[tuple[str, str]]

#: The beginning of an encoded word. A space breaks it, for readers that decode the text once too often.
_ENCODED_WORD: Final = re.compile(r"=(?=\?[^?]*\?[bq]\?)", re.IGNORECASE)
#: Embeddings, overrides and isolates: unbalanced, they reverse the text after them, such as the address
#: after a name. Marks and joiners stay, because names need them.
_TURNING: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_BREAKING: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_TEXT_MAX: Final = 300
_LINE_LENGTH: Final = 78
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def one_line(text: str) -> str:
    """``text`` without characters that end a line, control a terminal or reverse text. Letters of all
    scripts stay, with their joiners and marks.
    """
    kept = "".join(_plain(character) for character in text[: 4 * _TEXT_MAX].translate(_TURNING))
    words = _ENCODED_WORD.sub("= ", " ".join(kept.split())[:_TEXT_MAX])
    return words.strip()


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category in _BREAKING:
        return " "
    # Half of a surrogate pair is not a character, and cannot be encoded.
    return "\ufffd" if category == "Cs" else character


def text_value(name: str, text: str) -> str:
    """The value of an unstructured field such as ``Subject``; ``text`` is one line."""
    if not _is_plain(text):
        return _encoded(name, text)
    lines = textwrap.wrap(
        text, _LINE_LENGTH - len(name) - 2, break_long_words=False, break_on_hyphens=False
    )
    return "\r\n ".join(lines)


def address_value(name: str, display_name: str, addr_spec: str) -> str:
    """The value of a field such as ``To``; ``display_name`` is one line, ``addr_spec`` a checked address."""
    if not display_name:
        return addr_spec
    if not _is_plain(display_name):
        phrase = _encoded(name, display_name)
    elif _ATOMS.fullmatch(display_name):
        phrase = display_name
    else:
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", display_name) + '"'
    # A line of its own if the two together are longer than lines should be (RFC 5322, 2.1.1).
    length = len(f"{name}: {phrase} <{addr_spec}>".rpartition("\n")[2])
    between = " " if length <= _LINE_LENGTH else "\r\n "
    return f"{phrase}{between}<{addr_spec}>"


def _is_plain(text: str) -> bool:
    return text.isascii() and "=?" not in text


def _encoded(name: str, text: str) -> str:
    return Header(text, "utf-8", header_name=name).encode(linesep="\r\n")


# Reading again what was written


def read_text(value: str) -> str:
    """The text of an unstructured value. Raises ValueError for anything else."""
    try:
        return str(make_header(decode_header(_unfolded(value))))
    except (MessageError, LookupError) as error:
        raise ValueError("cannot be decoded") from error


def read_address(value: str) -> tuple[str, str]:
    """The display name and the address of a value. Raises ValueError for anything else."""
    [(display_name, addr_spec)] = getaddresses([_unfolded(value)])
    return read_text(display_name), addr_spec


def fields_of(message: "Message[str, str]") -> Fields:
    return [(name, str(value)) for name, value in message.raw_items()]


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])", "", value)
