"""Names that people can read, and what is wrong with the others, in words."""

import msgspec
import pytest
from msgspec import Struct

from engine.base.texts import VisibleName
from engine.base.wording import mistake


class _Named(Struct):
    name: VisibleName


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "ශ්‍රී ලංකා රාත්‍රිය 👩‍🎤 می‌خواهم",
        "مهدی‌زاده",
        "O’Hara",
        "  Ada ",
        "李",
        "!",
        "\u200f\u05d0\u200f",
        "5",
    ],
)
def test_a_name_of_any_script_is_accepted_with_its_joiners(name: str) -> None:
    assert msgspec.convert({"name": name}, _Named).name == name


@pytest.mark.parametrize(
    "name",
    [
        " ",
        "\u00a0\u2003\u3000",
        "\u200b",
        "\u200d\u200c\u2060",
        "\u00ad",
        "\u3164",
        "\uffa0\u115f",
        "\u2800",
        "\ufeff",
        "\u061c \u202e",
        "\U000e0041",
        "\ufe0f",
        "Evening\nof Jazz",
        "Evening\r",
        "Evening\n",
        "Evening\u2028",
        "\x07Bell",
        "\x85",
        "\x9b31m",
    ],
)
def test_a_name_that_cannot_be_seen_or_is_not_one_line_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert({"name": name}, _Named)
    assert str(mistake(refused.value, _Named)) == (
        "name: send text of 1 to 200 characters; it must have something that people can see, "
        "in one line without control characters"
    )
