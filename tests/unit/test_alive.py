"""Dormancy by the probability that a customer still buys."""

from __future__ import annotations

import decimal
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy_file import PolicyError, check_policy
from handlers.control_records import PolicyActivated, encode_control
from handlers.explain.build import explain
from handlers.state.format_fields import FormatTooOld
from scoring.alive import AliveRule
from scoring.dormancy import LEVELS
from scoring.policy import Dormancy, Policy, Probability
from scoring.rules import Rules
from tests.builders import DAY_MS, cancelled, day, day_ms, order, viewed
from tests.driver import Driver

CDNOW = Probability(r="0.525", alpha="6.183", a="0.891", b="1.614")
WEEK_MS = 7 * DAY_MS


def rules_of(declared: Probability = CDNOW, min_orders: int = 1) -> Rules:
    return Rules(policy_of(declared, min_orders))


def policy_of(declared: Probability = CDNOW, min_orders: int = 1) -> Policy:
    dormancy = Dormancy(mode="probability", probability_min_orders=min_orders, probability=declared)
    return Policy(dormancy=dormancy)


def free(**changes: Any) -> Probability:
    """A model whose thresholds no bound touches."""
    fields = {"r": "0.525", "alpha": "6.183", "a": "0.891", "b": "1.614"}
    return Probability(**{**fields, "min_days": 1, "max_days": 36_500, **changes})


def by_the_letter(declared: Probability, level: str, repeats: int, span_ms: int) -> int:
    """The formula, step by step in a context of its own."""
    with decimal.localcontext(decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN)):
        r, alpha, a, b = (
            Decimal(text) for text in (declared.r, declared.alpha, declared.a, declared.b)
        )
        p, x, t = Decimal(level), Decimal(repeats), Decimal(span_ms)
        unit = Decimal(declared.unit_days * 86_400_000)
        base = (1 - p) / p * (b + x) / a
        power = (base.ln() * (1 / (r + x))).exp()
        silence = int((unit * ((alpha + t / unit) * power - alpha)).__floor__()) - span_ms
    low, high = declared.min_days * DAY_MS, declared.max_days * DAY_MS
    return min(max(silence, low), high)


# -- the model


@given(
    st.integers(0, 500),
    st.integers(0, 2_000 * DAY_MS),
    st.decimals("0.01", "100", places=3).map(str),
    st.decimals("0.01", "100", places=3).map(str),
)
def test_thresholds_are_those_of_the_formula(repeats: int, span_ms: int, r: str, a: str) -> None:
    declared = Probability(r=r, alpha="6.183", a=a, b="1.614", min_days=1, max_days=36_500)
    found = AliveRule(declared).silences(repeats, span_ms)
    levels = declared.at_risk, declared.dormant, declared.churned
    assert found == tuple(by_the_letter(declared, level, repeats, span_ms) for level in levels)


def test_a_known_customer_has_known_thresholds_to_the_millisecond() -> None:
    found = AliveRule(free()).silences(3, 20 * WEEK_MS)
    assert found == (4_018_635_435, 12_491_226_101, 31_256_634_862)


@pytest.mark.parametrize("repeats", [0, 1, 7, 60])
def test_at_a_threshold_the_probability_has_just_fallen_to_that_of_the_level(repeats: int) -> None:
    rule, span_ms = AliveRule(free()), repeats * 3 * WEEK_MS
    for level, silence_ms in zip(
        ("0.7", "0.4", "0.1"), rule.silences(repeats, span_ms), strict=True
    ):
        if silence_ms not in (DAY_MS, 36_500 * DAY_MS):
            assert rule.alive(repeats, span_ms, silence_ms) >= Decimal(level)
            assert rule.alive(repeats, span_ms, silence_ms + 1) < Decimal(level)


def test_thresholds_keep_to_their_bounds() -> None:
    rule = AliveRule(CDNOW)
    assert rule.silences(500, 0)[0] == 14 * DAY_MS
    assert rule.silences(0, 0)[2] == 730 * DAY_MS


def test_a_base_below_one_gives_the_shortest_silence() -> None:
    assert AliveRule(free(a="1000")).silences(0, 0)[0] == DAY_MS


@pytest.mark.parametrize("r", ["0.000001", "1000000"])
@pytest.mark.parametrize("other", ["0.000001", "1000000"])
def test_the_most_extreme_parameters_overflow_nothing(r: str, other: str) -> None:
    rule = AliveRule(free(r=r, alpha=other, a=other, b=r, churned="0." + "0" * 37 + "1"))
    for repeats in (0, 9_200_000):
        for span_ms in (0, 10**14):
            silences = rule.silences(repeats, span_ms)
            assert all(DAY_MS <= silence <= 36_500 * DAY_MS for silence in silences)
            assert 0 <= rule.alive(repeats, span_ms, 10**13) <= 1


