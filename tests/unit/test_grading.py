"""Grading beyond orders: conditions on attributes, and dimensions of the score."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from config.policy_file import parse_policy
from handlers.control_records import PolicyActivated, encode_control
from handlers.state.customer import pack
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST
from scoring.grading import decimal_of
from scoring.policy import (
    AttributeCondition,
    Dimension,
    Movement,
    Policy,
    Satisfaction,
    Tier,
    Weights,
)
from tests.builders import day, merged, order, overridden, profile, refund, survey, viewed
from tests.driver import Driver, pick

KEY_ACCOUNT = {
    "contract_value": AttributeCondition(min="500000"),
    "credit": AttributeCondition(is_in=("A", "B")),
}
B2B = Policy(
    tiers=(Tier("A", attributes=KEY_ACCOUNT), Tier("B", min_monetary="100"), Tier("C")),
    movement=Movement(30),
)
POTENTIAL = Dimension(
    "potential", "attribute", "contract_value", cutoffs=("10", "100", "1000", "10000"), weight="2"
)
CREDIT = Dimension("credit", "attribute", "credit", values={"A": 5, "B": 3}, default=2)
HAPPY = Dimension("satisfaction", "satisfaction", cutoffs=("2", "3", "4", "4.5"), default=3)


def driver(policy: Policy = B2B, **options: Any) -> Driver:
    return Driver(policy, format_number=NEWEST, **options)


def moves(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "tier.changed"]
    return pick(found, "tier", "reason", "effective_at")


def graded(*dimensions: Dimension, **changes: Any) -> Policy:
    """Gold from 50 points, of the dimensions alone."""
    given: dict[str, Any] = {
        "weights": Weights("0", "0", "0"),
        "tiers": (Tier("gold", min_score=50), Tier("base")),
        "dimensions": dimensions,
    }
    return Policy(**{**given, **changes})


# -- conditions on attributes


def test_an_update_lifts_and_the_next_one_takes_at_once() -> None:
    found = driver()
    found.feed(order("o1", "268", day(0)))
    told = profile({"contract_value": 800000, "credit": "A"}, day(1))
    assert moves(found.feed(told)) == [("A", "profile", day(1))]
    assert moves(found.feed(profile({"credit": "C"}, day(2)))) == [("B", "profile", day(2))]
    assert moves(found.feed(profile({"credit": "B"}, day(3)))) == [("A", "profile", day(3))]
    assert found.state().grace is None


def test_what_was_crossed_names_the_attribute_and_the_condition() -> None:
    found = driver()
    found.feed(order("o1", "268", day(0)), profile({"contract_value": 800000}, day(1)))
    (rise,) = found.feed(profile({"credit": "A"}, day(2)))
    assert rise["crossed"] == [
        {
            "measure": "attributes.credit",
            "before": None,
            "after": "A",
            "cutoff": {"in": ["A", "B"]},
            "at": day(2),
        }
    ]
    (fall,) = found.feed(profile({"contract_value": "499999.99"}, day(3)))
    assert pick(fall["crossed"], "measure", "before", "after") == [
        ("attributes.contract_value", "800000", "499999.99")
    ]
    assert fall["crossed"][0]["cutoff"] == {"min": "500000"}


def test_a_prospect_stays_one_until_an_order_counts() -> None:
    found = driver()
    assert found.feed(profile({"contract_value": 800000, "credit": "A"}, day(1))) == []
    assert found.profile()["tier"] == "prospect"
    assert moves(found.feed(order("o1", "1", day(2)))) == [("A", "order", day(2))]


CASES: list[tuple[dict[str, Any], str | None, bool]] = [
    ({"min": "5"}, "5.0", True),
    ({"min": "5"}, "4.9999999999999999999999999999999", False),
    ({"min": "-5"}, "-5", True),
    ({"min": "5"}, None, False),
    ({"min": "0"}, "ten", False),
    ({"min": "0"}, "1e3", False),
    ({"min": "0"}, "+5", False),
    ({"min": "0"}, " 5", False),
    ({"max": "5"}, "5", True),
    ({"max": "5"}, "5.01", False),
    ({"max": "5"}, "-7", True),
    ({"max": "5"}, "five", False),
    ({"max": "5"}, None, False),
    ({"min": "1", "max": "5"}, "3", True),
    ({"min": "1", "max": "5"}, "0", False),
    ({"is_in": ("A",)}, "A", True),
    ({"is_in": ("A",)}, "a", False),
    ({"is_in": ("A",)}, None, False),
    ({"not_in": ("A",)}, "A", False),
    ({"not_in": ("A",)}, "B", True),
    ({"not_in": ("A",)}, None, True),
    ({"present": True}, "x", True),
    ({"present": True}, None, False),
    ({"present": True, "not_in": ("A",)}, "A", False),
]


@pytest.mark.parametrize(("asked", "value", "holds"), CASES)
def test_each_operator_holds_as_it_says(
    asked: dict[str, Any], value: str | None, holds: bool
) -> None:
    tier = Tier("A", attributes={"x": AttributeCondition(**asked)})
    found = driver(Policy(tiers=(tier, Tier("C"))))
    if value is not None:
        found.feed(profile({"x": value}, day(0)))
    found.feed(order("o1", "1", day(1)))
    assert found.profile()["tier"] == ("A" if holds else "C")


def test_an_attribute_that_was_taken_away_is_absent() -> None:
    found = driver()
    found.feed(order("o1", "1", day(0)), profile({"contract_value": 800000, "credit": "A"}, day(1)))
    assert moves(found.feed(profile({"credit": ""}, day(2)))) == [("C", "profile", day(2))]


def test_an_older_value_changes_nothing() -> None:
    found = driver()
    found.feed(order("o1", "1", day(0)), profile({"contract_value": 800000, "credit": "A"}, day(3)))
    assert found.feed(profile({"credit": "C"}, day(2))) == []


def test_an_attribute_that_grades_is_never_forgotten() -> None:
    found = driver(graded(CREDIT, tiers=B2B.tiers))
    found.feed(order("o1", "1", day(0)), profile({"contract_value": 800000, "credit": "A"}, day(1)))
    many = {f"note{number}": "x" for number in range(90)}
    assert moves(found.feed(profile(many, day(2)))) == []
    assert {"contract_value", "credit"} <= set(found.profile()["attributes"])
    assert len(found.profile()["attributes"]) == 64


def test_a_fall_by_an_update_ends_a_hold_and_needs_no_grace() -> None:
    policy = Policy(tiers=B2B.tiers, movement=Movement(30, hold_days=60))
    found = driver(policy)
    found.feed(
        order("o1", "200", day(0)), profile({"contract_value": 800000, "credit": "A"}, day(1))
    )
    assert moves(found.feed(profile({"credit": "C"}, day(5)))) == [("B", "profile", day(5))]


def test_a_fall_that_an_update_did_not_cause_goes_by_grace() -> None:
    found = driver()
    told = profile({"contract_value": 800000, "credit": "C"}, day(1))
    floor = overridden("A", day(1), until=day(10))
    found.feed(order("o1", "200", day(0)), told, floor)
    assert moves(found.pass_to(day(11))) == []
    assert moves(found.feed(profile({"region": "north"}, day(12)))) == []
    assert found.state().grace is not None
    assert moves(found.pass_to(day(60))) == [("B", "grace_expired", day(40))]


def test_a_late_update_says_so() -> None:
    found = driver()
    found.feed(order("o1", "1", day(0)), viewed(day(5)))
    (rise,) = found.feed(profile({"contract_value": 800000, "credit": "A"}, day(2)))
    assert (rise["late"], rise["effective_at"], rise["reason"]) == (True, day(5), "profile")


def test_no_order_reaches_a_tier_that_attributes_close() -> None:
    found = driver()
    found.feed(order("o1", "1", day(0)))
    found.feed(order("o2", "200", day(1)))
    assert found.profile()["next_tier"] == {
        "tier": "A",
        "order_amount_needed": None,
        "orders_needed": None,
        "total_needed": None,
    }


def test_without_the_keys_an_update_evaluates_nobody() -> None:
    found = driver(Policy())
    found.feed(order("o1", "1", day(0)), survey(5, day(1)))
    assert found.feed(profile({"credit": "A"}, day(2))) == []
    assert found.state().csat == []
    assert "dimensions" not in found.profile()


# -- dimensions


@pytest.mark.parametrize(
    ("told", "digit"),
    [
        ("9.99", 1),
        ("10", 2),
        ("1000.0", 4),
        ("10000", 5),
        ("-3", 1),
        ("many", 1),
        (None, 1),
    ],
)
def test_cutoffs_make_a_digit_as_m(told: str | None, digit: int) -> None:
    found = driver(graded(POTENTIAL))
    found.feed(order("o1", "1", day(0)))
    if told is not None:
        found.feed(profile({"contract_value": told}, day(1)))
    shown = found.profile()
    assert shown["dimensions"] == {"potential": digit}
    assert shown["score"] == 100 * (digit - 1) // 4


@pytest.mark.parametrize(("told", "digit"), [("A", 5), ("B", 3), ("C", 2), (None, 2)])
def test_values_make_a_digit_and_all_others_the_default(told: str | None, digit: int) -> None:
    found = driver(graded(CREDIT))
    found.feed(order("o1", "1", day(0)))
    if told is not None:
        found.feed(profile({"credit": told}, day(1)))
    assert found.profile()["dimensions"] == {"credit": digit}


def test_the_score_is_over_all_digits_by_weight() -> None:
    policy = graded(POTENTIAL, CREDIT, weights=Weights("1", "0.5", "1"))
    found = driver(policy)
    found.feed(profile({"contract_value": 100, "credit": "A"}, day(0)), order("o1", "60", day(0)))
    shown = found.profile()
    digits = shown["r"], shown["f"], shown["m"]
    assert digits == (5, 1, 2)
    exact = 100 * Fraction(4 + 0 + 1 + 2 * 2 + 4) / (4 * Fraction("5.5"))
    assert shown["score"] == int(exact)
    assert shown["dimensions"] == {"potential": 3, "credit": 5}


def test_both_sides_of_a_change_say_their_digits() -> None:
    found = driver(graded(CREDIT))
    found.feed(order("o1", "1", day(0)))
    (rise,) = found.feed(profile({"credit": "A"}, day(1)))
    assert rise["before"]["dimensions"] == {"credit": 2}
    assert rise["after"]["dimensions"] == {"credit": 5}
    assert pick(rise["crossed"], "measure", "before", "after") == [("score", 25, 100)]


def test_a_tier_may_ask_for_a_digit() -> None:
    tiers = (Tier("gold", min_dimensions={"credit": 3}), Tier("base"))
    found = driver(graded(CREDIT, tiers=tiers))
    found.feed(order("o1", "1", day(0)))
    (rise,) = found.feed(profile({"credit": "B"}, day(1)))
    assert rise["crossed"] == [
        {"measure": "dimensions.credit", "before": 2, "after": 3, "cutoff": 3, "at": day(1)}
    ]


def test_a_prospect_has_digits_but_no_score() -> None:
    found = driver(graded(CREDIT))
    found.feed(profile({"credit": "A"}, day(0)))
    shown = found.profile()
    assert (shown["tier"], shown["score"], shown["dimensions"]) == ("prospect", None, {"credit": 5})


# -- satisfaction


def test_satisfaction_is_the_exact_mean_of_the_five_newest_answers() -> None:
    found = driver(graded(HAPPY))
    found.feed(order("o1", "1", day(0)))
    assert found.profile()["dimensions"] == {"satisfaction": 3}
    answers = [(1, 1), (2, 4), (3, 5), (4, 5), (5, 4), (6, 4)]
    found.feed(*(survey(score, day(at), event_id=f"s{at}") for at, score in answers))
    assert found.state().csat == [(to, score) for to, score in found.state().csat][-5:]
    assert found.profile()["dimensions"] == {"satisfaction": 4}
    found.feed(survey(5, day(7)))
    assert found.profile()["dimensions"] == {"satisfaction": 5}


def test_an_older_answer_takes_its_place_by_time() -> None:
    found = driver(graded(HAPPY))
    found.feed(order("o1", "1", day(0)))
    found.feed(*(survey(5, day(at), event_id=f"s{at}") for at in range(2, 7)))
    found.feed(survey(1, day(1)))
    assert found.profile()["dimensions"] == {"satisfaction": 5}
    found.feed(survey(1, day(2), event_id="same"))
    assert [score for _, score in found.state().csat] == [1, 5, 5, 5, 5]


def test_an_answer_moves_the_tier_up_at_once_and_down_by_grace() -> None:
    found = driver(graded(HAPPY, movement=Movement(10)))
    found.feed(order("o1", "1", day(0)), survey(1, day(1)))
    assert found.profile()["tier"] == "gold"  # by grace
    assert moves(found.pass_to(day(12))) == [("base", "grace_expired", day(11))]
    assert moves(found.feed(survey(5, day(13)))) == [("gold", "survey", day(13))]


def test_an_answer_that_ends_churn_is_an_interaction_of_its_alert() -> None:
    found = driver(graded(HAPPY, movement=Movement(0)))
    found.feed(order("o1", "1", day(0)))
    found.pass_to(day(200))
    outputs = found.feed(survey(1, day(201)))
    assert pick(outputs, "type", "reason") == [
        ("tier.changed", "survey"),
        ("customer.returned", "interaction"),
    ]


def test_other_surveys_are_no_answers() -> None:
    found = driver(graded(HAPPY))
    found.feed(order("o1", "1", day(0)), survey(0, day(1), survey="nps"))
    assert found.state().csat == []


def test_a_policy_that_grades_by_satisfaction_counts_answers_from_then_on() -> None:
    found = driver(graded(CREDIT))
    found.feed(order("o1", "1", day(0)), survey(5, day(1)))
    found.activate(graded(HAPPY, version="next"))
    assert found.profile()["dimensions"] == {"satisfaction": 3}
    found.feed(survey(5, day(2)))
    assert found.profile()["dimensions"] == {"satisfaction": 5}
    found.activate(graded(CREDIT, version="last"))
    assert found.state().csat == []


# -- a new policy, and merging


def test_a_new_policy_says_which_condition_it_brought() -> None:
    found = driver(Policy(tiers=(Tier("A", min_frequency=1), Tier("C")), movement=Movement(0)))
    found.feed(order("o1", "1", day(0)), profile({"credit": "C"}, day(1)))
    asks = Tier("A", min_frequency=1, attributes={"credit": AttributeCondition(is_in=("A",))})
    policy = Policy(version="next", tiers=(asks, Tier("C")), movement=Movement(0))
    (fall,) = [one for one in found.activate(policy) if one["type"] == "tier.changed"]
    assert pick(fall["crossed"], "measure", "before", "after", "cutoff") == [
        ("attributes.credit", "C", "C", {"in": ["A"]})
    ]


def test_a_merge_is_graded_by_the_joined_attributes() -> None:
    found = driver()
    found.feed(
        order("o1", "1", day(0)),
        profile({"contract_value": 800000, "credit": "C"}, day(1)),
        profile({"credit": "A"}, day(2), customer="ben"),
    )
    assert moves(found.feed(merged("ana", day(3), customer="ben"))) == [("A", "merge", day(3))]


def test_a_merge_keeps_the_five_newest_answers_of_both() -> None:
    found = driver(graded(HAPPY))
    found.feed(*(survey(1, day(at), event_id=f"a{at}") for at in (1, 3, 5)))
    found.feed(*(survey(5, day(at), customer="ben", event_id=f"b{at}") for at in (2, 4, 5)))
    found.feed(merged("ana", day(6), customer="ben"))
    assert [score for _, score in found.state().csat] == [5, 1, 5, 5, 1]


def test_a_state_is_the_same_after_it_was_packed() -> None:
    told = [
        order("o1", "200", day(0)),
        profile({"contract_value": 800000, "credit": "A"}, day(1)),
        overridden("A", day(2), until=day(10)),
        refund("o1", "150", day(3), "r1"),
        survey(4, day(4)),
    ]
    policy = graded(POTENTIAL, HAPPY, tiers=B2B.tiers)
    whole, parts = driver(policy), driver(policy)
    whole.feed(*told)
    for line in told:
        parts.feed(line)
        parts.pack()
    assert parts.profile() == whole.profile()


def test_a_grace_remembers_the_attribute_that_was_lost() -> None:
    found = driver(Policy(tiers=(Tier("A", min_frequency=1), Tier("C")), movement=Movement(9)))
    found.feed(order("o1", "1", day(0)), profile({"credit": "C"}, day(1)))
    asks = Tier("A", min_frequency=1, attributes={"credit": AttributeCondition(not_in=("C",))})
    found.activate(Policy(version="next", tiers=(asks, Tier("C")), movement=Movement(9)))
    found.pack()
    (fall,) = [one for one in found.pass_to(day(20)) if one["type"] == "tier.changed"]
    assert pick(fall["crossed"], "measure", "after", "cutoff") == [
        ("attributes.credit", "C", {"not_in": ["C"]})
    ]


def test_an_attribute_that_a_policy_no_longer_names_says_its_text_on_the_side_of_a_tier() -> None:
    asks = Tier("A", attributes={"credit": AttributeCondition(is_in=("A",))})
    found = driver(Policy(tiers=(asks, Tier("C")), count_orders="paid"))
    found.feed(profile({"credit": "B"}, day(0)), order("o1", "1", day(1)))
    assert found.profile()["tier"] == "prospect"
    (rise,) = found.activate(Policy(version="next", tiers=(Tier("A"), Tier("C"))))
    assert pick(rise["crossed"], "measure", "before", "after", "cutoff") == [
        ("attributes.credit", None, "B", {"in": ["A"]})
    ]


def test_an_attribute_that_a_policy_no_longer_names_says_its_text_on_both_sides() -> None:
    asks = Tier("A", attributes={"credit": AttributeCondition(is_in=("A",))})
    found = driver(Policy(tiers=(asks, Tier("C"))))
    found.feed(order("o1", "1", day(0)), profile({"credit": "B"}, day(1)))
    (rise,) = found.activate(Policy(version="next", tiers=(Tier("A"), Tier("C"))))
    assert pick(rise["crossed"], "measure", "before", "after", "cutoff") == [
        ("attributes.credit", "B", "B", {"in": ["A"]})
    ]


def test_answers_that_the_profile_kept_are_there_for_the_grade() -> None:
    found = driver(graded(CREDIT, satisfaction=Satisfaction()))
    found.feed(order("o1", "1", day(0)), survey(5, day(1)))
    found.activate(graded(HAPPY, version="next"))
    assert found.profile()["dimensions"] == {"satisfaction": 5}


def test_a_decimal_is_a_plain_one() -> None:
    assert decimal_of("12.500") == Fraction(25, 2)
    for text in ("", ".5", "5.", "--5", "1_000", "\u0665", "0x1", "nan", "1/2"):
        assert decimal_of(text) is None


def test_a_policy_file_says_all_of_it() -> None:
    policy = parse_policy(
        """
        [[dimensions]]
        name = "potential"
        source = "attribute"
        attribute = "contract_value"
        cutoffs = [10000, "100000", "500000", "1000000"]
        weight = 2
        [[dimensions]]
        name = "credit"
        source = "attribute"
        attribute = "credit"
        values = { A = 5, B = 4 }
        default = 2
        [[dimensions]]
        name = "satisfaction"
        source = "satisfaction"
        cutoffs = ["2", "3", "4", "4.5"]
        [[tiers]]
        name = "A"
        min_dimensions = { potential = 3 }
        [tiers.attributes]
        contract_value = { min = 500000 }
        [[tiers]]
        name = "C"
        """
    )
    assert policy.tiers[0].attributes == {"contract_value": AttributeCondition(min="500000")}
    assert policy.tiers[0].min_dimensions == {"potential": 3}
    assert [one.weight for one in policy.dimensions] == ["2", "1", "1"]
    assert policy.dimensions[1].values == {"A": 5, "B": 4}


@pytest.mark.plain("replaces a function of the core")
def test_an_update_that_raises_leaves_grade_and_answers_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = driver(graded(CREDIT, HAPPY, tiers=B2B.tiers))
    found.feed(order("o1", "200", day(0)), profile({"contract_value": 800000}, day(1)))

    def fails(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("handlers.tiers.evaluation.next_tier", fails)
    assert found.reject(profile({"credit": "A"}, day(2), event_id="p2")) == "processing_failed"
    monkeypatch.undo()
    assert found.state().tier == "B"
    assert "credit" not in found.state().attributes
    assert moves(found.feed(profile({"credit": "A"}, day(2), event_id="p2"))) == [
        ("A", "profile", day(2))
    ]


def test_a_format_before_the_third_cannot_hold_such_a_policy() -> None:
    found = Driver(Policy(), format_number=2)
    found.feed(order("o1", "1", day(0)))
    with pytest.raises(FormatTooOld, match="attributes cannot be kept in format 2"):
        encode_control(PolicyActivated("p", "app", "live", 0, B2B, format=2))
    with pytest.raises(FormatTooOld, match="dimensions cannot be kept in format 2"):
        encode_control(PolicyActivated("p", "app", "live", 0, graded(HAPPY), format=2))
    assert found.feed(profile({"credit": "A"}, day(1)), survey(5, day(2))) == []
    pack(found.state(), 2)
