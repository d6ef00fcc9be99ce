"""Surveys that are due: after a ticket, after an order, by tier; once, and not again soon after."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import PolicyError, check_policy
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.policy import (
    CarePolicy,
    Movement,
    Policy,
    SurveyAsk,
    SurveysPolicy,
    Tier,
)
from tests.builders import (
    cancelled,
    consent,
    day,
    erased,
    left_because,
    merged,
    order,
    survey,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_frequency=2), Tier("base"))


def policy(**surveys: Any) -> Policy:
    care = CarePolicy(surveys=SurveysPolicy(**surveys))
    return Policy(care=care, tiers=TIERS, movement=Movement(grace_days=0))


def driver(**surveys: Any) -> Driver:
    return Driver(policy(**surveys), format_number=NEWEST)


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "survey.due"]
    return pick(found, "trigger", "due_on", "ticket_id", "order_id")


AFTER_TICKET = {"after_ticket": SurveyAsk(2, "csat", "ask_csat")}
AFTER_ORDER = {"after_order": SurveyAsk(14, "nps", "ask_nps")}
CADENCE = {"cadence": {"base": SurveyAsk(90), "gold": SurveyAsk(30)}}


def test_without_the_key_nobody_is_asked() -> None:
    run = Driver(Policy(care=CarePolicy()), format_number=NEWEST)
    run.feed(order("o1", "10", day(0)), ticket_opened("t", day(1)), ticket_resolved("t", day(2)))
    run.feed(survey(5, day(3)))
    assert told(run.pass_to(day(400))) == []
    assert run.state().surveyed is None


# After a ticket


def test_a_survey_is_due_so_many_days_after_a_ticket_was_resolved() -> None:
    run = driver(**AFTER_TICKET)
    run.feed(ticket_opened("t1", day(1)), ticket_resolved("t1", day(2, 15)))
    assert told(run.pass_to("2025-01-04T23:59:59.999Z")) == []
    (due,) = run.pass_to(day(4))
    assert pick([due], "topic", "survey", "trigger", "ticket_id", "action", "effective_at") == [
        ("care-reminders", "csat", "ticket", "t1", "ask_csat", day(4))
    ]
    assert told(run.pass_to(day(400))) == []


def test_a_ticket_that_was_reopened_is_not_asked_about() -> None:
    run = driver(**AFTER_TICKET)
    run.feed(ticket_opened("t1", day(1)), ticket_resolved("t1", day(2)))
    run.feed(ticket_reopened("t1", day(3)))
    assert told(run.pass_to(day(10))) == []
    run.feed(ticket_resolved("t1", day(11)))
    assert told(run.pass_to(day(40))) == [("ticket", "2025-01-14", "t1", None)]


def test_of_several_tickets_of_a_day_the_first_by_id_is_asked_about() -> None:
    run = driver(**AFTER_TICKET)
    for name in ("b", "a"):
        run.feed(ticket_opened(name, day(1)), ticket_resolved(name, day(2)))
    assert told(run.pass_to(day(40))) == [("ticket", "2025-01-05", "a", None)]


def test_a_resolution_told_so_late_that_its_day_has_passed_is_not_asked_about() -> None:
    run = driver(**AFTER_TICKET)
    run.feed(ticket_opened("t1", day(1)), viewed(day(30)), ticket_resolved("t1", day(2)))
    assert told(run.pass_to(day(60))) == []


# After an order


def test_a_survey_is_due_so_many_days_after_an_order() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0, 20)))
    (due,) = run.pass_to(day(20))
    assert pick([due], "survey", "trigger", "order_id", "due_on", "action") == [
        ("nps", "order", "o1", "2025-01-15", "ask_nps")
    ]
    assert told(run.pass_to(day(400))) == []


def test_an_order_that_was_cancelled_is_not_asked_about() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0)), order("o2", "10", day(1)), cancelled("o1", day(2)))
    assert told(run.pass_to(day(60))) == [("order", "2025-01-16", None, "o2")]


def test_a_customer_who_was_asked_is_not_asked_again_within_the_rest() -> None:
    run = driver(rest_days=10, **AFTER_ORDER)
    run.feed(*(order(f"o{n}", "10", day(n)) for n in (0, 5, 9, 10)))
    assert told(run.pass_to(day(60))) == [
        ("order", "2025-01-15", None, "o0"),
        ("order", "2025-01-25", None, "o10"),
    ]


def test_a_customer_who_answered_is_not_asked_again_within_the_rest() -> None:
    run = driver(rest_days=10, **AFTER_ORDER)
    run.feed(order("o0", "10", day(0)), order("o5", "10", day(5)), survey(4, day(9)))
    assert told(run.pass_to(day(60))) == [("order", "2025-01-20", None, "o5")]
    run = driver(rest_days=10, **AFTER_ORDER)
    run.feed(order("o0", "10", day(0)), left_because("price", day(9)))
    assert told(run.pass_to(day(60))) == [], "why somebody left is an answer, too"


def test_only_customers_of_the_tiers_are_asked() -> None:
    run = driver(after_order=SurveyAsk(14, tiers=("gold",)))
    run.feed(order("o1", "10", day(0)))
    assert told(run.pass_to(day(20))) == []
    run.feed(order("o2", "10", day(20)))
    assert told(run.pass_to(day(60))) == [("order", "2025-02-04", None, "o2")]


# By tier


def test_a_customer_is_asked_from_time_to_time_by_tier() -> None:
    run = driver(**CADENCE)
    run.feed(order("o1", "10", day(0, 8)))
    assert told(run.pass_to(day(200))) == [
        ("cadence", "2025-04-01", None, None),
        ("cadence", "2025-06-30", None, None),
    ]


def test_an_answer_begins_the_time_anew() -> None:
    run = driver(**CADENCE)
    run.feed(order("o1", "10", day(0)), survey(5, day(60)))
    assert told(run.pass_to(day(160))) == [("cadence", "2025-05-31", None, None)]


def test_in_a_tier_that_is_asked_more_often_who_is_due_is_asked_on_the_next_day() -> None:
    run = driver(**CADENCE)
    run.feed(order("o1", "10", day(0)), order("o2", "10", day(50, 9)))
    assert told(run.pass_to(day(60))) == [("cadence", "2025-02-21", None, None)]


def test_prospects_are_asked_only_if_they_are_named() -> None:
    run = driver(**CADENCE)
    run.feed(viewed(day(0)))
    assert told(run.pass_to(day(200))) == []
    run = driver(cadence={"prospect": SurveyAsk(30)})
    run.feed(viewed(day(0)))
    assert len(told(run.pass_to(day(35)))) == 1


def test_what_is_about_something_goes_before_the_cadence() -> None:
    run = driver(rest_days=5, **AFTER_TICKET, after_order=SurveyAsk(30), **CADENCE)
    run.feed(order("o1", "10", day(0)), order("o2", "10", day(0, 1)))
    run.feed(ticket_opened("t1", day(1)), ticket_resolved("t1", day(28)))
    assert told(run.pass_to(day(40))) == [("ticket", "2025-01-31", "t1", None)]


# Who, and when it begins


def test_the_time_begins_with_the_policy_that_asks() -> None:
    run = Driver(Policy(care=CarePolicy(), tiers=TIERS), format_number=NEWEST)
    run.feed(order("o1", "10", day(0)))
    run.pass_to(day(40))
    run.activate(policy(**CADENCE))
    assert told(run.pass_to(day(131))) == [("cadence", "2025-05-11", None, None)]
    run.activate(Policy(care=CarePolicy(), tiers=TIERS), "asks nobody")
    assert told(run.pass_to(day(600))) == []


def test_who_was_asked_rests_also_after_a_policy_that_asks_nobody() -> None:
    run = driver(rest_days=40, cadence={"base": SurveyAsk(40)})
    run.feed(order("o1", "10", day(0)))
    assert len(told(run.pass_to(day(41)))) == 1
    run.activate(Policy(care=CarePolicy(), tiers=TIERS), "asks nobody")
    run.activate(policy(rest_days=40, after_order=SurveyAsk(60)), "asks again")
    assert told(run.pass_to(day(70))) == []


def test_who_refused_marketing_is_told_with_a_mark() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0)), consent(False, day(1)))
    (due,) = (output for output in run.pass_to(day(20)) if output["type"] == "survey.due")
    assert due["suppressed"] == "no_consent"


def test_merged_nobody_is_asked_twice() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0), customer="bob"), order("o2", "10", day(5)))
    assert told(run.pass_to(day(15))) == [("order", "2025-01-15", None, "o1")]
    run.feed(merged("ana", day(16), customer="bob"))
    assert told(run.pass_to(day(60))) == []


def test_nobody_is_asked_after_an_erasure() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0)), erased(day(1)))
    assert told(run.pass_to(day(60))) == []


def test_a_state_keeps_what_was_asked() -> None:
    run = driver(**AFTER_ORDER)
    run.feed(order("o1", "10", day(0)))
    run.pass_to(day(20))
    state = run.state()
    assert unpack(pack(state)).surveyed == state.surveyed


# The policy


def problems(surveys: dict[str, Any], **more: Any) -> list[str]:
    with pytest.raises(PolicyError) as error:
        check_policy({"care": {"surveys": surveys}, **more})
    return list(error.value.problems)


def test_the_keys_are_read() -> None:
    found = check_policy(
        {
            "care": {
                "surveys": {
                    "rest_days": 14,
                    "after_ticket": {"days": 1, "action": "ask", "tiers": ["A"]},
                    "after_order": {"days": 14, "survey": "nps"},
                    "cadence": {"B": {"days": 90}},
                }
            }
        }
    )
    assert found.care is not None
    assert found.care.surveys == SurveysPolicy(
        rest_days=14,
        after_ticket=SurveyAsk(1, "csat", "ask", ("A",)),
        after_order=SurveyAsk(14, "nps"),
        cadence={"B": SurveyAsk(90)},
    )


@pytest.mark.parametrize(
    ("surveys", "problem"),
    [
        (
            {},
            "care.surveys.cadence: is missing, or after_ticket or after_order",
        ),
        (
            {"cadence": {"X": {"days": 90}}},
            "care.surveys.cadence.X: is no tier of this policy",
        ),
        (
            {"cadence": {"A": {}}, "rest_days": 1},
            "care.surveys.cadence.A.days: is missing, a whole number from 1 to 3650",
        ),
        (
            {"cadence": {"A": {"days": 20}}},
            "care.surveys.cadence.A.days: must be at least rest_days (30), got 20",
        ),
        (
            {"after_order": {"days": 365}},
            "care.surveys.after_order.days: must be a whole number from 1 to 364, got 365",
        ),
        (
            {"after_ticket": {"days": 1, "survey": "churn"}},
            'care.surveys.after_ticket.survey: must be "csat" or "nps", got \'churn\'',
        ),
        (
            {"after_ticket": {"days": 1, "tiers": ["X"]}},
            "care.surveys.after_ticket.tiers: 'X' is no tier of this policy",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(surveys: dict[str, Any], problem: str) -> None:
    assert problems(surveys) == [problem]
