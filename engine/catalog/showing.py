"""How an event presents itself: its tagline, its picture, its language; and documents of before these fields."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from msgspec import Meta

from engine.base.errors import InvalidInput

TAGLINE_MAX: Final = 200
IMAGE_URL_MAX: Final = 2000
LANGUAGE_MAX: Final = 35

Tagline = Annotated[
    str,
    Meta(
        max_length=TAGLINE_MAX,
        description="One line below the name, in the list and on the page.",
        examples=["A comedy about everything that does not happen"],
    ),
]
ImageUrl = Annotated[
    str,
    Meta(
        max_length=IMAGE_URL_MAX,
        description="Address of a picture, `https` only. Lists show it in 8:5. Empty: none.",
        examples=["https://img.example/seagull.jpg"],
    ),
]
Language = Annotated[
    str,
    Meta(
        max_length=LANGUAGE_MAX,
        description="The language of the event's texts, a BCP 47 tag. Empty: not known.",
        examples=["de"],
    ),
]

#: The address as a browser reads it: none of these characters may stand in one, and backslashes become slashes.
_IMAGE: Final = re.compile(r"https://[^\s/?#@\\\"<>^`{|}]+(?:[/?#][^\s\\\"<>^`{|}]*)?")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
#: Language, script, region, variants (RFC 5646, 2.1). Four letters and more are reserved or names in English.
_TAG: Final = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.ASCII,
)


def checked_tagline(text: str) -> str:
    """The tagline as it is kept. Raises InvalidInput for line breaks and invisible control characters."""
    if any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in text):
        raise InvalidInput("tagline: one line, without line breaks and control characters.")
    return text.strip()


def checked_image_url(text: str | None) -> str | None:
    """The picture's address, or None. Raises InvalidInput when browsers must not load it."""
    if not text:
        return None
    if not text.startswith("https://"):
        raise InvalidInput("image_url: an address that begins with https://, or empty for none.")
    if len(text) > IMAGE_URL_MAX or not _is_address(text):
        raise InvalidInput(
            "image_url: not an address of a picture; write it like https://img.example/seagull.jpg, "
            f"without spaces, user and password, at most {IMAGE_URL_MAX} characters."
        )
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Reading the port checks it.
        return bool(
            _IMAGE.fullmatch(text)
            and not _CONTROL.search(text)
            and parts.hostname
            and parts.port != 0
        )
    except ValueError:
        return False


def checked_language(text: str | None) -> str | None:
    """The tag in its usual case (``de-AT``, ``zh-Hant``), or None. Raises InvalidInput for other texts."""
    if not text:
        return None
    found = _TAG.fullmatch(text.lower())
    variants = found[4].split("-")[1:] if found else []
    if found is None or len(variants) != len(set(variants)) or len(text) > LANGUAGE_MAX:
        raise InvalidInput(
            f"language: {text!r} is not a BCP 47 language tag, for example de, de-AT or zh-Hant."
        )
    script, region = (found[2] or "").title(), (found[3] or "").upper()
    return "-".join(part for part in (found[1], script, region, *variants) if part)


def lifted(document: dict[str, Any]) -> dict[str, Any]:
    """A document of before these fields, with what its metadata said under their names.

    The next write stores the fields, and from then on they alone count. Values that are not valid stay where
    they are.
    """
    if "tagline" in document:
        return document
    metadata = dict(document.get("metadata") or {})
    fields: dict[str, Any] = {"tagline": "", "image_url": None, "language": None}
    for name, check in CHECKED.items():
        value = metadata.get(name)
        if not isinstance(value, str) or (name == "tagline" and len(value) > TAGLINE_MAX):
            continue
        try:
            fields[name] = check(value)
        except InvalidInput:
            continue
        del metadata[name]
    return {**document, **fields, "metadata": metadata}


#: The fields that are checked and kept in one form.
CHECKED: Final[dict[str, Callable[[str], str | None]]] = {
    "tagline": checked_tagline,
    "image_url": checked_image_url,
    "language": checked_language,
}
