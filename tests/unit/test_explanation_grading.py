"""What `tierstream explain` says of attributes and dimensions."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from cli.explain.render import explanation_view
from config.policy_file import check_policy
from handlers.explain.build import explain
from handlers.explain.model import ConditionHeld, DimensionWhy, Explanation
from handlers.state.formats import NEWEST
from tests.builders import day, order, overridden, profile, survey
from tests.driver import Driver
from words import words_in

CUTOFFS = ["2", "3", "4", "4.5"]
DECLARED: dict[str, Any] = {
    "dimensions": [
        {
            "name": "potential",
            "source": "attribute",
            "attribute": "contract_value",
            "cutoffs": ["10000", "100000", "500000", "1000000"],
            "weight": 2,
        },
        {"name": "credit", "source": "attribute", "attribute": "credit", "values": {"A": 5}},
        {"name": "happy", "source": "satisfaction", "cutoffs": CUTOFFS, "default": 3},
    ],
    "tiers": [
        {
            "name": "A",
            "attributes": {
                "contract_value": {"min": "500000", "max": "9000000"},
                "credit": {"in": ["A", "B"], "present": True},
                "blocked": {"not_in": ["yes"]},
            },
            "min_dimensions": {"potential": 3},
        },
        {"name": "B"},
    ],
    "movement": {"grace_days": 20},
}
LIFE = (
    order("o1", "60", day(0)),
    profile({"contract_value": 800000, "credit": "C"}, day(1)),
    *(survey(score, day(2 + number), event_id=f"s{number}") for number, score in enumerate((4, 4))),
    survey(5, day(5)),
)


def driver(*lines: bytes) -> Driver:
    found = Driver(check_policy(DECLARED), format_number=NEWEST)
    found.feed(*lines)
    return found


def why(found: Driver) -> Explanation:
    state = found.state()
    return explain(state, found.partition.rules, found.partition.clock_of(state))


def words(explanation: Explanation) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(explanation_view(explanation, words_in()))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return " ".join(text.split())


def test_it_says_which_attribute_holds_and_which_lacks() -> None:
    above = why(driver(*LIFE)).tier.above
    assert above is not None
    assert not above.holds
    value, credit = "attributes.contract_value", "attributes.credit"
    assert above.conditions == [
        ConditionHeld(value, "at_least", "500000", "800000", None, True),
        ConditionHeld(value, "at_most", "9000000", "800000", None, True),
        ConditionHeld(credit, "in", ["A", "B"], "C", None, False),
        ConditionHeld(credit, "present", None, "C", None, True),
        ConditionHeld("attributes.blocked", "not_in", ["yes"], None, None, True),
        ConditionHeld("dimensions.potential", "at_least", 3, 4, 1, True),
    ]
    text = words(why(driver(*LIFE)))
    assert "does not attribute credit one of A, B is C" in text
    assert "holds attribute contract_value at least 500000 is 800000" in text
    assert "holds attribute blocked none of yes has none" in text
    assert "holds attribute credit is known is C" in text
    assert "holds dimension potential ≥ 3 is 4 by 1" in text


def test_it_says_what_each_digit_follows_from() -> None:
    score = why(driver(*LIFE)).score
    assert score is not None
    assert score.dimensions == [
        DimensionWhy(
            "potential",
            "contract_value",
            "800000",
            None,
            ["10000", "100000", "500000", "1000000"],
            {},
            False,
            4,
            2,
        ),
        DimensionWhy("credit", "credit", "C", None, [], {"A": 5}, True, 1, 1),
        DimensionWhy("happy", None, "13/3", 3, CUTOFFS, {}, False, 4, 1),
    ]
    assert score.figures.score == 100 * score.points // score.most_points
    text = words(why(driver(*LIFE)))
    assert "+ 2*(4-1) + 1*(1-1) + 1*(4-1)) / 28⌋" in text
    assert "potential 4 contract_value: 800000 cut-offs 10000 100000 500000 1000000: 3" in text
    assert "credit 1 credit: C the default" in text
    assert "happy 4 mean of 3 answers: 13/3 cut-offs 2 3 4 4.5: 3 reached" in text


def test_before_any_order_the_conditions_are_there_and_none_holds() -> None:
    above = why(driver(profile({"credit": "A"}, day(0)))).tier.above
    assert above is not None
    assert (above.name, above.holds) == ("B", False)


def test_a_grace_names_the_attribute_that_was_lost() -> None:
    found = driver(LIFE[0], profile({"contract_value": 800000, "credit": "A"}, day(1)))
    asks = {**DECLARED, "version": "next", "tiers": [*DECLARED["tiers"]]}
    asks["tiers"][0] = {"name": "A", "attributes": {"credit": {"in": ["AA"]}}}
    found.activate(check_policy(asks))
    assert "attribute credit went from A to A, past one of AA" in words(why(found))


def test_figures_of_a_tier_by_hand_stay_those_of_the_customer() -> None:
    found = driver(*LIFE, overridden("A", day(6), until=day(9)))
    tier = why(found).tier
    assert (tier.name, tier.by_figures, tier.qualifies_for) == ("A", "B", "A")
