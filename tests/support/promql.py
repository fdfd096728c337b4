"""Names in a PromQL expression: enough of the grammar to compare them with exported metrics.

Prometheus itself checks the syntax.
"""

import re
from typing import NamedTuple

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"\b([a-zA-Z_]\w*)\b(?!\s*\()(?:\s*\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*@(\d+)@")
_WORDS = frozenset(("and", "or", "unless", "bool", "offset"))


class Matcher(NamedTuple):
    label: str
    operator: str
    value: str


class Selector(NamedTuple):
    metric: str
    matchers: tuple[Matcher, ...]


def named(expr: str) -> tuple[list[Selector], set[str]]:
    """The selectors of an expression, and the labels it groups by."""
    strings: list[str] = []

    def keep(found: re.Match[str]) -> str:
        strings.append(found[1])
        return f"@{len(strings) - 1}@"

    plain = _RANGE.sub("", _STRING.sub(keep, expr))
    labels = {
        label.strip()
        for group in _GROUPING.findall(plain)
        for label in group.split(",")
        if label.strip()
    }
    selectors = []
    for metric, inner in _SELECTOR.findall(_GROUPING.sub(" ", plain)):
        if metric not in _WORDS:
            matchers = _MATCHER.findall(inner)
            selectors.append(
                Selector(metric, tuple(Matcher(n, o, strings[int(v)]) for n, o, v in matchers))
            )
    return selectors, labels
