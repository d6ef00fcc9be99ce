"""The precheck at ingest gives the reason that the engine will give for the same record."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy_file import check_policy
from handlers.decode.decode import IN_THE_LOG, Limits, decode
from handlers.decode.fast import raw_event
from handlers.decode.policy_checks import check_values, precheck
from handlers.events import Event
from scoring.rules import Rules
from tests.builders import day, edited, order, refund, survey, ticket_opened, viewed
from tests.fault.bad_records import bad_records, odd_records

RATES = {"JPY": "0.0066", "KWD": "3.25", "CLF": "39.5"}
RULES = [
    Rules(check_policy(policy))
    for policy in ({}, {"currency_rates": RATES}, {"currency": "JPY", "tiers": [{"name": "A"}]})
]
ANY_TIME = Limits()

USUAL = [order("o", "1", day(1)), refund("o", "1", day(1)), survey(4, day(1))]
DIGITS = st.text("0123456789", min_size=1, max_size=14)
AMOUNTS = st.one_of(
    DIGITS,
    st.builds("{}.{}".format, DIGITS, st.text("0123456789", max_size=6)),
    st.builds("{}{}".format, st.sampled_from("+- ,"), DIGITS),
    st.integers(-5, 10**14),
    st.text("0123456789.,-+e\uff11\u0663 \n", max_size=8),
)
CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "amount": AMOUNTS,
        "currency": st.sampled_from(["USD", "JPY", "KWD", "CLF", "EUR", "usd", "XTS"]),
        "score": st.integers(-2, 13),
        "survey": st.sampled_from(["csat", "nps"]),
    },
)


def assert_agrees(value: bytes, rules: Rules) -> None:
    """What takes the fast path fails the precheck if the engine refuses it, for the same reason."""
    raw = raw_event(value, ANY_TIME)
    if raw is None:
        return
    event = decode(value, None, IN_THE_LOG)
    assert isinstance(event, Event)
    rejection = check_values(event, rules)
    assert precheck(raw, rules) == (None if rejection is None else rejection.reason)


@given(line=st.sampled_from(USUAL), changes=CHANGES, rules=st.sampled_from(RULES))
def test_the_precheck_fails_what_will_be_refused(
    line: bytes, changes: dict[str, Any], rules: Rules
) -> None:
    assert_agrees(edited(line, **changes), rules)


@pytest.mark.parametrize("rules", RULES, ids=["plain", "rates", "yen"])
def test_the_whole_catalogue_is_prechecked_as_it_is_refused(rules: Rules) -> None:
    bad = [record.value for record in bad_records() if record.value is not None]
    for value in [*bad, *(record.value for record in odd_records())]:
        assert_agrees(value, rules)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (order("o", "12,50", day(1)), "invalid_amount"),
        (order("o", "1.005", day(1)), "invalid_amount"),
        (order("o", 10**11, day(1)), "invalid_amount"),
        (order("o", "1", day(1), currency="EUR"), "unknown_currency"),
        (order("o", "1.005", day(1), currency="EUR"), "invalid_amount"),
        (refund("o", "-1", day(1)), "invalid_amount"),
        (survey(11, day(1)), "invalid_value"),
        (order("o", "1", day(1)), None),
        (viewed(day(1)), None),
        (ticket_opened("t", day(1)), None),
    ],
)
def test_a_bad_deploy_is_noticed_before_the_engine(line: bytes, reason: str | None) -> None:
    raw = raw_event(line, ANY_TIME)
    assert raw is not None, "it takes the fast path"
    assert precheck(raw, RULES[0]) == reason
