"""The canonical form in which texts are compared when people search: what is stored and what is asked alike.

Case of every script, accents, composed and decomposed letters, full width, apostrophes and quotes of all shapes,
dashes and invisible characters make no difference. Letters that Unicode does not decompose (ø, ł, æ …) are
written as people without them on the keyboard write them.
"""

import unicodedata
from typing import Final

#: To be raised with every change of ``folded``: stored texts of another version are folded again.
FOLD_VERSION: Final = 1

_QUOTES: Final = "'`´\"‘’‚‛“”„‟«»‹›′″‴ʹʺʻʼʽʾʿˈ՚׳״＇＂「」『』〝〞〟"
_LETTERS: Final = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ħ": "h",
    "ŧ": "t",
    "ŋ": "n",
    "ĸ": "k",
    "ƒ": "f",
    "ɨ": "i",
    "ʉ": "u",
}
_DROPPED: Final = dict.fromkeys(map(ord, _QUOTES), "")
_WRITTEN: Final = str.maketrans(_LETTERS)
#: Combining classes of marks that make another letter, not an accent: kana voicing, viramas.
_KEPT_MARKS: Final = frozenset({0, 8, 9})


def folded(text: str) -> str:
    """``text`` in the form to compare, its words separated by single blanks."""
    plain = unicodedata.normalize("NFKD", text.translate(_DROPPED))
    # Twice: case folding may compose and decompose.
    plain = unicodedata.normalize("NFKD", plain.casefold()).translate(_DROPPED)
    return " ".join("".join(map(_character, plain)).translate(_WRITTEN).split())


def _character(character: str) -> str:
    if unicodedata.combining(character) not in _KEPT_MARKS:
        return ""
    match unicodedata.category(character):
        case "Pd":
            return " "
        case "Cf":
            return ""
    # Variation selectors choose how the character before them is drawn.
    return "" if "\ufe00" <= character <= "\ufe0f" or character == "\u034f" else character
