"""The currencies of ISO 4217 and the digits of their minor units: the one table, for the server and the page.

Source: the standard's list one (the maintenance agency's publication of 2026-01-01), without the codes that have no
minor unit (precious metals, testing). Locale data of browsers and operating systems differ from it: they describe
how people write prices (15 000 Ft), not what a minor unit is. ``seatmap.currencies`` writes the table for the page.
"""

import difflib
from typing import Final

from engine.base.errors import InvalidInput

_CODES_BY_DIGITS: Final = {
    0: ("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF "),
    2: (
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
        "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
        "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
        "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
        "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
        "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
        "XAD XCD XCG YER ZAR ZMW ZWG "
    ),
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

#: Digits of the minor unit by code.
DIGITS: Final = {
    code: digits for digits, codes in _CODES_BY_DIGITS.items() for code in codes.split()
}
USUAL_DIGITS: Final = 2


def minor_digits(currency: str) -> int:
    """Digits after the decimal point of an amount in ``currency``: 2 for EUR, 0 for JPY, 3 for KWD.

    2 for a code that the table does not have: an amount may be older than the end of its currency.
    """
    return DIGITS.get(currency, USUAL_DIGITS)


def check_currency(currency: str) -> None:
    """Raises InvalidInput unless ``currency`` is a current code of ISO 4217."""
    if currency in DIGITS:
        return
    near = difflib.get_close_matches(currency.upper(), DIGITS, n=1, cutoff=0.6)
    advice = f"; did you mean {near[0]}?" if near else ", like EUR or JPY."
    raise InvalidInput(f"currency: {currency!r} is not a currency of ISO 4217{advice}")
