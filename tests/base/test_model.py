"""Ids and amounts of money: their format, and how people read them."""

import msgspec
import pytest

from api.holds import HoldRequest
from engine.base.model import Money, Uuid, new_id


@pytest.mark.parametrize("suffix", ["\n", " ", "0", "\x00"])
def test_an_id_with_anything_behind_it_is_refused(suffix: str) -> None:
    """Only PostgreSQL refuses a newline behind an id: such a seat would be held and could never be booked."""
    body = msgspec.json.encode({"seats": [1], "hold_id": new_id() + suffix})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=HoldRequest)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(new_id() + suffix, Uuid)


def test_money_knows_how_many_digits_its_currency_has() -> None:
    assert str(Money(15000, "EUR")) == "150.00 EUR"
    assert str(Money(15000, "JPY")) == "15000 JPY"
    assert str(Money(15000, "KWD")) == "15.000 KWD"
    assert str(Money(1_500_000, "HUF")) == "15000.00 HUF"
    assert str(Money(15000, "CLF")) == "1.5000 CLF"
    assert str(Money(15000, "IQD")) == "15.000 IQD"
    assert str(Money(15000, "HRK")) == "150.00 HRK"  # ended in 2023; an old event may have it
