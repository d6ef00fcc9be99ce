"""Exact money: decimals as integers with a scale, minor units, and conversion.

Digits of the currencies: ISO 4217:2015, list one (`minor unit`).
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

MAX_MINOR_UNITS = 10**12
MOST_RATE = 10**12
RATE_DIGITS = 18
"""Significant digits of a rate: so many fit into 63 bits, whatever they are."""

_MOST_KEPT = 2**63 - 1

_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL
MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP
PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT
TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWL ZWG
""".split()
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
_THREE = "BHD IQD JOD KWD LYD OMR TND".split()
_FOUR = "CLF UYW".split()

_MOST_SHIFT = 4

CURRENCY_DIGITS: dict[str, int] = (
    dict.fromkeys(_TWO, 2)
    | dict.fromkeys(_ZERO, 0)
    | dict.fromkeys(_THREE, 3)
    | dict.fromkeys(_FOUR, 4)
)
"""Decimals of each currency: 2 for `USD`, 0 for `JPY`, 3 for `KWD`."""

_PLAIN = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_MOST_DIGITS = 40


class Amount(NamedTuple):
    """An exact decimal, `units / 10**scale`, with no trailing zeros after the point.

    A number of more than 40 digits is far outside every limit here. It is replaced by a number
    that fails the same check.
    """

    units: int
    scale: int


def amount_of(value: object) -> Amount | None:
    """The exact amount of a JSON number or of a plain decimal text; None for anything else.

    Text with a sign `+`, an exponent, a space or no digits is no plain decimal.
    """
    if type(value) is str:
        if len(value) <= _MOST_DIGITS and value.isascii():
            # What nearly every amount looks like, done in a third of the time.
            whole, point, fraction = value.partition(".")
            if whole.isdigit() and (fraction.isdigit() or not point):
                fraction = fraction.rstrip("0")
                return Amount(int(whole + fraction), len(fraction))
        match = _PLAIN.fullmatch(value)
        if match is None:
            return None
        sign, whole, fraction = match.groups(default="")
        return _amount(sign == "-", whole + fraction, len(fraction))
    if type(value) is int:
        return Amount(value, 0)
    if type(value) is Decimal:
        negative, digits, exponent = value.as_tuple()
        if isinstance(exponent, int):
            return _amount(bool(negative), "".join(map(str, digits)), -exponent)
    return None


def _amount(negative: bool, digits: str, scale: int) -> Amount:
    significant = digits.rstrip("0")
    scale -= len(digits) - len(significant)
    significant = significant.lstrip("0")
    if not significant:
        return Amount(0, 0)
    if len(significant) - scale > _MOST_DIGITS:
        significant, scale = "1", -_MOST_DIGITS
    elif len(significant) > _MOST_DIGITS or scale > _MOST_DIGITS:
        significant, scale = "1", _MOST_DIGITS
    units = -int(significant) if negative else int(significant)
    return Amount(units, scale) if scale > 0 else Amount(units * 10**-scale, 0)


def minor_units(amount: Amount, digits: int) -> int | None:
    """The amount in minor units of a currency with so many digits.

    None when it is negative, has more decimals than the currency, or is over 10^12 minor units.
    """
    units, scale = amount
    if units < 0 or scale > digits:
        return None
    minor = units * 10 ** (digits - scale)
    return minor if minor <= MAX_MINOR_UNITS else None


class Rate(NamedTuple):
    """Major units of the base currency for one major unit of another, as an exact fraction.

    Both numbers fit into 63 bits, as they are kept with an order. A power of ten that does not is
    written as its negative exponent: 61/10^20 is (61, -20).
    """

    numerator: int
    denominator: int


ONE = Rate(1, 1)
"""The rate of the base currency."""


def rate_of(text: str, shift: int = 0) -> Rate:
    """The rate of decimal text, divided by 10**shift, as a state can keep it.

    A rate of more digits than fit, which no policy that is checked has, is rounded half-even to
    18 significant ones; one above 10^12 counts as that.
    """
    exact = _kept(Fraction(text), text, shift)
    if exact is not None:
        return exact
    rounded = Context(RATE_DIGITS, ROUND_HALF_EVEN).create_decimal(text)
    text = f"{min(rounded, Decimal(MOST_RATE)):f}"
    found = _kept(Fraction(text), text, shift)
    assert found is not None
    return found


def is_rate(text: str, most: int = MOST_RATE) -> bool:
    """Whether decimal text is a rate that is kept exactly, and at most `most`."""
    return Fraction(text) <= most and _kept(Fraction(text), text, _MOST_SHIFT) is not None


def _kept(rate: Fraction, text: str, shift: int) -> Rate | None:
    """A rate divided by 10**shift as two numbers of 63 bits; None if there are none."""
    each = rate / 10**shift
    if max(each.numerator, each.denominator) <= _MOST_KEPT:
        return Rate(each.numerator, each.denominator)
    exponent = len(text.partition(".")[2].rstrip("0")) + shift
    numerator = each * 10**exponent
    return Rate(int(numerator), -exponent) if numerator <= _MOST_KEPT else None


def denominator_of(kept: int) -> int:
    """The denominator that a rate is kept with."""
    return kept if kept > 0 else 10**-kept


def most_minor_units(rate: Rate, shift: int) -> int:
    """The largest amount in another currency that is at most 10^12 minor units when converted.

    Args:
        rate: of the currency.
        shift: as in `convert`.
    """
    factor = Fraction(rate.numerator, denominator_of(rate.denominator)) * Fraction(10) ** shift
    # Half a unit above is a tie, which goes to the even 10^12.
    return min(int((MAX_MINOR_UNITS + Fraction(1, 2)) / factor), MAX_MINOR_UNITS)


def convert(units: int, rate: Rate, shift: int = 0) -> int:
    """`units * rate * 10**shift`, ties to the even integer. Exact.

    `shift` is the number of digits of the base currency less that of `units`.
    """
    numerator, denominator = rate
    if denominator < 0:
        denominator = 10**-denominator
    if shift >= 0:
        numerator *= 10**shift
    else:
        denominator *= 10**-shift
    if numerator == denominator:
        return units
    return round(Fraction(units * numerator, denominator))


def is_equal(one: Amount, other: Amount) -> bool:
    """Whether two amounts are the same number."""
    return bool(one.units * 10**other.scale == other.units * 10**one.scale)


def rounded(amount: Amount, digits: int) -> int:
    """An amount in units of so many decimals, ties to the even unit."""
    return convert(amount.units, ONE, digits - amount.scale)


def text_of_minor(minor: int, digits: int) -> str:
    """Minor units as decimal text in major units: `1250` with 2 digits is `12.50`."""
    if digits == 2 and minor >= 0:
        return f"{minor // 100}.{minor % 100:02d}"
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    whole, fraction = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{fraction:0{digits}d}"


def grouped_thousands(amount: str) -> str:
    """Decimal text with its thousands separated: `1120.00` is `1,120.00`."""
    whole, point, fraction = amount.partition(".")
    return f"{int(whole):,}{point}{fraction}"
