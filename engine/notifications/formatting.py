"""Amounts, dates and names, formatted in a language."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from engine.base.model import Money
from engine.base.zones import offset_name

_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}


class _Grammar(Struct, frozen=True):
    weekdays: Sequence[str]
    months: Sequence[str]
    date: str
    clock: str
    thousands: str
    point: str
    #: The position of the currency.
    money: str


_GRAMMARS: Final = {
    "en": _Grammar(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        (
            *("January", "February", "March", "April", "May", "June", "July"),
            *("August", "September", "October", "November", "December"),
        ),
        date="{weekday}, {day} {month} {year}",
        clock="{time}",
        thousands=",",
        point=".",
        money="{currency}{amount}",
    ),
    "de": _Grammar(
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        (
            *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli"),
            *("August", "September", "Oktober", "November", "Dezember"),
        ),
        date="{weekday}, {day}. {month} {year}",
        clock="{time} Uhr",
        thousands=".",
        point=",",
        money="{amount}\u00a0{currency}",
    ),
}


def base_language(language: str) -> str:
    """``de`` of ``de-AT``."""
    return language.partition("-")[0].lower()


def money(amount: Money, language: str) -> str:
    """``€150.00``, ``150,00 €``; in an unsupported language ``150.00 EUR``."""
    plain, currency = str(amount).rsplit(" ", 1)
    grammar = _GRAMMARS.get(base_language(language))
    if grammar is None:
        return str(amount)
    whole, point, cents = plain.partition(".")
    groups = f"{int(whole):,}".replace(",", grammar.thousands)
    written = f"{groups}{grammar.point}{cents}" if point else groups
    symbol = _SYMBOLS.get(currency)
    if symbol is None:
        return f"{written}\u00a0{currency}"
    return grammar.money.format(amount=written, currency=symbol)


def day(moment: datetime, language: str) -> str:
    """``Saturday, 1 May 2027``; ``moment`` is in the zone to show."""
    grammar = _GRAMMARS.get(base_language(language))
    if grammar is None:
        return f"{moment:%Y-%m-%d}"
    return grammar.date.format(
        weekday=grammar.weekdays[moment.weekday()],
        day=moment.day,
        month=grammar.months[moment.month - 1],
        year=moment.year,
    )


def clock(moment: datetime, language: str, *, with_zone: bool = False) -> str:
    """``20:00``, ``20:00 Uhr``; with its zone ``20:00 UTC+2``."""
    grammar = _GRAMMARS.get(base_language(language))
    written = (grammar.clock if grammar else "{time}").format(time=f"{moment:%H:%M}")
    return f"{written} {offset_name(moment)}" if with_zone else written


def day_and_clock(moment: datetime, language: str, *, with_zone: bool = False) -> str:
    return f"{day(moment, language)}, {clock(moment, language, with_zone=with_zone)}"
