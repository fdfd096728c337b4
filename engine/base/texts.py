"""What people may write in one line: names of people, events, venues and categories; and patterns with their sentences.

Letters of all scripts are welcome, with the joiners, marks and directions that they need (Unicode's category Cf stays).
Characters that end a line or control a device are not, nor a name in which nothing can be seen.
"""

from typing import Annotated, Final

from msgspec import Meta

#: Control characters, line and paragraph separators. Halves of surrogate pairs are no text: decoders refuse them.
_BREAKING: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
#: Blanks, and what is drawn as nothing: Unicode's Default_Ignorable_Code_Point, and the empty Braille cell.
_INVISIBLE: Final = (
    r"\s\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    + "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
#: One line, which may be empty.
ONE_LINE: Final = rf"^[^{_BREAKING}]*$(?!\n)"
#: One line with something to see in it.
VISIBLE_LINE: Final = rf"^(?=[^{_BREAKING}]*[^{_INVISIBLE}{_BREAKING}])[^{_BREAKING}]*$(?!\n)"

#: What is wrong with a text that does not match a pattern, behind the field's name.
COMPLAINTS: Final[dict[str, str]] = {}


def described_pattern(pattern: str, complaint: str) -> str:
    """``pattern``, whose refusals are then worded as ``complaint``: ``must be …``."""
    COMPLAINTS[pattern] = complaint
    return pattern


def complaint_of(message: str) -> str:
    """What msgspec's message about a pattern means: ``must be …``."""
    _, _, shown = message.partition(" matching regex ")
    for pattern, complaint in COMPLAINTS.items():
        if shown.startswith(repr(pattern)):
            return complaint
    return "is not written as it must be"


described_pattern(ONE_LINE, "must be one line without control characters")
described_pattern(
    VISIBLE_LINE,
    "must have something that people can see, in one line without control characters",
)

#: A name that people read: of a person, an event, a venue, a category.
VisibleName = Annotated[str, Meta(min_length=1, max_length=200, pattern=VISIBLE_LINE)]
