"""The table of currencies, which the page has in part."""

import pytest

from engine.base import currencies
from engine.base.errors import InvalidInput
from seatmap.currencies import FILE, table


@pytest.mark.parametrize("code", ["EUR", "HUF", "CLF", "UYW", "ISK", "KWD", "ZWG"])
def test_a_current_code_is_accepted(code: str) -> None:
    currencies.check_currency(code)


@pytest.mark.parametrize("code", ["EUX", "XAU", "XTS", "HRK", "eur", "", "ZZZ", "EUR "])
def test_another_code_is_refused(code: str) -> None:
    with pytest.raises(InvalidInput, match="ISO 4217"):
        currencies.check_currency(code)


def test_a_refusal_suggests_the_nearest_code() -> None:
    with pytest.raises(InvalidInput, match="did you mean EUR"):
        currencies.check_currency("EURO")


def test_the_page_has_the_same_table() -> None:
    assert FILE.read_text() == table(), "run python -m seatmap.currencies"