def test_neither_thread_nor_global_context_changes_a_millisecond() -> None:
    expected, found = AliveRule(free()).silences(3, 20 * WEEK_MS), []

    def compute() -> None:
        decimal.getcontext().prec = 5
        decimal.getcontext().rounding = decimal.ROUND_UP
        found.append(AliveRule(free()).silences(3, 20 * WEEK_MS))

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert found == [expected]


# -- levels


def test_an_alert_names_the_basis_and_the_threshold() -> None:
    driver = Driver(policy_of(), format_number=3)
    driver.feed(*(order(f"o{n}", "10", day(7 * n)) for n in range(4)))
    due = AliveRule(CDNOW).silences(3, 21 * DAY_MS)
    driver.pass_to(day(21 + 700))
    alerts = [output for output in driver.outputs if output["type"] == "dormancy.alert"]
    assert [alert["level"] for alert in alerts] == [*LEVELS[1:]]
    assert {alert["basis"] for alert in alerts} == {"probability"}
    exact = [round(Fraction(silence, DAY_MS) * 10_000) / 10_000 for silence in due]
    assert [alert["threshold_days"] for alert in alerts] == exact


def test_fewer_orders_than_asked_for_have_the_fixed_days() -> None:
    dormancy = rules_of(min_orders=2).dormancy
    assert dormancy.thresholds(1, 0, 0) == dormancy.fixed
    assert dormancy.thresholds(2, 0, WEEK_MS).basis == "probability"


def test_one_order_is_enough_if_the_policy_does_not_say_otherwise() -> None:
    found = rules_of().dormancy.thresholds(1, 0, 0)
    assert found[:3] == AliveRule(CDNOW).silences(0, 0)


def test_a_cancellation_that_takes_an_order_away_moves_the_thresholds() -> None:
    driver = Driver(policy_of(), format_number=3)
    driver.feed(*(order(f"o{n}", "10", day(n)) for n in range(10)))
    before = driver.state().next_due_ms
    driver.feed(cancelled("o9", day(10)), cancelled("o8", day(10)))
    assert before == day_ms(9) + AliveRule(CDNOW).silences(9, 9 * DAY_MS)[0]
    assert driver.state().next_due_ms == day_ms(7) + AliveRule(CDNOW).silences(7, 7 * DAY_MS)[0]


def test_explain_says_how_likely_the_customer_still_buys() -> None:
    driver = Driver(policy_of(), format_number=3)
    driver.feed(order("o1", "10", day(0)), order("o2", "10", day(30)), viewed(day(60)))
    rules = driver.partition.rules
    level = explain(driver.state(), rules, day_ms(60)).level
    exact = AliveRule(CDNOW).alive(1, 30 * DAY_MS, 30 * DAY_MS)
    assert level.basis == "probability"
    assert level.alive == f"{exact:.4f}"
    assert level.mean_gap_days is None


# -- the policy

SECTION = {"r": "0.525", "alpha": "6.183", "a": Decimal("0.891"), "b": 2}


def test_the_section_is_read() -> None:
    dormancy = check_policy({"dormancy": {"mode": "probability", "probability": SECTION}}).dormancy
    assert dormancy.probability == Probability("0.525", "6.183", "0.891", "2")
    assert dormancy.probability_min_orders == 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"r": "0"}, "dormancy.probability.r: must be from 0.000001"),
        ({"alpha": 10**7}, "dormancy.probability.alpha: must be from 0.000001"),
        ({"a": "many"}, "dormancy.probability.a: must be a decimal"),
        ({"b": None}, "dormancy.probability.b: is missing"),
        ({"unit_days": 0}, "dormancy.probability.unit_days"),
        ({"at_risk": "1"}, "dormancy.probability.at_risk: must be above 0 and below 1"),
        ({"churned": "0"}, "dormancy.probability.churned: must be above 0 and below 1"),
        ({"at_risk": "0.3"}, "dormancy.probability.at_risk: must not be below dormant"),
        ({"min_days": 800}, "dormancy.probability.min_days: must not exceed max_days"),
        ({"gamma": "1"}, "dormancy.probability.gamma"),
    ],
)
def test_a_wrong_key_is_refused_with_its_place(changes: dict[str, Any], place: str) -> None:
    section = {key: value for key, value in {**SECTION, **changes}.items() if value is not None}
    with pytest.raises(PolicyError) as refused:
        check_policy({"dormancy": {"mode": "probability", "probability": section}})
    assert place in str(refused.value)


def test_the_mode_without_its_section_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"dormancy\.probability: is missing"):
        check_policy({"dormancy": {"mode": "probability"}})


def test_an_older_format_cannot_hold_the_mode() -> None:
    activated = PolicyActivated("p", "app", "replay", 0, policy_of(), format=2)
    with pytest.raises(FormatTooOld):
        encode_control(activated)
