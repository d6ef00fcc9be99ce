"""Quiet hours and caps: which messages go, which are marked `frequency_cap`, and when to send."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest import mock

import pytest
from msgspec import structs

from handlers.control_records import PolicyActivated, encode_control
from handlers.state.customer import pack, unpack
from handlers.state.formats import NEWEST
from scoring.calendar import BusinessCalendar
from scoring.care.contact import ContactRule
from scoring.policy import (
    Cap,
    CarePolicy,
    ContactPolicy,
    Dormancy,
    Holiday,
    Movement,
    Occasion,
    Policy,
    Quiet,
    Tier,
)
from tests.builders import cancelled, consent, day, erased, merged, order, profile
from tests.driver import Driver, pick
from tests.support.passing import Partitions

ONE_A_DAY = (Cap(1, 1),)
LEVELS = Dormancy(at_risk_days=10, dormant_days=20, churned_days=30)


def policy(contact: ContactPolicy | None, **more: Any) -> Policy:
    """A rise, a fall, a birthday and holidays give messages; the levels too."""
    found: dict[str, Any] = {
        "tiers": (Tier("gold", action="gift", min_monetary="100"), Tier("base", action="nurture")),
        "movement": Movement(0),
        "dormancy": LEVELS,
        "contact": contact,
        "care": CarePolicy(
            birthday=Occasion(days_ahead=0, action="card"),
            holidays=(
                Holiday("one", ("2025-01-05",), 0, "greet"),
                Holiday("two", ("2025-01-05",), 0, "greet"),
            ),
        ),
    }
    return Policy(**{**found, **more})


def driver(declared: Policy) -> Driver:
    return Driver(declared, format_number=NEWEST)


def shown(outputs: list[dict[str, Any]]) -> list[Any]:
    return pick([each for each in outputs if "action" in each], "type", "suppressed")


def history(contact: ContactPolicy) -> Driver:
    """Who has a birthday and two holidays at one instant, and a rise before."""
    run = driver(policy(contact))
    run.feed(order("o1", "120", day(0)), profile({"birth_date": "1990-01-05"}, day(1)))
    return run


def test_of_one_instant_what_is_first_in_priority_goes_and_the_order_stays() -> None:
    run = history(ContactPolicy(caps=ONE_A_DAY, priority=("holiday.upcoming",)))
    assert shown(run.pass_to(day(4))) == [
        ("birthday.upcoming", "frequency_cap"),
        ("holiday.upcoming", None),
        ("holiday.upcoming", "frequency_cap"),
    ]


def test_without_priority_the_first_of_an_instant_goes() -> None:
    run = history(ContactPolicy(caps=(Cap(2, 1),)))
    assert shown(run.pass_to(day(4))) == [
        ("birthday.upcoming", None),
        ("holiday.upcoming", None),
        ("holiday.upcoming", "frequency_cap"),
    ]


def test_exempt_ones_count_and_are_never_capped() -> None:
    run = history(ContactPolicy(caps=ONE_A_DAY, exempt=("holiday.upcoming",)))
    assert shown(run.pass_to(day(4))) == [
        ("birthday.upcoming", None),
        ("holiday.upcoming", None),
        ("holiday.upcoming", None),
    ]
    run = history(
        ContactPolicy(caps=ONE_A_DAY, exempt=("holiday.upcoming",), priority=("holiday.upcoming",))
    )
    assert shown(run.pass_to(day(4)))[0] == ("birthday.upcoming", "frequency_cap")


def test_a_cap_over_days_forgets_what_is_older() -> None:
    run = driver(policy(ContactPolicy(caps=(Cap(1, 11),)), care=None))
    assert shown(run.feed(order("o1", "120", day(0)))) == [("tier.changed", None)]
    assert shown(run.pass_to(day(10))) == [("dormancy.alert", "frequency_cap")]
    assert shown(run.pass_to(day(20))) == [("dormancy.alert", None)]
    assert shown(run.pass_to(day(30))) == [("dormancy.alert", "frequency_cap")]


def test_what_is_suppressed_anyway_or_without_action_is_no_message() -> None:
    run = driver(
        policy(
            ContactPolicy(caps=(Cap(1, 30),)),
            care=None,
            tiers=(Tier("gold", min_monetary="100"), Tier("base", action="nurture")),
        )
    )
    assert shown(run.feed(order("o1", "120", day(0)))) == [("tier.changed", None)]
    run.feed(consent(marketing=False, at=day(1)))
    assert shown(run.pass_to(day(10))) == [("dormancy.alert", "no_consent")]
    run.feed(consent(marketing=True, at=day(11)))
    assert shown(run.pass_to(day(20))) == [("dormancy.alert", None)]


def test_what_is_for_staff_is_no_message() -> None:
    declared = policy(
        ContactPolicy(caps=(Cap(1, 30),)), care=None, audience={"tier.changed": "staff"}
    )
    run = driver(declared)
    run.feed(order("o1", "120", day(0)))
    assert shown(run.pass_to(day(10)))[0] == ("dormancy.alert", None)


def test_a_form_has_its_own_place_and_exemption() -> None:
    rule = ContactRule(
        ContactPolicy(
            caps=ONE_A_DAY,
            priority=("tier.changed:down", "dormancy.alert", "dormancy.alert:churned"),
            exempt=("dormancy.alert:churned",),
        ),
        BusinessCalendar("UTC"),
    )
    assert rule.place("tier.changed", "down") == 0
    assert rule.place("dormancy.alert", "at_risk") == 1
    assert rule.place("dormancy.alert", "churned") == 2
    assert rule.place("tier.changed", "up") == 3
    assert rule.is_exempt("dormancy.alert", "churned")
    assert not rule.is_exempt("dormancy.alert", "dormant")


def test_the_outputs_of_one_event_are_weighed_together() -> None:
    contact = ContactPolicy(caps=ONE_A_DAY, priority=("dormancy.alert",))
    run = driver(policy(contact, care=None, dormancy=structs.replace(LEVELS, churned_days=400)))
    run.feed(order("o0", "1", day(0)), order("o1", "120", day(40)))
    assert shown(run.feed(cancelled("o1", day(41)))) == [
        ("tier.changed", "frequency_cap"),
        ("dormancy.alert", None),
    ]


def test_a_message_in_quiet_hours_counts_on_the_day_on_which_it_may_go() -> None:
    contact = ContactPolicy(quiet=Quiet("21:00", "09:00"), caps=ONE_A_DAY)
    run = driver(policy(contact, care=None))
    (_, late) = run.feed(order("o0", "1", day(0)), order("o1", "120", day(0, 22)))
    assert late["not_before"] == "2025-01-02T09:00:00.000Z"
    (fell,) = run.feed(cancelled("o1", day(1, 12)))
    assert (fell["type"], fell["suppressed"], fell["not_before"]) == (
        "tier.changed",
        "frequency_cap",
        None,
    )
    (rose,) = run.feed(order("o2", "120", day(2, 12)))
    assert rose["suppressed"] is None


def test_messages_are_kept_over_a_restart_and_only_as_long_as_they_matter() -> None:
    run = driver(policy(ContactPolicy(caps=(Cap(5, 10), Cap(2, 1)))))
    for number in range(40):
        run.feed(order(f"o{number}", "120", day(number)), cancelled(f"o{number}", day(number, 1)))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert 0 < len(customer.messages) <= 10
    assert sum(number for _, number in customer.messages) == 5
    assert unpack(pack(customer)) == customer
    none = structs.replace(customer, messages=[])
    assert len(pack(customer)) - len(pack(none)) <= 6 * len(customer.messages)


def test_without_caps_nothing_is_kept_and_a_policy_without_them_forgets() -> None:
    run = driver(policy(ContactPolicy(quiet=Quiet("21:00", "09:00"))))
    run.feed(order("o0", "1", day(0)), order("o1", "120", day(0)))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages == []
    run.activate(policy(ContactPolicy(caps=ONE_A_DAY)), "with caps")
    run.feed(cancelled("o1", day(1)))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages
    run.activate(policy(None), "without")
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages == []


def test_of_two_customers_who_are_merged_the_messages_of_both_count() -> None:
    run = driver(policy(ContactPolicy(caps=(Cap(2, 30),)), care=None))
    run.feed(order("o1", "120", day(0)), order("o2", "120", day(1), "bea"))
    run.feed(merged("ana", day(2), "bea"))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert [number for _, number in customer.messages] == [1, 1]
    assert shown(run.pass_to(day(11))) == [("dormancy.alert", "frequency_cap")]


def test_an_erased_customer_has_no_messages() -> None:
    run = driver(policy(ContactPolicy(caps=ONE_A_DAY)))
    run.feed(order("o1", "120", day(0)), erased(day(1)))
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages == []


@pytest.mark.parametrize("caps", [(), ONE_A_DAY])
def test_the_reasons_are_counted_as_the_outputs_say(caps: tuple[Cap, ...]) -> None:
    run = history(ContactPolicy(caps=caps))
    run.pass_to(day(50))
    tally = run.partition.context.tally
    capped = sum(each["suppressed"] == "frequency_cap" for each in run.outputs)
    reminders = [each for each in run.outputs if each["topic"] == "care-reminders"]
    assert tally.suppressed["frequency_cap"] == capped
    assert {key: number for key, number in tally.reminders.items() if number < 1} == {}
    assert sum(tally.reminders.values()) == len(reminders)
    assert tally.reminders["holiday.upcoming", "frequency_cap"] == (2 if caps else 0)


@pytest.mark.plain("puts faults into functions of the core")
def test_a_record_that_raises_counts_no_message() -> None:
    run = driver(policy(ContactPolicy(caps=ONE_A_DAY)))
    run.feed(order("o0", "1", day(0)))
    customer = run.partition.store.get("ana")
    assert customer is not None
    before, tally = customer.messages, run.partition.context.tally.suppressed.copy()
    with mock.patch("handlers.transitions.weigh", side_effect=ValueError):
        assert run.reject(order("o1", "120", day(1))) == "processing_failed"
    customer = run.partition.store.get("ana")
    assert customer is not None
    assert customer.messages == before
    assert run.partition.context.messages == []
    assert run.partition.context.tally.suppressed == tally
    (rose,) = run.feed(order("o1", "120", day(1), event_id="again"))
    assert rose["suppressed"] is None


def test_messages_go_along_where_a_customer_is_merged_into_another_partition() -> None:
    partitions = Partitions(Random(1), 3)
    declared = policy(ContactPolicy(caps=(Cap(2, 30),)), care=None)
    record = PolicyActivated("p", "app", "live", 0, declared, format=NEWEST)
    partitions.take(encode_control(record))
    names = ["ana", *(f"c{number}" for number in range(9))]
    into = next(each for each in names if partitions.home_of(each) != partitions.home_of("ana"))
    partitions.take(order("o1", "120", day(0)))
    partitions.take(order("o2", "120", day(1), into))
    partitions.take(merged(into, day(2)))
    partitions.arrive()
    found = partitions.members[partitions.home_of(into)].partition.store.get(into)
    assert found is not None
    assert [number for _, number in found.messages] == [1, 1]
    gone = partitions.members[partitions.home_of("ana")].partition.store.get("ana")
    assert gone is not None
    assert gone.messages == []
