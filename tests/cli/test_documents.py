"""Files that commands read: what people's programs write, and one line for what cannot be read."""

import json
from pathlib import Path

import pytest

from engine.cli.shell import CommandRefused, read_document


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_a_file_may_be_in_any_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(json.dumps({"name": "Köln"}, ensure_ascii=False).encode(encoding))
    assert read_document(file) == {"name": "Köln"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not JSON"),
        (b'{"name": "K\xf6ln"}', "byte 11 is not UTF-8"),
        (b"\xff\xfe{", "is not UTF-16"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(data)
    with pytest.raises(CommandRefused) as caught:
        read_document(file)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
