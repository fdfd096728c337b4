"""The types of the page's scripts are those of the live messages."""

from seatmap import message_types


def test_the_message_types_match_the_engine() -> None:
    written = message_types.FILE.read_text()
    assert written == message_types.declarations(), "run: python -m seatmap.message_types"
