"""What customers say and how long tickets take, as the profile shows it."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.policy import Holdout, Policy, Satisfaction
from scoring.satisfaction import MAX_KEPT, enter, mean_text, newest
from tests.builders import (
    consent,
    day,
    order,
    survey,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
)
from tests.driver import Driver, pick

ASKED = Policy(satisfaction=Satisfaction(answers=3, resolutions=2))


def feelings(*lines: bytes, policy: Policy = ASKED) -> dict[str, Any]:
    driver = Driver(policy)
    driver.feed(*lines)
    assert driver.dead_letters == []
    found: dict[str, Any] = driver.profile()["satisfaction"]
    return found


def some(found: dict[str, Any], *names: str) -> list[Any]:
    return [found[name] for name in names]


def nps(score: int, at: str, **more: Any) -> bytes:
    return survey(score, at, survey="nps", **more)


def resolutions(*lines: bytes) -> list[Any]:
    return some(feelings(*lines), "resolution_hours_mean", "resolutions")


def test_without_the_section_there_is_no_such_field() -> None:
    driver = Driver()
    driver.feed(survey(5, day(0)), ticket_opened("t1", day(1)))
    assert not {"satisfaction", "health", "holdout"} & set(driver.profile())
    assert driver.state().experience is None


def test_without_any_answer_there_is_no_mean() -> None:
    found = feelings(ticket_opened("t1", day(0), kind="complaint"), ticket_opened("t2", day(1)))
    assert found == {
        "open_tickets": 2,
        "open_complaints": 1,
        "csat_last": None,
        "csat_mean": None,
        "csat_answers": 0,
        "nps_last": None,
        "nps_mean": None,
        "nps_answers": 0,
        "resolution_hours_mean": None,
        "resolutions": 0,
    }


def test_the_mean_is_that_of_the_last_answers() -> None:
    scores = [1, 1, 5, 4, 4]
    found = feelings(*(survey(score, day(n)) for n, score in enumerate(scores)))
    assert some(found, "csat_last", "csat_mean", "csat_answers") == [4, "4.33", 3]


def test_csat_and_nps_are_kept_apart() -> None:
    found = feelings(survey(5, day(0)), nps(0, day(1)), nps(9, day(2)))
    assert some(found, "csat_mean", "nps_mean", "nps_last") == ["5.00", "4.50", 9]


def test_the_last_answer_is_the_last_by_its_own_time() -> None:
    found = feelings(survey(5, day(9)), survey(1, day(3)))
    assert some(found, "csat_last", "csat_mean") == [5, "3.00"]


def test_answers_at_the_same_time_are_in_the_order_they_arrived() -> None:
    found = feelings(survey(5, day(3), event_id="a"), survey(2, day(3), event_id="b"))
    assert found["csat_last"] == 2


def test_a_late_answer_older_than_those_that_count_changes_nothing() -> None:
    asked = [survey(4, day(n + 1)) for n in range(3)]
    assert feelings(*asked, survey(1, day(0))) == feelings(*asked)


@pytest.mark.parametrize(("total", "text"), [(1, "0.12"), (3, "0.38"), (5, "0.62"), (7, "0.88")])
def test_means_are_rounded_to_two_decimals_ties_to_even(total: int, text: str) -> None:
    assert mean_text([total, 0, 0, 0, 0, 0, 0, 0]) == text


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10)), max_size=100),
    st.integers(1, MAX_KEPT),
)
def test_the_newest_kept_are_the_newest_of_all(told: list[tuple[int, int]], count: int) -> None:
    kept: list[tuple[int, int]] = []
    for at_ms, score in told:
        enter(kept, at_ms, score)
    by_time = sorted(told, key=lambda pair: pair[0])  # stable: among equal times by arrival
    assert newest(kept, count) == [score for _, score in by_time][-count:]
    assert len(kept) <= MAX_KEPT


def test_a_policy_that_asks_for_more_sees_answers_from_before_it() -> None:
    driver = Driver(ASKED)
    driver.feed(*(survey(1 + n % 5, day(n)) for n in range(10)))
    driver.activate(Policy(version="more", satisfaction=Satisfaction(answers=32)))
    assert some(driver.profile()["satisfaction"], "csat_answers", "csat_mean") == [10, "3.00"]


def test_a_policy_without_the_section_forgets_what_was_said() -> None:
    driver = Driver(ASKED)
    driver.feed(survey(5, day(0)))
    driver.activate(Policy(version="none"))
    assert driver.state().experience is None
    driver.activate(Policy(version="again", satisfaction=Satisfaction()))
    assert driver.profile()["satisfaction"]["csat_answers"] == 0


# Time to resolution


def test_the_time_to_resolution_is_from_opening_to_resolving() -> None:
    assert resolutions(
        ticket_opened("t1", day(0)),
        ticket_resolved("t1", day(1, 1, 30)),
    ) == ["25.50", 1]


def test_a_reopened_ticket_counts_again_from_its_reopening() -> None:
    assert resolutions(
        ticket_opened("t1", day(0)),
        ticket_resolved("t1", day(0, 10)),
        ticket_reopened("t1", day(5)),
        ticket_resolved("t1", day(5, 1)),
    ) == ["5.50", 2]


def test_opening_an_open_ticket_again_does_not_start_it_anew() -> None:
    assert resolutions(
        ticket_opened("t1", day(0)),
        ticket_reopened("t1", day(0, 3)),
        ticket_resolved("t1", day(0, 10)),
    ) == ["10.00", 1]


def test_resolving_twice_counts_once() -> None:
    assert resolutions(
        ticket_opened("t1", day(0)),
        ticket_resolved("t1", day(0, 2)),
        ticket_resolved("t1", day(0, 7)),
    ) == ["2.00", 1]


def test_an_opening_that_comes_after_the_resolution_completes_it() -> None:
    assert resolutions(ticket_resolved("t1", day(1)), ticket_opened("t1", day(0))) == ["24.00", 1]


def test_an_opening_that_comes_late_completes_only_one_resolution() -> None:
    assert resolutions(
        ticket_resolved("t1", day(1)),
        ticket_opened("t1", day(0)),
        ticket_reopened("t1", day(0, 12)),
    ) == ["24.00", 1]


def test_a_resolution_without_an_opening_has_no_time() -> None:
    assert resolutions(ticket_resolved("t1", day(1))) == [None, 0]


def test_a_late_resolution_of_a_ticket_that_was_reopened_since_changes_nothing() -> None:
    assert resolutions(
        ticket_opened("t1", day(0)),
        ticket_reopened("t1", day(5)),
        ticket_resolved("t1", day(3)),
        ticket_resolved("t1", day(6)),
    ) == ["144.00", 1]


def test_the_mean_is_that_of_the_last_resolutions() -> None:
    lines = []
    for number, hours in enumerate((100, 1, 2)):
        lines.append(ticket_opened(f"t{number}", day(10 * number)))
        lines.append(ticket_resolved(f"t{number}", day(10 * number, hours)))
    assert resolutions(*lines) == ["1.50", 2]


def test_tickets_opened_before_the_policy_asks_are_timed_too() -> None:
    driver = Driver()
    driver.feed(ticket_opened("t1", day(0)))
    driver.activate(ASKED)
    driver.feed(ticket_resolved("t1", day(1)))
    assert driver.profile()["satisfaction"]["resolution_hours_mean"] == "24.00"


# What is suppressed, and why


def reasons(*lines: bytes, holdout: bool = False) -> list[Any]:
    policy = Policy(holdout=Holdout("0.999999999", "s")) if holdout else Policy()
    driver = Driver(policy)
    driver.feed(order("o1", "5", day(0)), *lines)
    return pick(
        [o for o in driver.pass_to(day(300)) if o["type"] == "dormancy.alert"], "suppressed"
    )


def test_an_open_complaint_suppresses_and_a_question_does_not() -> None:
    assert reasons(ticket_opened("t1", day(1), kind="complaint")) == ["open_complaint"] * 3
    assert reasons(ticket_opened("t1", day(1), kind="question")) == [None] * 3


def test_a_resolved_complaint_no_longer_suppresses_and_a_reopened_one_does() -> None:
    complaint = ticket_opened("t1", day(1), kind="complaint")
    resolved = ticket_resolved("t1", day(2))
    assert reasons(complaint, resolved) == [None] * 3
    assert reasons(complaint, resolved, ticket_reopened("t1", day(3))) == ["open_complaint"] * 3


def test_a_complaint_suppresses_the_welcome_back_too() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0)))
    driver.pass_to(day(100))
    driver.feed(ticket_opened("t1", day(100), kind="complaint"))
    back = driver.feed(order("o2", "5", day(101)))
    found = [o for o in back if o["topic"] == "dormancy-alerts"]
    assert pick(found, "type", "suppressed") == [("customer.reactivated", "open_complaint")]


def test_of_several_reasons_consent_comes_first_and_holdout_last() -> None:
    refused = consent(marketing=False, at=day(1))
    complaint = ticket_opened("t1", day(1), kind="complaint")
    assert reasons(refused, complaint, holdout=True) == ["no_consent"] * 3
    assert reasons(complaint, holdout=True) == ["open_complaint"] * 3
    assert reasons(holdout=True) == ["holdout"] * 3


# Counted by tier


def test_answers_are_counted_by_survey_tier_and_score() -> None:
    driver = Driver(ASKED)
    driver.feed(survey(5, day(0)), order("o1", "5", day(1)), nps(3, day(2)))
    driver.feed(nps(3, day(3)), nps(3, day(3)))
    assert driver.partition.context.tally.answers == {
        ("csat", "prospect", "5"): 1,
        ("nps", driver.state().tier, "3"): 2,
    }


def test_a_random_history_has_the_means_of_all_that_came() -> None:
    random = Random(7)
    told = [(random.randint(0, 400), random.randint(1, 5)) for _ in range(25)]
    lines = [survey(score, day(at), event_id=str(n)) for n, (at, score) in enumerate(told)]
    newest_three = [score for _, score in sorted(told, key=lambda pair: pair[0])][-3:]
    mean = Fraction(sum(newest_three), 3)
    assert feelings(*lines)["csat_mean"] == f"{float(mean):.2f}"
