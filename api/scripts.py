"""Scripts of the page as they are sent: without comments, which are a quarter of their compressed size.

A parser of JavaScript finds the comments, because nothing less can tell one from a string, a template or a
regular expression. Everything else stays, line by line: a browser's error names the line of the source.
"""

from functools import cache
from typing import Final

import tree_sitter_javascript
from msgspec import Struct
from tree_sitter import Language, Node, Parser, Query, QueryCursor

_COMMENTS: Final = "(comment) @comment"
_IMPORTS: Final = """
(import_statement source: (string (string_fragment) @name))
(export_statement source: (string (string_fragment) @name))
"""
#: A comment that must go with the code begins so.
_LICENCE: Final = b"/*!"


class Script(Struct, frozen=True):
    """``code``: without comments. ``imports``: the modules beside it that it imports, in order, each once."""

    code: bytes
    imports: tuple[str, ...]


def read_script(source: bytes) -> Script:
    """A module as it is sent; as it is written if the parser does not understand all of it."""
    root = Parser(_language()).parse(source).root_node
    names = (_text(node).decode() for node in _found(_IMPORTS, root))
    imports = tuple(dict.fromkeys(name[2:] for name in names if name.startswith("./")))
    return Script(source if root.has_error else _without_comments(source, root), imports)


def _without_comments(source: bytes, root: Node) -> bytes:
    parts: list[bytes] = []
    at = 0
    for comment in _found(_COMMENTS, root):
        text = _text(comment)
        if text.startswith(_LICENCE):
            continue
        # Blanks before a comment separate tokens at most, like the comment itself.
        before = source[at : comment.start_byte].rstrip(b" \t")
        parts += (before, _gap(text))
        at = comment.end_byte
    return b"".join([*parts, source[at:]])


def _gap(comment: bytes) -> bytes:
    """What stands for a comment: the ends of its lines, which may end a statement, or a blank."""
    if comment.startswith(b"//"):
        return b""
    return b"\n" * comment.count(b"\n") or b" "


def _found(query: str, root: Node) -> list[Node]:
    captures = QueryCursor(_query(query)).captures(root)
    return sorted((node for nodes in captures.values() for node in nodes), key=_start)


def _start(node: Node) -> int:
    return node.start_byte


def _text(node: Node) -> bytes:
    assert node.text is not None  # parsed from bytes
    return node.text


@cache
def _language() -> Language:
    return Language(tree_sitter_javascript.language())


@cache
def _query(text: str) -> Query:
    return Query(_language(), text)
