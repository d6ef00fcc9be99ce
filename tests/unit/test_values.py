"""The checks that need a policy, and the values that are out of range."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.decode.fast import fast_event
from scoring.policy import Policy
from tests.builders import (
    activity,
    cancelled,
    consent,
    day,
    edited,
    event,
    merged,
    order,
    paid,
    payment_failed,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver

POLICY = Policy(currency_rates={"EUR": "1.08", "JPY": "0.0066", "KWD": "3.25"})
LONG = "x" * 129
LONGEST = "x" * 128


def reason(line: bytes) -> str | None:
    return Driver(POLICY).reject(line)


@pytest.mark.parametrize(
    "amount",
    ["ten", "1e3", "+5", "-5", "1.005", "10000000000.01", -5, -0.01, 1.005, 1e11, " 5", "5,00"],
)
def test_an_amount_that_is_none_is_an_invalid_amount(amount: Any) -> None:
    assert reason(order("o1", amount, day(0))) == "invalid_amount"
    assert reason(refund("o1", amount, day(0))) == "invalid_amount"


@pytest.mark.parametrize("amount", ["0", "12.500", "10000000000.00", 500, 12.5, 0])
def test_decimal_texts_and_numbers_from_0_are_amounts(amount: Any) -> None:
    assert reason(order("o1", amount, day(0))) is None


@pytest.mark.parametrize(
    ("currency", "enough", "too_many"),
    [("USD", "1.05", "1.005"), ("JPY", "105", "1.5"), ("KWD", "1.005", "1.0005")],
)
def test_an_amount_may_have_the_decimals_of_its_currency(
    currency: str, enough: str, too_many: str
) -> None:
    assert reason(order("o1", enough, day(0), currency=currency)) is None
    assert reason(order("o1", too_many, day(0), currency=currency)) == "invalid_amount"


def test_the_decimals_of_a_refund_are_checked_against_the_base_currency() -> None:
    """Its order may be in dinars with three decimals; the refund does not say."""
    assert reason(refund("o1", "1.05", day(0))) is None
    assert reason(refund("o1", "1.005", day(0))) == "invalid_amount"
    assert Driver(Policy(currency="JPY")).reject(refund("o1", "1.5", day(0))) == "invalid_amount"


@pytest.mark.parametrize("currency", ["GBP", "usd", "XXX", "$", "US", "x" * 500])
def test_a_currency_without_a_rate_is_unknown(currency: str) -> None:
    assert reason(order("o1", "5", day(0), currency=currency)) == "unknown_currency"


def test_decimals_in_a_currency_without_a_rate_are_checked_as_in_the_base_currency() -> None:
    assert reason(order("o1", "1.05", day(0), currency="CLF")) == "unknown_currency"
    assert reason(order("o1", "1.005", day(0), currency="CLF")) == "invalid_amount"


@pytest.mark.parametrize(
    "line",
    [
        ticket_opened("t1", day(0), severity=9),
        ticket_opened("t1", day(0), severity=0),
        ticket_opened("t1", day(0), severity=10**40),
        ticket_opened("t1", day(0), kind="rant"),
        survey(0, day(0)),
        survey(6, day(0)),
        survey(11, day(0), survey="nps"),
        survey(-1, day(0), survey="nps"),
        survey(3, day(0), survey="ces"),
        order("o1", "5", day(0), payment_status="maybe"),
        order("o1", "5", day(0), payment_status=""),
        redeemed(0, day(0)),
        redeemed(-5, day(0)),
        merged("ana", day(0)),
        merged(LONG, day(0)),
        merged("a\tb", day(0)),
    ],
)
def test_a_value_out_of_range_or_not_in_its_list_is_an_invalid_value(line: bytes) -> None:
    assert reason(line) == "invalid_value"


@pytest.mark.parametrize(
    "line",
    [
        ticket_opened("t1", day(0), severity=1, kind="complaint"),
        ticket_opened("t1", day(0), severity=5.0, kind="other"),
        survey(1, day(0)),
        survey(5, day(0)),
        survey(0, day(0), survey="nps"),
        survey(10, day(0), survey="nps"),
        redeemed(1, day(0)),
        merged("ben", day(0)),
        activity("referral", day(0)),
    ],
)
def test_values_at_the_ends_of_their_range_are_fine(line: bytes) -> None:
    assert reason(line) is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (viewed(day(0)), "event_id"),
        (viewed(day(0)), "session_id"),
        (order("o1", "5", day(0)), "order_id"),
        (paid("o1", day(0)), "order_id"),
        (cancelled("o1", day(0)), "order_id"),
        (payment_failed("o1", day(0)), "order_id"),
        (refund("o1", "5", day(0)), "order_id"),
        (refund("o1", "5", day(0)), "refund_id"),
        (ticket_opened("t1", day(0)), "ticket_id"),
        (ticket_resolved("t1", day(0)), "ticket_id"),
        (ticket_reopened("t1", day(0)), "ticket_id"),
        (survey(5, day(0)), "ticket_id"),
        (redeemed(5, day(0)), "redemption_id"),
    ],
)
def test_an_id_has_at_most_128_characters(line: bytes, name: str) -> None:
    assert reason(edited(line, **{name: LONGEST})) is None
    assert reason(edited(line, **{name: LONG})) == "invalid_value"


@pytest.mark.parametrize(
    ("line", "name"), [(viewed(day(0)), "session_id"), (survey(5, day(0)), "ticket_id")]
)
def test_an_empty_text_in_an_optional_id_is_an_invalid_value(line: bytes, name: str) -> None:
    assert reason(edited(line, **{name: None})) is None
    assert reason(edited(line, **{name: ""})) == "invalid_value"
    assert fast_event(edited(line, **{name: ""})) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"birth_date": "1990-12-31", "registered_at": "2020-01-01"},
        {"registered_at": "2020-01-01T00:00:00+08:00"},
        {"birth_date": "", "name": None},
        {f"a{number}": "x" for number in range(64)},
        {"name": "x" * 1_024, "n" * 128: "x"},
    ],
)
def test_known_and_further_text_attributes_are_taken(attributes: Any) -> None:
    assert reason(profile(attributes, day(0))) is None


@pytest.mark.parametrize(
    "type_name",
    [
        "page.viewed",
        "product.viewed",
        "product.searched",
        "link.clicked",
        "cart.updated",
        "checkout.started",
    ],
)
def test_every_kind_of_browse_event_is_taken(type_name: str) -> None:
    extras = {"session_id": "s", "sku": "S1", "category": "c", "query": "q", "url": "/"}
    assert reason(event(type_name, day(0), **extras)) is None


@pytest.mark.parametrize(
    "line", [consent(True, day(0)), merged("ben", day(0)), redeemed(5, day(0))]
)
def test_types_without_an_effect_on_tiers_are_accepted_without_an_output(line: bytes) -> None:
    driver = Driver()
    assert driver.feed(line) == []
    assert (driver.accepted, driver.dead_letters) == (1, [])


def test_a_detail_says_what_is_wrong_in_words() -> None:
    driver = Driver()
    driver.feed(
        ticket_opened("t1", day(0), severity=9),
        order("o1", "1.005", day(0)),
        order("o1", "1", day(0), currency="GBP"),
        order("o1", "10000000000.01", day(0)),
    )
    assert [letter.detail for letter in driver.dead_letters] == [
        "severity must be 1 to 5, got 9",
        'amount must be a plain decimal from 0, with at most 2 decimals, got "1.005"',
        'currency: the policy has no rate for "GBP", it counts in USD',
        'amount is over 10^12 minor units, got "10000000000.01"',
    ]
