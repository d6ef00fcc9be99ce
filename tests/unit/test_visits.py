"""`visit.due`: so many days after the last contact made, once; the customer moves it not."""

from __future__ import annotations

from typing import Any

from config.policy_file import check_policy
from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import activity, day, erased, merged, order, refund, ticket_opened, viewed
from tests.driver import Driver, pick

TIERS = [{"name": "A", "min_monetary": "1000"}, {"name": "B"}]


def policy_of(version: str = "p", **days: int) -> Policy:
    visits = {"activities": ["visit", "call"], "days": days}
    care = {"visits": visits} if days else {}
    document = {"version": version, "tiers": TIERS, "care": care}
    return check_policy({**document, "movement": {"grace_days": 0}})


def driver(policy: Policy | None = None) -> Driver:
    return Driver(policy or policy_of(A=30, B=90), format_number=NEWEST)


def told(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "visit.due"]
    return pick(found, "effective_at", "due_on", "last_contact_at", "days")


def test_it_goes_out_so_many_business_days_after_the_contact_whatever_the_customer_does() -> None:
    run = driver()
    run.feed(
        order("o1", "5000", day(0)),
        activity("visit", day(4, 10)),
        viewed(day(20)),
        ticket_opened("t1", day(21)),
        order("o2", "50", day(22)),
        activity("referral", day(23)),
    )
    assert told(run.pass_to(day(300))) == [(day(34), "2025-02-04", day(4, 10), 30)]


def test_without_a_contact_the_days_count_from_when_the_tier_was_reached() -> None:
    run = driver()
    run.feed(order("o1", "50", day(0, 5)))
    run.feed(order("o2", "5000", day(10, 5)))
    assert told(run.pass_to(day(300))) == [(day(40), "2025-02-10", None, 30)]


def test_a_tier_reached_anew_asks_again_without_a_contact_but_not_after_one() -> None:
    run = driver()
    run.feed(order("o1", "50", day(0)), order("o2", "5000", day(0)))
    assert len(told(run.pass_to(day(31)))) == 1
    run.feed(refund("o2", "5000", day(31)))
    assert told(run.pass_to(day(200))) == [(day(121), "2025-05-02", None, 90)]
    run.feed(activity("call", day(200)))
    assert told(run.pass_to(day(290))) == [(day(290), "2025-10-18", day(200), 90)]
    run.feed(order("o3", "5000", day(291)))
    assert told(run.pass_to(day(360))) == []


def test_each_contact_is_followed_by_one_visit_by_the_newest() -> None:
    run = driver()
    run.feed(order("o1", "5000", day(0)), activity("visit", day(4)), activity("call", day(20)))
    run.feed(activity("visit", day(3)))
    assert told(run.pass_to(day(55))) == [(day(50), "2025-02-20", day(20), 30)]
    run.feed(activity("visit", day(55)))
    assert told(run.pass_to(day(300))) == [(day(85), "2025-03-27", day(55), 30)]


def test_a_rise_that_leaves_it_overdue_asks_on_the_next_business_day() -> None:
    run = driver()
    run.feed(order("o1", "50", day(0)), activity("visit", day(1)), order("o2", "5000", day(50, 7)))
    assert told(run.pass_to(day(300))) == [(day(51), "2025-02-01", day(1), 30)]


def test_a_tier_without_days_is_not_visited() -> None:
    run = driver(policy_of(A=30))
    run.feed(order("o1", "50", day(0)), activity("visit", day(1)))
    assert told(run.pass_to(day(300))) == []
    assert run.profile()["next_visit_on"] is None


def test_contacts_count_from_the_policy_on_that_asks_for_them() -> None:
    run = driver(policy_of())
    run.feed(order("o1", "5000", day(0)), activity("visit", day(1)), viewed(day(10)))
    run.activate(policy_of("q", A=30))
    assert run.profile()["next_visit_on"] == "2025-02-10"
    assert told(run.pass_to(day(300))) == [(day(40), "2025-02-10", None, 30)]
    run.activate(policy_of("r"))
    assert run.state().visits is None


def test_merged_the_latest_contact_holds() -> None:
    run = driver()
    run.feed(
        order("o1", "5000", day(0)),
        activity("visit", day(1)),
        activity("call", day(9), customer="bea"),
        merged("ana", day(10), customer="bea"),
    )
    assert told(run.pass_to(day(300))) == [(day(39), "2025-02-09", day(9), 30)]


def test_merged_into_a_new_customer_the_days_count_from_the_merge() -> None:
    """Who was merged had been told of in the same tier; that tier is dropped with them."""
    run = driver()
    run.feed(order("o1", "50", day(0)))
    assert len(told(run.pass_to(day(100)))) == 1
    run.feed(merged("bea", day(100, 5)))
    assert told(run.pass_to(day(300))) == [(day(190), "2025-07-10", None, 90)]


def test_merged_into_a_new_customer_a_contact_told_of_is_told_of() -> None:
    run = driver()
    run.feed(order("o1", "50", day(0)), activity("visit", day(1)))
    assert len(told(run.pass_to(day(100)))) == 1
    run.feed(merged("bea", day(100, 5)))
    assert told(run.pass_to(day(300))) == []


def test_erased_nobody_is_visited() -> None:
    run = driver()
    run.feed(order("o1", "5000", day(0)), activity("visit", day(1)), erased(day(2)))
    assert told(run.pass_to(day(300))) == []
