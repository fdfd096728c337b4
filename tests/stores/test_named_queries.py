"""Named queries leave nothing behind in their session: the pool does not clean up after one (engine.stores)."""

import re

from engine.stores.postgres import read_queries
from tests.conftest import REPO

#: Statements with effects beyond their transaction, which the next user of the connection would meet.
_LASTING = re.compile(
    r"pg_(try_)?advisory_lock|pg_advisory_unlock|set_config\s*\(|^\s*(re)?set\s+(session\s+)?\w+\s*(=|to\b)"
    r"|\blisten\b|with\s+hold|create\s+temp|^\s*prepare\b",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"/\*.*?\*/|--.*")


def test_a_named_query_leaves_nothing_in_its_session() -> None:
    for name, text in read_queries().items():
        assert not _LASTING.search(_COMMENTS.sub("", text).strip()), name


def test_a_function_leaves_nothing_in_its_session() -> None:
    schema = (REPO / "sql" / "schema.sql").read_text()
    bodies = re.findall(r"AS \$\$\n(.*?)\$\$;", schema, re.DOTALL)
    assert len(bodies) > 20
    for body in bodies:
        for statement in body.split(";"):
            assert not _LASTING.search(_COMMENTS.sub("", statement).strip()), statement
