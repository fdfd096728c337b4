"""The reasons of price changes, as buyers read them.

A rule's reason is written for the organiser, and says so if a house does not sell. Buyers read why a price
rose; of one that fell they read that it fell, and not that nobody wants it. An organiser's own words are
shown as they are: they were written for buyers.
"""

import re
from typing import Final

#: The rule's causes of a falling price, in the organiser's words.
MORE_LEFT: Final = "more places are left than expected"
SLOW: Final = "places are selling slowly"
FEWER_WANT: Final = "fewer people want the places that are left"
BACK: Final = "back towards the usual price"

_LOWER: Final = "a lower price for now"
_FALL: Final = re.compile(rf"\d+ % sold, [^:]+: (?:{MORE_LEFT}|{SLOW}|{FEWER_WANT})")
_RETURN: Final = re.compile(rf"\d+ % sold, [^:]+: {BACK}")


def for_buyers(reason: str) -> str:
    """The reason of a change without what only the organiser should know."""
    if _FALL.fullmatch(reason):
        return _LOWER
    # In both directions, and with any share: a share alone would tell how the house sells.
    return BACK if _RETURN.fullmatch(reason) else reason
