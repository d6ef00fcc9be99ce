"""Attributes, consent, tickets, and the public profile."""

from __future__ import annotations

import pytest

from handlers.decode.attributes import MAX_ATTRIBUTES
from handlers.state.customer import MAX_TICKETS
from scoring.policy import Policy
from tests.builders import (
    activity,
    consent,
    day,
    merged,
    order,
    profile,
    redeemed,
    survey,
    ticket_opened,
    ticket_reopened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver


def attributes(*lines: bytes) -> dict[str, str]:
    driver = Driver()
    driver.feed(*lines)
    found: dict[str, str] = driver.profile()["attributes"]
    return found


def test_attributes_are_gathered_over_updates() -> None:
    assert attributes(
        profile({"name": "Ana", "region": "North", "likes": "shoes"}, day(0)),
        profile({"region": "South", "gender": "f"}, day(1)),
    ) == {"name": "Ana", "region": "South", "likes": "shoes", "gender": "f"}


def test_an_empty_text_takes_an_attribute_away_and_null_leaves_it() -> None:
    found = attributes(
        profile({"name": "Ana", "email": "a@example.org"}, day(0)),
        profile({"name": None, "email": "", "phone": ""}, day(1)),
    )
    assert found == {"name": "Ana"}


def test_each_attribute_is_as_its_newest_word_by_time_left_it() -> None:
    found = attributes(
        profile({"region": "South"}, day(5)),
        profile({"region": "North", "name": "Ana"}, day(1)),
    )
    assert found == {"region": "South", "name": "Ana"}


def test_a_late_value_does_not_undo_a_removal() -> None:
    assert attributes(profile({"name": ""}, day(5)), profile({"name": "Ana"}, day(1))) == {}


def test_a_late_removal_takes_away_nothing_that_is_newer() -> None:
    found = attributes(profile({"name": "Ana"}, day(5)), profile({"name": ""}, day(1)))
    assert found == {"name": "Ana"}


def test_of_two_words_at_one_time_the_one_that_arrived_last_counts() -> None:
    first = profile({"name": "Ana"}, day(1), event_id="e1")
    assert attributes(first, profile({"name": "Anna"}, day(1), event_id="e2")) == {"name": "Anna"}


def test_attributes_are_bounded_in_number() -> None:
    updates = [profile({f"a{number}": "x"}, day(0, 0, 0, number)) for number in range(50)]
    updates += [profile({f"b{number}": "x"}, day(1, 0, 0, number)) for number in range(50)]
    found = attributes(*updates)
    assert len(found) == MAX_ATTRIBUTES
    assert "a0" not in found
    assert "b49" in found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], None),
        ([(True, 1)], True),
        ([(False, 1)], False),
        ([(True, 1), (False, 2)], False),
        ([(False, 2), (True, 1)], False),
        ([(True, 2), (False, 2)], False),
        ([(False, 2), (True, 2)], True),
    ],
)
def test_the_newest_word_about_consent_counts(
    told: list[tuple[bool, int]], expected: bool | None
) -> None:
    """By its time; of two at one time the one that arrived last."""
    driver = Driver()
    driver.feed(viewed(day(0)))
    for number, (marketing, at) in enumerate(told):
        driver.feed(consent(marketing, day(at), event_id=f"e{number}"))
    assert driver.profile()["marketing_consent"] is expected


def open_tickets(*lines: bytes) -> int:
    driver = Driver()
    driver.feed(viewed(day(0)), *lines)
    found: int = driver.profile()["open_tickets"]
    return found


def test_a_ticket_is_open_until_it_is_resolved_and_again_when_reopened() -> None:
    opened, resolved = ticket_opened("t1", day(1)), ticket_resolved("t1", day(2))
    assert open_tickets(opened) == 1
    assert open_tickets(opened, ticket_opened("t2", day(1))) == 2
    assert open_tickets(opened, resolved) == 0
    assert open_tickets(opened, resolved, ticket_reopened("t1", day(3))) == 1


