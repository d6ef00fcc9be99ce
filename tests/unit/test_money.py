"""Money is exact, in minor units, and converted half to even."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from scoring.money import (
    CURRENCY_DIGITS,
    MAX_MINOR_UNITS,
    Amount,
    Rate,
    amount_of,
    convert,
    denominator_of,
    is_rate,
    minor_units,
    rate_of,
    text_of_minor,
)


def minor(value: object, digits: int = 2) -> int | None:
    amount = amount_of(value)
    return None if amount is None else minor_units(amount, digits)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12.50", 1250),
        ("12.500", 1250),
        ("012.5", 1250),
        ("0", 0),
        ("0.00", 0),
        (12, 1200),
        (Decimal("12.5"), 1250),
        (Decimal("1.25e1"), 1250),
        (Decimal("1e3"), 100_000),
        (Decimal("0e9"), 0),
    ],
)
def test_texts_and_numbers_mean_the_same_amount(value: object, expected: int) -> None:
    assert minor(value) == expected


@pytest.mark.parametrize(
    "text",
    ["ten", "1e3", "+5", " 5", "5 ", "5.", ".5", "1,000", "0x1", "\u0665", "5\n", "", "--5", "-"],
)
def test_a_text_that_is_no_plain_decimal_is_no_amount(text: str) -> None:
    assert amount_of(text) is None


@pytest.mark.parametrize("value", [True, None, [], {}, 1.5])
def test_a_bool_and_a_float_are_no_amount(value: object) -> None:
    assert amount_of(value) is None


@pytest.mark.parametrize("value", ["-0.01", -1, Decimal(-5), "-10000000000"])
def test_negative_amounts_have_no_minor_units(value: object) -> None:
    assert minor(value) is None


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        ("1.005", 2, None),
        ("1.005", 3, 1005),
        ("1.0050", 3, 1005),
        ("1.5", 0, None),
        ("1.0", 0, 1),
        ("0.0001", 4, 1),
    ],
)
def test_an_amount_has_no_more_decimals_than_its_currency(
    value: object, digits: int, expected: int | None
) -> None:
    assert minor(value, digits) == expected


def test_the_largest_amount_is_10_to_the_12_minor_units() -> None:
    assert minor("10000000000.00") == MAX_MINOR_UNITS
    assert minor("10000000000.01") is None
    assert minor(10**12, 0) == MAX_MINOR_UNITS
    assert minor(10**12 + 1, 0) is None


@pytest.mark.parametrize(
    "value",
    [Decimal("1e999999999"), Decimal("1e-999999999"), "9" * 5000, "0." + "0" * 5000 + "1"],
)
def test_a_monstrous_number_costs_nothing_and_is_refused(value: object) -> None:
    amount = amount_of(value)
    assert amount is not None
    assert amount.units.bit_length() < 300
    assert minor(value) is None


@pytest.mark.parametrize("value", ["5" + "0" * 100, "-" + "9" * 100, "1." + "3" * 100])
def test_shortening_a_long_number_never_makes_it_valid(value: str) -> None:
    assert all(minor(value, digits) is None for digits in range(5))


def test_many_zeros_are_no_digits() -> None:
    assert amount_of("0" * 5000 + "7." + "0" * 5000) == Amount(7, 0)


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("CNY", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4)]
)
def test_digits_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert CURRENCY_DIGITS[currency] == digits


def test_currency_codes_are_three_capital_letters() -> None:
    assert all(len(code) == 3 and code.isalpha() and code.isupper() for code in CURRENCY_DIGITS)


@pytest.mark.parametrize(("units", "expected"), [(1, 0), (3, 2), (5, 2), (7, 4), (2, 1), (0, 0)])
def test_halves_go_to_the_even_unit(units: int, expected: int) -> None:
    assert convert(units, Rate(1, 2)) == expected


@pytest.mark.parametrize(
    ("units", "rate", "expected"),
    [(50, Rate(115, 100), 58), (55, Rate(11, 10), 60), (300, Rate(1_005, 1_000), 302)],
)
def test_a_tie_is_a_tie_where_floats_see_none(units: int, rate: Rate, expected: int) -> None:
    """57.5, 60.5 and 301.5; as floats 57.49999999999999, 60.50000000000001, 301.49999999999994."""
    assert convert(units, rate) == expected


@pytest.mark.parametrize(
    ("units", "shift", "expected"), [(150, 2, 15_000), (1_005, -1, 100), (1_015, -1, 102)]
)
def test_conversion_moves_between_currencies_of_other_digits(
    units: int, shift: int, expected: int
) -> None:
    assert convert(units, Rate(1, 1), shift) == expected


@pytest.mark.parametrize(
    ("units", "digits", "text"),
    [
        (1250, 2, "12.50"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (1250, 0, "1250"),
        (1250, 3, "1.250"),
        (-5, 2, "-0.05"),
    ],
)
def test_money_goes_out_with_the_digits_of_its_currency(units: int, digits: int, text: str) -> None:
    assert text_of_minor(units, digits) == text


@pytest.mark.parametrize(
    ("text", "shift", "kept"),
    [
        ("1.08", 0, (27, 25)),
        ("0.00006118078923218109", 0, (6118078923218109, -20)),
        ("0.0011111111111111111", 2, (11111111111111111, -21)),
        ("0." + "0" * 35 + "17", 4, (17, -41)),
        ("999999999999.999999", 4, (999999999999999999, 10**10)),
        ("1000000000000", 0, (10**12, 1)),
    ],
)
def test_a_rate_is_kept_exactly_in_two_numbers_of_63_bits(
    text: str, shift: int, kept: tuple[int, int]
) -> None:
    assert rate_of(text, shift) == kept
    exact = Fraction(kept[0], denominator_of(kept[1]))
    assert exact == Fraction(text) / 10**shift
    assert is_rate(text)


def test_a_longer_rate_of_an_earlier_release_is_rounded() -> None:
    assert not is_rate("0.1234567890123456789012345")
    assert rate_of("0.1234567890123456789012345") == (123456789012345679, 10**18)
    assert not is_rate("1" + "0" * 29)
    assert rate_of("1" + "0" * 29) == (10**12, 1)


def test_a_refund_is_converted_at_the_exact_rate() -> None:
    rate = rate_of("0.00006118078923218109")
    assert convert(1_500_000, rate, 2) == 9177
    assert convert(150_000_000, rate) == 9177
