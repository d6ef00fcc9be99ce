"""Two customers become one: who stays, what is looked at, what follows, and what is refused."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from handlers.outputs import CUSTOMER_PROFILES
from handlers.state.customer import MAX_ALSO, MERGED, Customer, pack
from scoring.policy import Movement, PointsPolicy, Policy, Tier
from tests.builders import (
    activity,
    cancelled,
    consent,
    day,
    erased,
    event,
    merged,
    order,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver, pick, view

TIERS = (Tier("gold", min_frequency=3), Tier("silver", min_frequency=2), Tier("base"))
POLICY = Policy(tiers=TIERS, movement=Movement(grace_days=0), window_days=90)


def known(*lines: bytes, policy: Policy = POLICY) -> Driver:
    driver = Driver(policy)
    driver.feed(*lines)
    assert driver.dead_letters == []
    return driver


# Who was merged


def test_a_marker_that_leads_to_the_survivor_is_all_that_stays() -> None:
    driver = known(order("o1", "500", day(0)), profile({"email": "ana@example.org"}, day(0)))
    driver.feed(merged("ben", day(1)))
    found = driver.state()
    assert found.merged_into is not None
    assert (found.merged_into.into, found.stage, found.erased) == ("ben", MERGED, False)
    marker = Customer(0, found.applied, None, "prospect", MERGED, False, "ana")
    assert replace(found, merged_into=None, epoch=0, first_offset=-1) == marker
    assert len(pack(found)) < 150
    assert b"example.org" not in pack(found)


def test_the_profile_becomes_a_null_record() -> None:
    driver = known(order("o1", "500", day(0)))
    driver.partition.stale_profiles.clear()
    driver.feed(merged("ben", day(1)))
    assert set(driver.partition.stale_profiles) == {"ana", "ben"}
    output = driver.partition.profile("ana")
    assert (output.topic, output.customer_id, output.value) == (CUSTOMER_PROFILES, "ana", None)


def test_time_brings_nothing_more_for_who_was_merged() -> None:
    driver = known(order("o1", "500", day(0)), merged("ben", day(1)))
    outputs = driver.pass_to(day(500))
    assert {output["subject"] for output in outputs} == {"ben"}


def test_a_new_policy_tells_nothing_of_who_was_merged() -> None:
    driver = known(order("o1", "500", day(0)), merged("ben", day(1)))
    told = driver.activate(replace(POLICY, version="next", tiers=(Tier("all"),)))
    assert pick(told, "subject") == ["ben"]


def test_two_are_counted_as_one() -> None:
    driver = known(order("o1", "5", day(0)), order("o2", "5", day(0), "ben"))
    driver.feed(merged("ben", day(1)))
    population = driver.partition.context.tally.population
    assert +population == {("silver", "active"): 1}


# Who stays


def test_neither_needs_to_be_known() -> None:
    driver = known(merged("ben", day(1)))
    assert driver.outputs == []
    assert driver.profile("ben")["tier"] == "prospect"
    assert driver.profile("ben")["as_of"] == day(1)
    driver.feed(order("o1", "5", day(2)))
    assert driver.profile("ben")["orders_ever"] == 1


def test_the_tier_is_evaluated_with_the_reason_merge() -> None:
    driver = known(order("o1", "5", day(0)), order("o2", "7.50", day(1), "ben"))
    (told,) = driver.feed(merged("ben", day(2)))
    names = "subject", "previous_tier", "tier", "direction", "reason", "late", "effective_at"
    assert pick([told], *names) == [("ben", "base", "silver", "up", "merge", False, day(2))]
    assert told["caused_by"] == [f"customer.merged:ana:{day(2)}"]
    assert (told["before"]["monetary"], told["after"]["monetary"]) == ("7.50", "12.50")
    assert (told["before"]["frequency"], told["after"]["frequency"]) == (1, 2)
    assert told["sequence"] == 2, "after the survivor's first order"


def test_the_survivor_is_at_the_newest_of_all_clocks() -> None:
    """A late merge, an older survivor, a survivor ahead."""
    driver = known(order("o1", "5", day(40)), order("o2", "5", day(5), "ben"))
    driver.feed(merged("ben", day(30)))
    assert driver.profile("ben")["as_of"] == day(40)
    ahead = known(order("o1", "5", day(5)), order("o2", "5", day(40), "ben"))
    (told,) = ahead.feed(merged("ben", day(30)))
    assert pick([told], "effective_at", "late") == [(day(40), True)]


def test_what_was_due_for_the_survivor_fires_before_the_merge() -> None:
    driver = Driver(POLICY, mode="live")
    driver.feed(
        order("o1", "5", day(20), "ben"), order("o2", "5", day(109)), order("o3", "5", day(110))
    )
    told = driver.feed(merged("ben", day(31)))
    assert pick(told, "type", "effective_at") == [
        ("dormancy.alert", day(80)),
        ("dormancy.alert", day(110)),
        ("tier.changed", day(110)),
        ("dormancy.withdrawn", day(110)),
    ]
    assert [len(one["withdraws"]) for one in told if "withdraws" in one] == [0, 0, 2]


def test_a_fall_by_a_merge_gets_a_grace() -> None:
    """An order told under both ids that was cancelled under one."""
    policy = replace(POLICY, movement=Movement(grace_days=7))
    driver = known(
        order("o1", "5", day(0)),
        cancelled("o1", day(0)),
        order("o1", "5", day(0), "ben"),
        order("o2", "5", day(1), "ben"),
        policy=policy,
    )
    assert driver.feed(merged("ben", day(2))) == []
    assert driver.profile("ben")["tier"] == "silver"
    assert driver.profile("ben")["keeps_until"] == day(9)
    (told,) = driver.pass_to(day(9))
    assert pick([told], "tier", "reason") == [("base", "grace_expired")]


def test_orders_known_anew_withdraw_the_alerts_they_contradict() -> None:
    driver = known(order("o1", "5", day(0), "ben"))
    driver.pass_to(day(100))
    alerts = pick([one for one in driver.outputs if one["type"] == "dormancy.alert"], "id")
    driver.feed(order("o2", "5", day(99)))
    told = driver.feed(merged("ben", day(101)))
    (withdrawn,) = [one for one in told if one["type"] == "dormancy.withdrawn"]
    assert withdrawn["withdraws"] == alerts
    assert (withdrawn["level"], withdrawn["previous_level"]) == ("active", "dormant")


def test_a_stranger_who_takes_over_a_silent_customer_is_alerted_anew() -> None:
    driver = known(order("o1", "5", day(0)))
    driver.pass_to(day(95))
    told = driver.feed(merged("ben", day(96)))
    assert pick(told, "type", "subject") == [("tier.changed", "ben"), ("dormancy.alert", "ben")]
    assert told[1]["level"] == "dormant"


def test_tier_grace_and_alerts_of_who_was_merged_go_with_them() -> None:
    policy = replace(POLICY, movement=Movement(grace_days=30))
    driver = known(
        order("o1", "5", day(0)), order("o2", "5", day(1)), cancelled("o9", day(1)), policy=policy
    )
    driver.feed(order("o3", "5", day(85), "ben"))
    driver.pass_to(day(91))
    assert driver.state().grace is not None
    driver.feed(merged("ben", day(92)))
    found = driver.state("ben")
    assert (found.tier, found.grace) == ("base", None)
    assert found.standing == []


# The level of the survivor


def levelled(*lines: bytes, format_number: int = 3) -> list[tuple[str, str, str | None]]:
    """What a silent survivor's merge says of the level: ben ordered on day 0, ana's are given."""
    driver = Driver(Policy(), format_number=format_number)
    driver.feed(order("o1", "5", day(0), "ben"))
    driver.pass_to(day(200))
    driver.feed(*lines)
    told = driver.feed(merged("ben", day(250), event_id="merge"))
    return [
        (output["type"], output["level"], output["action"])
        for output in told
        if output["topic"] == "dormancy-alerts" and output["customer_id"] == "ben"
    ]


def test_a_merge_brings_a_churned_customer_back_by_a_purchase_since() -> None:
    back = [("customer.reactivated", "active", "welcome_back")]
    assert levelled(order("o2", "5", day(240))) == back
    at_once = levelled(order("o2", "5", day(180)))
    assert at_once == [("customer.reactivated", "at_risk", "welcome_back")], "as it churned"


def test_a_purchase_before_the_level_began_shows_that_the_alerts_were_wrong() -> None:
    withdrawn = [("dormancy.withdrawn", "at_risk", None)]
    assert levelled(order("o2", "5", day(179))) == withdrawn


def test_a_merge_brings_a_churned_customer_back_by_an_interaction_since() -> None:
    returned = [("customer.returned", "dormant", "welcome_back_browse")]
    assert levelled(viewed(day(240))) == returned
    assert levelled(order("o2", "5", day(20)), viewed(day(240))) == returned
    assert levelled(viewed(day(179))) == [("dormancy.withdrawn", "dormant", None)]


def test_an_order_that_counts_no_more_brings_nobody_back() -> None:
    assert levelled(order("o2", "5", day(240)), cancelled("o2", day(241))) == [
        ("customer.returned", "dormant", "welcome_back_browse")
    ], "it was an interaction all the same"


def test_in_an_older_format_a_better_level_by_a_merge_is_a_withdrawal() -> None:
    withdrawn = [("dormancy.withdrawn", "active", None)]
    assert levelled(order("o2", "5", day(240)), format_number=2) == withdrawn


def test_a_customer_at_risk_comes_back_by_a_merge_without_a_word() -> None:
    driver = Driver(Policy(), format_number=3)
    driver.feed(order("o1", "5", day(0), "ben"))
    driver.pass_to(day(70))
    told = driver.feed(order("o2", "5", day(69)), merged("ben", day(70)))
    assert [output["type"] for output in told if output["topic"] == "dormancy-alerts"] == []
    assert driver.state("ben").level == 0


def test_sixteen_of_the_ids_that_came_are_remembered() -> None:
    driver = known()
    for number in range(MAX_ALSO + 4):
        driver.feed(merged("ben", day(number), f"c{number}"))
    assert driver.state("ben").also == [f"c{number}" for number in range(4, MAX_ALSO + 4)]


# What is kept of both


def test_interactions_of_both_put_off_churn() -> None:
    driver = known(order("o1", "5", day(0), "ben"), viewed(day(50)), merged("ben", day(51)))
    assert driver.profile("ben")["last_interaction_at"] == day(50)


def test_an_order_seen_under_both_ids_counts_once() -> None:
    driver = known(order("o1", "5", day(0)), order("o1", "5", day(0), "ben"))
    assert driver.feed(merged("ben", day(1))) == []
    assert driver.profile("ben")["orders_ever"] == 1


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        (None, None, None),
        (True, None, True),
        (None, True, True),
        (True, True, True),
        (False, True, False),
        (True, False, False),
        (None, False, False),
    ],
)
def test_of_two_words_about_consent_the_stricter_counts(
    own: bool | None, other: bool | None, expected: bool | None
) -> None:
    driver = known(viewed(day(0)), viewed(day(0), "ben"))
    for said, who, at in ((own, "ben", day(2)), (other, "ana", day(1))):
        if said is not None:
            driver.feed(consent(said, at, who))
    driver.feed(merged("ben", day(3)))
    assert driver.profile("ben")["marketing_consent"] is expected


def test_a_later_word_about_consent_counts_only_if_it_is_not_before_both() -> None:
    driver = known(consent(False, day(1)), consent(True, day(5), "ben"), merged("ben", day(6)))
    driver.feed(consent(True, day(4)))
    assert driver.profile("ben")["marketing_consent"] is False
    driver.feed(consent(True, day(5)))
    assert driver.profile("ben")["marketing_consent"] is True


def test_each_attribute_is_as_it_was_set_last_of_equal_times_the_survivors() -> None:
    driver = known(
        profile({"region": "north", "name": "Ana", "gender": "f"}, day(1)),
        profile({"region": "south", "gender": "m"}, day(1), "ben"),
        profile({"name": "Ben"}, day(0), "ben"),
        merged("ben", day(2)),
    )
    expected = {"region": "south", "name": "Ana", "gender": "m"}
    assert driver.profile("ben")["attributes"] == expected


def test_an_attribute_that_was_taken_away_does_not_come_back() -> None:
    driver = known(
        profile({"name": "Ana"}, day(1)),
        profile({"name": ""}, day(2), "ben"),
        merged("ben", day(3)),
    )
    assert driver.profile("ben")["attributes"] == {}


def test_a_ticket_is_as_it_was_set_last_under_whichever_id() -> None:
    driver = known(
        ticket_opened("t1", day(1), kind="complaint"),
        ticket_resolved("t1", day(2), "ben"),
        ticket_opened("t2", day(1), "ben", kind="question"),
        event("ticket.reopened", day(3), ticket_id="t2"),
        merged("ben", day(4)),
    )
    tickets = {each.ticket_id: (each.is_open, each.kind) for each in driver.state("ben").tickets}
    assert tickets == {"t1": (False, "complaint"), "t2": (True, "question")}


def test_of_two_words_at_one_time_about_a_ticket_the_survivors_counts() -> None:
    driver = known(
        ticket_opened("t1", day(1), kind="complaint"),
        ticket_opened("t1", day(1), "ben", kind="question"),
        ticket_resolved("t2", day(1)),
        ticket_opened("t2", day(1), "ben", kind="question"),
        merged("ben", day(2)),
    )
    tickets = {each.ticket_id: (each.is_open, each.kind) for each in driver.state("ben").tickets}
    assert tickets == {"t1": (True, "question"), "t2": (True, "question")}


def test_a_complaint_opened_under_the_old_id_suppresses_offers_to_the_survivor() -> None:
    driver = known(
        order("o1", "5", day(0), "ben"),
        ticket_opened("t1", day(1), kind="complaint"),
        merged("ben", day(2)),
    )
    (told,) = driver.pass_to(day(60))
    assert pick([told], "type", "suppressed") == [("dormancy.alert", "open_complaint")]


def test_of_64_events_seen_under_both_each_keeps_its_newest_32() -> None:
    driver = known()
    for number in range(64):
        driver.feed(
            viewed(day(1), event_id=f"a{number}"), viewed(day(1), "ben", event_id=f"b{number}")
        )
    driver.feed(merged("ben", day(2)))
    again = [viewed(day(1), event_id=f"a{n}") for n in range(33, 64)]
    again += [viewed(day(1), "ben", event_id=f"b{n}") for n in range(32, 64)]
    driver.feed(*again)
    assert driver.duplicates == len(again)
    driver.feed(viewed(day(1), event_id="a31"))
    assert driver.duplicates == len(again), "the merge itself is one of those remembered"


def test_an_event_id_seen_under_both_with_contents_of_their_own_is_known_in_both_contents() -> None:
    driver = known(viewed(day(1), event_id="e1"), viewed(day(1), "ben", event_id="e1"))
    driver.feed(merged("ben", day(2)))
    driver.feed(viewed(day(1), event_id="e1"), viewed(day(1), "ben", event_id="e1"))
    assert (driver.duplicates, driver.dead_letters) == (2, [])
    assert driver.reject(viewed(day(3), "ben", event_id="e1")) == "conflict"


# What is told later


def test_an_event_of_the_old_id_applies_to_the_survivor() -> None:
    policy = replace(POLICY, points=PointsPolicy(rate="10"))
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)), policy=policy)
    told = driver.feed(
        order("o2", "5", day(2)),
        refund("o1", "2", day(3)),
        redeemed(60, day(4)),
        profile({"name": "Ana"}, day(5)),
        survey(5, day(6)),
        activity("visit", day(7)),
    )
    assert {one["subject"] for one in told} == {"ben"}
    found = driver.profile("ben")
    assert (found["monetary"], found["attributes"]) == ("8.00", {"name": "Ana"})
    assert found["points"]["balance"] == 100 - 20 - 60
    assert found["last_interaction_at"] == day(6)


def test_what_comes_twice_is_reported_twice_whichever_way_it_comes() -> None:
    first = order("o1", "5", day(0))
    driver = known(first, merged("ben", day(1)))
    driver.feed(first, order("o1", "5", day(3)), order("o1", "5", day(4), "ben"))
    assert (driver.duplicates, driver.dead_letters) == (3, [])
    assert driver.reject(order("o1", "6", day(5))) == "conflict"


def test_it_follows_a_chain_of_merges_in_whatever_order_they_came() -> None:
    for merges in (("ana", "ben"), ("ben", "cia")), (("ben", "cia"), ("ana", "ben")):
        driver = known(order("o1", "5", day(0)), order("o2", "5", day(0), "ben"))
        driver.feed(*(merged(into, day(1), who) for who, into in merges))
        driver.feed(order("o3", "5", day(2)))
        assert driver.profile("cia")["orders_ever"] == 3
        assert driver.profile("cia")["tier"] == "gold"


def test_the_survivor_is_erased_by_an_erasure_of_the_old_id() -> None:
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)))
    driver.feed(erased(day(2)))
    assert driver.state("ben").erased
    for who in ("ana", "ben"):
        assert driver.reject(viewed(day(3), who)) == "erased_customer"
        assert driver.reject(merged("cia", day(4), who)) == "erased_customer"
    accepted = driver.accepted
    driver.feed(erased(day(5)), erased(day(5), "ben"))
    assert driver.accepted == accepted + 2, "erasing again is accepted"


def test_a_merge_of_the_old_id_merges_the_survivor() -> None:
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)), merged("cia", day(2)))
    assert driver.profile("cia")["orders_ever"] == 1
    moved = driver.state("ben").merged_into
    assert moved is not None
    assert moved.into == "cia"


def test_the_same_merge_repeated_is_a_duplicate() -> None:
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)), merged("ben", day(1)))
    assert driver.duplicates == 1


# What is refused


def test_a_merge_into_oneself_is_refused() -> None:
    driver = known(order("o1", "5", day(0)))
    assert driver.reject(merged("ana", day(1))) == "invalid_value"


def test_a_merge_into_who_it_is_already_is_refused() -> None:
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)))
    assert driver.reject(merged("ben", day(2))) == "invalid_value"


def test_a_merge_into_an_erased_customer_is_refused_also_at_the_end_of_a_chain() -> None:
    driver = known(merged("cia", day(0), "ben"), erased(day(0), "cia"), order("o1", "5", day(1)))
    for into in ("cia", "ben"):
        assert driver.reject(merged(into, day(2))) == "invalid_value"


def test_a_merge_that_leads_back_is_refused_over_any_number_of_others() -> None:
    driver = known(merged("ben", day(1)), merged("cia", day(1), "ben"))
    for into in ("ana", "ben"):
        assert driver.reject(merged(into, day(2), "cia")) == "invalid_value"


def test_after_a_refusal_the_customer_is_as_before() -> None:
    driver = known(order("o1", "5", day(1)), erased(day(1), "ben"))
    before, newest_ms = driver.profile(), driver.partition.meta.newest_ms
    assert driver.reject(merged("ben", day(2))) == "invalid_value"
    assert (driver.profile(), driver.partition.meta.newest_ms) == (before, newest_ms)
    assert driver.reject(merged("ben", day(2))) == "invalid_value", "it was not accepted"
    driver.feed(order("o2", "5", day(3)))
    assert driver.profile()["orders_ever"] == 2


def test_an_id_that_cannot_be_one_is_refused() -> None:
    driver = known()
    assert driver.reject(merged("x" * 129, day(1))) == "invalid_value"
    assert driver.reject(merged("a\nb", day(1))) == "invalid_value"
    assert driver.reject(merged("", day(1))) == "missing_field"
    assert driver.reject(merged(7, day(1))) == "wrong_type"


def test_profiles_are_known_under_the_surviving_id_alone() -> None:
    driver = known(order("o1", "5", day(0)), merged("ben", day(1)))
    output = driver.partition.profile("ben")
    assert view(output)["customer_id"] == "ben"
