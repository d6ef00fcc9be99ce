"""The health score: its parts, its weights, and what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.health_score import (
    health_rule,
    health_score,
    level_part,
    satisfaction_part,
    support_part,
)
from scoring.policy import Health, Policy, Satisfaction
from tests.builders import cancelled, day, order, survey, ticket_opened, ticket_resolved
from tests.driver import Driver

ASKED = Policy(satisfaction=Satisfaction(), health=Health())


def health(*lines: bytes, policy: Policy = ASKED, until: str | None = None) -> dict[str, Any]:
    driver = Driver(policy)
    driver.feed(*lines)
    if until is not None:
        driver.pass_to(until)
    found: dict[str, Any] = driver.profile()["health"]
    return found


def test_the_score_is_the_weighted_mean_of_the_parts_shown() -> None:
    """R 5, F 1, M 2 (60.00 reaches 50), active, CSAT 4 of 5, one complaint."""
    found = health(
        order("o1", "60", day(0)), survey(4, day(0)), ticket_opened("t1", day(0), kind="complaint")
    )
    parts = {"recency": 100, "frequency": 0, "level": 100, "satisfaction": 75, "support": 50}
    assert found == {"score": sum(parts.values()) // 5, "parts": parts}


def test_weights_may_be_decimals_and_a_part_without_weight_is_not_shown() -> None:
    weighted = Health("0", "0", "1.5", "0.5", "0", "0")
    found = health(order("o1", "60", day(0)), policy=Policy(health=weighted))
    assert found == {"score": (3 * 25 + 1 * 100) // 4, "parts": {"monetary": 25, "level": 100}}


def test_what_is_not_known_is_left_out_with_its_weight() -> None:
    found = health(order("o1", "60", day(0)))
    assert found["parts"]["satisfaction"] is None
    assert found["score"] == (100 + 0 + 100 + 100) // 4


def test_a_prospect_has_only_the_parts_that_need_no_order() -> None:
    found = health(survey(1, day(0)))
    assert found["parts"] == {
        "recency": None,
        "frequency": None,
        "level": None,
        "satisfaction": 0,
        "support": 100,
    }
    assert found["score"] == 50


def test_of_whom_nothing_is_known_there_is_no_score() -> None:
    only_orders = Health("1", "0", "0", "0", "0", "0")
    found = health(
        order("o1", "5", day(0)), cancelled("o1", day(1)), policy=Policy(health=only_orders)
    )
    assert found == {"score": None, "parts": {"recency": None}}


def test_health_falls_as_time_passes() -> None:
    before = health(order("o1", "60", day(0)))
    after = health(order("o1", "60", day(0)), until=day(100))
    assert after["parts"]["recency"] < before["parts"]["recency"]
    assert after["parts"]["level"] == 33
    assert after["score"] < before["score"]


def test_a_resolved_ticket_costs_nothing() -> None:
    opened = [order("o1", "60", day(0)), ticket_opened("t1", day(0), kind="question")]
    assert health(*opened)["parts"]["support"] == 90
    assert health(*opened, ticket_resolved("t1", day(1)))["parts"]["support"] == 100


@pytest.mark.parametrize(("level", "part"), [(0, 100), (1, 66), (2, 33), (3, 0)])
def test_levels_are_thirds(level: int, part: int) -> None:
    assert level_part(level) == part


@pytest.mark.parametrize(
    ("csat", "nps", "part"),
    [
        ([], [], None),
        ([1], [], 0),
        ([5, 5], [], 100),
        ([4], [], 75),
        ([4, 5, 5], [], 91),
        ([], [7], 70),
        ([4], [7], 72),
        ([2, 3], [10, 9, 9], 65),
    ],
)
def test_satisfaction_is_the_place_of_the_mean_on_its_scale(
    csat: list[int], nps: list[int], part: int | None
) -> None:
    assert satisfaction_part(csat, nps) == part


def test_many_tickets_cost_no_more_than_all_of_it() -> None:
    assert support_part(health_rule(Health()), 1, 4) == 10
    assert support_part(health_rule(Health()), 2, 1) == 0


def test_the_score_stays_between_0_and_100() -> None:
    rule = health_rule(Health())
    assert health_score(rule, [0] * 6) == 0
    assert health_score(rule, [100] * 6) == 100
    assert health_score(rule, [None] * 6) is None