def test_a_ticket_is_as_its_newest_event_by_time_left_it() -> None:
    assert open_tickets(ticket_resolved("t1", day(5)), ticket_opened("t1", day(1))) == 0
    assert (
        open_tickets(
            ticket_opened("t1", day(1)),
            ticket_reopened("t1", day(5)),
            ticket_resolved("t1", day(3)),
        )
        == 1
    )


def test_a_reopened_complaint_is_still_a_complaint() -> None:
    driver = Driver()
    driver.feed(
        ticket_opened("t1", day(1), kind="complaint"),
        ticket_resolved("t1", day(2)),
        ticket_reopened("t1", day(3)),
    )
    assert driver.state().open_complaints == 1


def test_the_kind_set_last_by_time_counts() -> None:
    driver = Driver()
    driver.feed(
        ticket_opened("t1", day(5), kind="question"), ticket_opened("t1", day(1), kind="complaint")
    )
    assert driver.state().open_complaints == 0


def test_the_64_tickets_changed_last_are_kept() -> None:
    driver = Driver()
    driver.feed(*(ticket_opened(f"t{n}", day(1)) for n in range(MAX_TICKETS)))
    driver.feed(ticket_resolved("t0", day(2)), ticket_opened("new", day(3)))
    kept = [ticket.ticket_id for ticket in driver.state().tickets]
    assert len(kept) == MAX_TICKETS
    assert "t1" not in kept
    assert "t0" in kept, "it was told of again"


@pytest.mark.parametrize(
    "line",
    [survey(5, day(0)), merged("ben", day(0)), activity("referral", day(0)), redeemed(5, day(0))],
)
def test_types_whose_effect_comes_later_are_accepted_and_known_again(line: bytes) -> None:
    driver = Driver()
    driver.feed(line, line)
    assert (driver.accepted, driver.duplicates, driver.dead_letters) == (1, 1, [])


def test_the_public_profile_says_all_there_is() -> None:
    driver = Driver(Policy(version="v7"))
    driver.feed(
        profile({"name": "Ana"}, day(0)),
        consent(True, day(0)),
        order("o1", "120", day(0, 10)),
        order("o2", "30.50", day(3)),
        ticket_opened("t1", day(4)),
    )
    driver.pass_to(day(10))
    assert driver.profile() == {
        "topic": "customer-profiles",
        "id": driver.profile()["id"],
        "type": "customer.profile",
        "source": "tierstream/tierstream",
        "subject": "ana",
        "time": day(10),
        "customer_id": "ana",
        "sequence": 1,
        "attributes": {"name": "Ana"},
        "marketing_consent": True,
        "tier": "B",
        "stage": "active",
        "level": "active",
        "recency_days": 7,
        "frequency": 2,
        "monetary": "150.50",
        "r": 5,
        "f": 2,
        "m": 3,
        "score": 58,
        "segment": "Promising",
        "orders_ever": 2,
        "spend_ever": "150.50",
        "first_order_at": day(0, 10),
        "last_order_at": day(3),
        "last_interaction_at": day(4),
        "open_tickets": 1,
        "next_tier": {
            "tier": "A",
            "order_amount_needed": "849.50",
            "orders_needed": 1,
            "total_needed": "849.50",
        },
        "keeps_until": day(154),
        "as_of": day(10),
        "policy_version": "v7",
        "channel_consent": {},
        "purpose_consent": {},
        "override": None,
        "keep": {"orders_needed": 1, "total_needed": "249.50"},
    }


def test_a_profile_is_as_of_the_customers_clock() -> None:
    driver = Driver()
    driver.feed(order("o1", "120", day(0)))
    assert driver.profile()["recency_days"] == 0
    driver.pass_to(day(20, 5))
    assert (driver.profile()["recency_days"], driver.profile()["as_of"]) == (20, day(20, 5))


def test_an_unknown_customer_has_no_profile() -> None:
    assert Driver().partition.profile("nobody") is None
