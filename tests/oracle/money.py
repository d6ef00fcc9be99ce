"""Money: ISO 4217 digits, plain decimals, exact conversion to integer minor units."""

import re
from decimal import Decimal
from fractions import Fraction

MOST_MINOR_UNITS = 10**12

_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DIGITS = "CLF UYW"
_DIGITS = (
    dict.fromkeys(_NO_DIGITS.split(), 0)
    | dict.fromkeys(_THREE_DIGITS.split(), 3)
    | dict.fromkeys(_FOUR_DIGITS.split(), 4)
)
_PLAIN_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def is_plain_decimal(text: str) -> bool:
    return _PLAIN_DECIMAL.fullmatch(text) is not None


def digits_of(currency: str) -> int:
    """Decimals of a currency's minor unit."""
    return _DIGITS.get(currency, 2)


def stripped(number: Decimal) -> tuple[int, str, int]:
    """Sign, digits without superfluous zeros and exponent: equal for numbers of equal value."""
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    bare = text.rstrip("0")
    if not bare:
        return 0, "0", 0
    return sign, bare, exponent + len(text) - len(bare)


MOST_DIGITS = 40


def plain_decimal(number: Decimal) -> str | None:
    """A number without exponent and trailing zeros; None for one of more than 40 digits."""
    sign, significant, exponent = stripped(number)
    if exponent >= 0:
        if len(significant) + exponent > MOST_DIGITS:
            return None
        text = significant + "0" * exponent
    else:
        if max(len(significant), 1 - exponent) > MOST_DIGITS:
            return None
        padded = significant.rjust(1 - exponent, "0")
        text = f"{padded[:exponent]}.{padded[exponent:]}"
    return f"-{text}" if sign else text


def parse_amount(value: str | Decimal, digits: int) -> Fraction | None:
    """An amount in major units; None when the rules call it `invalid_amount`."""
    if isinstance(value, str):
        if not _PLAIN_DECIMAL.fullmatch(value):
            return None
        value = Decimal(value)
    sign, significant, exponent = stripped(value)
    if sign or -exponent > digits or exponent + len(significant) > 20:
        return None
    amount = Fraction(f"{significant}e{exponent}")
    return amount if amount * 10**digits <= MOST_MINOR_UNITS else None


def to_minor(amount: Fraction, rate: Fraction, digits: int) -> int:
    """Base minor units of an amount in major units of another currency, half-even."""
    return round(amount * rate * Fraction(10**digits))


def rounded(amount: Fraction, digits: int) -> Fraction:
    """An amount to a currency's decimals, half-even."""
    return Fraction(round(amount * 10**digits), 10**digits)


def money_text(minor: int | Fraction, digits: int) -> str:
    """A decimal string in major units with the currency's digits."""
    whole = round(minor)
    if digits == 0:
        return str(whole)
    units, rest = divmod(whole, 10**digits)
    return f"{units}.{rest:0{digits}d}"
