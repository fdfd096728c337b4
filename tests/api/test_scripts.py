"""Scripts lose their comments, and nothing else."""

from pathlib import Path

import pytest
import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

from api.scripts import read_script

WEB = Path(__file__).resolve().parents[2] / "seatmap" / "web"
SCRIPTS = sorted(path.name for path in WEB.glob("*.js"))
PARSER = Parser(Language(tree_sitter_javascript.language()))


def tokens(code: bytes) -> list[tuple[str, bytes | None, int]]:
    """Kind, text and line of everything that is not a comment."""
    found: list[tuple[str, bytes | None, int]] = []

    def walk(node: Node) -> None:
        if node.type != "comment" and node.child_count == 0:
            found.append((node.type, node.text, node.start_point.row))
        for child in node.children:
            walk(child)

    walk(PARSER.parse(code).root_node)
    return found


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_of_the_page_is_sent_with_all_its_code(name: str) -> None:
    source = (WEB / name).read_bytes()
    assert not PARSER.parse(source).root_node.has_error
    sent = read_script(source).code
    assert b"@ts-check" not in sent
    assert tokens(sent) == tokens(source)


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("a = 1; // one\nb = 2;", "a = 1;\nb = 2;"),
        ("/** Says so. @type {x} */\na;", " \na;"),
        ("a /* one */ + b", "a  + b"),
        ("return/* one */a", "return a"),
        # Lines keep their numbers.
        ("let a = 1 /* one\n two */\nb = 2", "let a = 1\n\nb = 2"),
        # The parser does not know that this comment ends a statement.
        ("let a = 1 /* one\n two */ b = 2", "let a = 1 /* one\n two */ b = 2"),
        ("a = `// ${/* x */ b} /* no */`; // x", "a = `// ${  b} /* no */`;"),
        ("a = '//'; b = \"/* */\";", "a = '//'; b = \"/* */\";"),
        ("a = /[/*]/.test('*/'); // x", "a = /[/*]/.test('*/');"),
        ("a = b / c; /* x */ d = /\\/\\//;", "a = b / c;  d = /\\/\\//;"),
        ("a = <!--b;", "a = <!--b;"),
        ("/*! Licence */ a; // x", "/*! Licence */ a;"),
        # Not understood: sent as it is written.
        ("a = (1; // one", "a = (1; // one"),
        ("// Ä\nä = 'Ü'; // ß", "\nä = 'Ü';"),
    ],
)
def test_only_comments_go(source: str, sent: str) -> None:
    assert read_script(source.encode()).code.decode() == sent


def test_the_imports_of_a_module_are_found() -> None:
    source = b"""import { a } from "./a.js"; // import "./no.js"
import './b.js'; import c from "elsewhere";
export { d } from "./d.js";
const e = await import("./late.js");
import f from "./a.js";
"""
    assert read_script(source).imports == ("a.js", "b.js", "d.js")
