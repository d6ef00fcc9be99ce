"""No rate, amount or sum outgrows a state record, whatever a policy that passes the check says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from config.policy_file import PolicyError, check_policy
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.money import CURRENCY_DIGITS, MAX_MINOR_UNITS, is_rate
from scoring.policy import PointsPolicy, Policy
from scoring.rules import Rules
from tests.builders import activity, cancelled, day, merged, order, redeemed, refund
from tests.driver import Driver

CURRENCIES = ("USD", "JPY", "KWD", "CLF", "IDR", "VND")
_DIGITS = st.text("0123456789", min_size=1, max_size=24)
_RATES = st.builds(
    lambda whole, fraction: f"{int(whole)}.{fraction}" if fraction else str(int(whole)),
    st.text("0123456789", min_size=1, max_size=13),
    st.one_of(st.just(""), _DIGITS, st.integers(1, 25).map(lambda zeros: "0" * zeros + "17")),
).filter(lambda text: float(text) > 0)
_GOOD_RATES = st.one_of(
    st.builds(
        lambda digits, decimals: f"{Decimal(digits).scaleb(-decimals):f}",
        st.integers(1, 10**18 - 1),
        st.integers(12, 36),
    ),
    st.integers(1, 10**6).map(str),
)
_AMOUNTS = st.one_of(
    st.integers(0, MAX_MINOR_UNITS), st.sampled_from([0, 1, 10**6, MAX_MINOR_UNITS])
)


def _policy(base: str, rates: dict[str, str], points: str) -> dict[str, Any]:
    return {
        "currency": base,
        "currency_rates": {currency: rate for currency, rate in rates.items() if currency != base},
        "points": {
            "rate": points,
            "expire_after_days": 30,
            "activities": {"visit": {"points": 10**9}},
        },
    }


def _major(minor: int, currency: str) -> str:
    digits = CURRENCY_DIGITS[currency]
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}d}" if digits else str(whole)


def _feed(driver: Driver, line: bytes) -> None:
    driver.feed(line)
    for customer_id, packed in driver.partition.store.pack_changed(1, NEWEST):
        customer = driver.state(customer_id)
        assert unpack(packed) == customer
        assert pack(customer, NEWEST) == packed
        if not customer.is_gone:
            json.loads(json.dumps(driver.profile(customer_id)))


@given(
    base=st.sampled_from(CURRENCIES),
    rates=st.dictionaries(st.sampled_from(CURRENCIES), _GOOD_RATES),
    points=_GOOD_RATES,
    orders=st.lists(st.tuples(st.sampled_from(CURRENCIES), _AMOUNTS, _AMOUNTS), max_size=8),
)
def test_every_state_of_a_checked_policy_is_packed_and_read_back(
    base: str, rates: dict[str, str], points: str, orders: list[tuple[str, int, int]]
) -> None:
    driver = Driver(check_policy(_policy(base, rates, points)))
    for number, (currency, amount, back) in enumerate(orders):
        customer = "ana" if number % 2 else "ben"
        name = f"A{number}"
        at = day(number)
        _feed(driver, order(name, _major(amount, currency), at, customer, currency=currency))
        _feed(driver, activity("visit", at, customer))
        _feed(driver, refund(name, _major(back, base), day(number, 1), customer=customer))
        _feed(driver, redeemed(10**12, day(number, 2), customer, redemption_id=f"R{number}"))
        if number % 3 == 2:
            _feed(driver, cancelled(name, day(number, 3), customer))
    _feed(driver, merged("ben", day(len(orders) + 1)))
    assert {letter.reason for letter in driver.dead_letters} <= {
        *("invalid_amount", "unknown_currency")
    }


@given(rates=st.dictionaries(st.sampled_from(CURRENCIES[1:]), _RATES, min_size=1), points=_RATES)
def test_a_policy_is_refused_with_the_key_of_a_rate_that_does_not_fit(
    rates: dict[str, str], points: str
) -> None:
    wrong = [f"currency_rates.{name}" for name, rate in rates.items() if not is_rate(rate)]
    wrong += ["points.rate"] if not is_rate(points, 10**6) else []
    if not wrong:
        check_policy(_policy("USD", rates, points))
        return
    with pytest.raises(PolicyError) as refused:
        check_policy(_policy("USD", rates, points))
    assert [problem.partition(":")[0] for problem in refused.value.problems] == wrong


@given(
    rate=st.decimals(0, 10**29, allow_nan=False, places=10).map(lambda rate: f"{rate:f}"),
    amount=_AMOUNTS,
)
def test_a_policy_of_an_earlier_release_in_the_log_does_no_harm(rate: str, amount: int) -> None:
    assume(float(rate) > 0)
    policy = Policy(currency_rates={"IDR": rate}, points=PointsPolicy(rate=rate))
    driver = Driver(policy)
    _feed(driver, order("A1", _major(amount, "IDR"), day(0), currency="IDR"))
    _feed(driver, order("A2", _major(amount, "USD"), day(1)))
    _feed(driver, refund("A1", "1", day(2)))


@given(rate=_RATES, base=st.sampled_from(CURRENCIES), other=st.sampled_from(CURRENCIES))
def test_the_largest_amount_is_the_last_that_converts_to_ten_to_the_twelve(
    rate: str, base: str, other: str
) -> None:
    assume(base != other and is_rate(rate))
    rules = Rules(Policy(currency=base, currency_rates={other: rate}))
    most = rules.most_minor[other]
    driver = Driver(rules.policy)
    if most > 0:
        line = order("A1", _major(most, other), day(0), currency=other)
        assert driver.reject(line) is None
        assert driver.state().ledger.monetary <= MAX_MINOR_UNITS
    if most < MAX_MINOR_UNITS:
        line = order("A2", _major(most + 1, other), day(0), currency=other)
        assert driver.reject(line) == "invalid_amount"
