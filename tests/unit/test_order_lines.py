"""Lines of orders, of which nothing is judged, and orders that tell no amount."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import PolicyError, check_policy
from handlers.decode.decode import Limits, decode
from handlers.decode.fast import fast_event, raw_event
from handlers.decode.lines import Lines
from handlers.decode.policy_checks import precheck
from handlers.events import OrderPlaced
from handlers.reasons import Rejection
from scoring.money import Amount
from scoring.policy import Policy
from scoring.rules import Rules
from tests.builders import day, edited, order, paid, refund, without
from tests.driver import Driver

OPTIONAL = Policy(amounts="optional")
NO_AMOUNT = without(order("o1", "5", day(0)), "amount")


def lines_of(*items: object) -> Lines:
    """The lines of an order, which the fast path reads in the same way if it reads them."""
    line = order("o1", "5", day(0), items=list(items))
    found, fast = decode(line), fast_event(line)
    assert isinstance(found, OrderPlaced)
    assert fast is None or fast == found
    return found.items


# -- lines


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ({"sku": "a", "quantity": 2}, ("a", Amount(2, 0), None, None)),
        ({"quantity": "2"}, (None, Amount(2, 0), None, None)),
        ({"quantity": 2.50, "unit_price": "1.20"}, (None, Amount(25, 1), Amount(12, 1), None)),
        ({"unit_price": "-3"}, (None, None, Amount(-3, 0), None)),
        ({"category": "tea", "colour": []}, (None, None, None, "tea")),
        ({"sku": None}, (None, None, None, None)),
    ],
)
def test_a_line_is_taken_with_numbers_as_texts(item: object, line: tuple[Any, ...]) -> None:
    assert lines_of(item) == Lines((line,))


@pytest.mark.parametrize(
    ("item", "left_out"),
    [
        ({"sku": 5}, 1),
        ({"quantity": "two"}, 1),
        ({"quantity": "1e3", "unit_price": "+5"}, 2),
        ({"unit_price": True, "quantity": [1]}, 2),
        ({"category": {}}, 1),
        ("a text", 1),
        (None, 1),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(item: object, left_out: int) -> None:
    found = lines_of({"sku": "a"}, item)
    assert found.left_out == left_out
    assert found.lines[0] == ("a", None, None, None)
    assert set(found.lines[1:]) <= {(None, None, None, None)}


def test_an_order_counts_whatever_its_lines_are() -> None:
    driver = Driver(format_number=3)
    driver.feed(order("o1", "5", day(0), items=["x", {"quantity": "two", "category": 7}]))
    assert driver.profile()["monetary"] == "5.00"
    assert driver.partition.context.tally.left_out == {"order.placed": 3}


def test_categories_are_those_that_can_be_used_each_once() -> None:
    names = ("tea", 5, "x" * 65, "tea")
    found = lines_of(*({"category": name} for name in names))
    assert found.categories == ("tea",)
    many = lines_of(*({"category": f"c{number}"} for number in range(40)))
    assert len(many.categories) == 32


# -- orders without an amount


@pytest.mark.parametrize(
    "line", [NO_AMOUNT, edited(NO_AMOUNT, amount=None), edited(NO_AMOUNT, amount="")]
)
def test_an_order_without_an_amount_counts_nothing_where_the_policy_allows_it(line: bytes) -> None:
    driver = Driver(OPTIONAL, format_number=3)
    driver.feed(line)
    assert driver.dead_letters == []
    assert driver.profile()["frequency"] == 1
    assert driver.profile()["monetary"] == "0.00"
    driver = Driver(format_number=3)
    driver.feed(line)
    assert [letter.reason for letter in driver.dead_letters] == ["missing_field"]
    assert "amount" in driver.dead_letters[0].detail


def test_a_partition_of_an_older_format_needs_an_amount() -> None:
    driver = Driver(format_number=1)
    driver.feed(NO_AMOUNT)
    assert [letter.reason for letter in driver.dead_letters] == ["missing_field"]


def test_the_same_order_with_an_amount_of_zero_is_a_duplicate_with_another_a_conflict() -> None:
    driver = Driver(OPTIONAL, format_number=3)
    driver.feed(NO_AMOUNT, order("o1", "0.00", day(0), event_id="zero"))
    assert driver.duplicates == 1
    driver.feed(order("o1", "5", day(0), event_id="five"))
    assert [letter.reason for letter in driver.dead_letters] == ["conflict"]


def test_other_events_need_their_amount_under_any_policy() -> None:
    driver = Driver(OPTIONAL, format_number=3)
    driver.feed(NO_AMOUNT, paid("o1", day(0)), without(refund("o1", "1", day(0)), "amount"))
    assert [letter.reason for letter in driver.dead_letters] == ["missing_field"]


@pytest.mark.parametrize(
    ("amount", "reason"),
    [(5.125, "invalid_amount"), ("ten", "invalid_amount"), (True, "wrong_type")],
)
def test_an_amount_that_is_told_is_judged(amount: object, reason: str) -> None:
    driver = Driver(OPTIONAL, format_number=3)
    driver.feed(order("o1", amount, day(0)))
    assert [letter.reason for letter in driver.dead_letters] == [reason]


def test_an_unknown_currency_is_told_though_there_is_no_amount() -> None:
    driver = Driver(OPTIONAL, format_number=3)
    driver.feed(edited(NO_AMOUNT, currency="EUR"))
    assert [letter.reason for letter in driver.dead_letters] == ["unknown_currency"]


def test_ingest_lets_an_order_without_an_amount_pass_and_its_breaker_counts_it() -> None:
    raw = raw_event(NO_AMOUNT, Limits())
    assert raw is not None
    assert precheck(raw, Rules(Policy())) == "missing_field"
    assert precheck(raw, Rules(OPTIONAL)) is None
    assert not isinstance(decode(NO_AMOUNT), Rejection)


def test_the_key_of_the_policy_has_two_values() -> None:
    assert check_policy({"amounts": "optional"}).amounts == "optional"
    assert check_policy({}).amounts == "required"
    with pytest.raises(PolicyError, match="amounts"):
        check_policy({"amounts": "sometimes"})
