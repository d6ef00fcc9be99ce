"""Tags: one test for each thing a rule may say, and for how changes are told."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import check_policy
from scoring.policy import Policy
from tests.builders import (
    activity,
    cancelled,
    consent,
    day,
    erased,
    event,
    order,
    profile,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver

Rule = dict[str, Any]


def policy(*rules: Rule, **more: Any) -> Policy:
    return check_policy({"tags": list(rules), "satisfaction": {}, **more})


def tagged(driver: Driver) -> list[str]:
    return [tag["tag"] for tag in driver.profile()["tags"]]


def changes(outputs: list[dict[str, Any]]) -> list[tuple[str, list[str], list[str]]]:
    """Of each `tags.changed` the instant, what came and what went."""
    return [
        (
            output["effective_at"],
            [tag["tag"] for tag in output["added"]],
            [tag["tag"] for tag in output["removed"]],
        )
        for output in outputs
        if output["type"] == "tags.changed"
    ]


def after(rule: Rule, *lines: bytes, until: str | None = None, **more: Any) -> list[str]:
    """The tags of a customer with one rule after some events."""
    driver = Driver(policy(rule, **more))
    driver.feed(*lines)
    assert driver.dead_letters == []
    if until is not None:
        driver.pass_to(until)
    return tagged(driver)


def test_without_declared_tags_there_is_no_field_no_output_and_no_state() -> None:
    driver = Driver()
    driver.feed(order("o1", "5", day(0), items=[{"category": "hats"}]), viewed(day(1)))
    assert "tags" not in driver.profile()
    assert not [o for o in driver.outputs if o["topic"] == "profile-changes"]
    assert driver.state().tagged is None


# Who the customer is

REGION: Rule = {"tag": "region", "kind": "attribute", "of": "region"}
AGE: Rule = {"tag": "age", "kind": "age", "bands": [18, 25, 60]}


def test_an_attribute_becomes_a_tag_with_its_value() -> None:
    assert after(REGION, profile({"region": "上海"}, day(0))) == ["region:上海"]


def test_another_value_takes_the_place_of_the_first_in_one_change() -> None:
    driver = Driver(policy(REGION))
    driver.feed(profile({"region": "a"}, day(0)))
    changed = driver.feed(profile({"region": "b"}, day(1)))
    assert changes(changed) == [(day(1), ["region:b"], ["region:a"])]


def test_an_attribute_that_is_taken_away_takes_its_tag_along() -> None:
    assert after(REGION, profile({"region": "a"}, day(0)), profile({"region": ""}, day(1))) == []


def test_only_listed_values_make_a_tag_and_long_ones_never() -> None:
    listed = {**REGION, "values": ["a", "b"]}
    assert after(listed, profile({"region": "a"}, day(0))) == ["region:a"]
    assert after(listed, profile({"region": "c"}, day(0))) == []
    assert after(REGION, profile({"region": "x" * 65}, day(0))) == []


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2007-01-02", "under-18"),
        ("2007-01-01", "18-24"),
        ("2000-01-02", "18-24"),
        ("2000-01-01", "25-59"),
        ("1965-01-01", "60+"),
        ("0001-01-01", "60+"),
    ],
)
def test_age_is_in_bands_and_changes_on_the_birthday(born: str, band: str) -> None:
    assert after(AGE, profile({"birth_date": born}, day(0))) == [f"age:{band}"]


def test_a_birthday_changes_the_band_at_the_start_of_the_local_day() -> None:
    driver = Driver(policy(AGE, timezone="Asia/Shanghai"))
    driver.feed(profile({"birth_date": "2007-03-05"}, day(0)))
    assert changes(driver.pass_to(day(400))) == [
        ("2025-03-04T16:00:00.000Z", ["age:18-24"], ["age:under-18"])
    ]


def test_who_was_born_on_a_leap_day_is_older_on_the_first_of_march() -> None:
    driver = Driver(policy(AGE))
    driver.feed(profile({"birth_date": "2008-02-29"}, day(0)))
    assert changes(driver.pass_to(day(800)))[0][0] == "2026-03-01T00:00:00.000Z"
    driver = Driver(policy({**AGE, "bands": [20]}))
    driver.feed(profile({"birth_date": "2008-02-29"}, day(0)))
    assert changes(driver.pass_to(day(1_300)))[0][0] == "2028-02-29T00:00:00.000Z"


def test_who_is_not_born_yet_has_no_age_until_then() -> None:
    driver = Driver(policy(AGE))
    assert changes(driver.feed(profile({"birth_date": "2025-02-01"}, day(0)))) == []
    assert changes(driver.pass_to(day(40))) == [(day(31), ["age:under-18"], [])]


# How often

OFTEN: Rule = {"tag": "often", "kind": "count", "events": ["browse"], "days": 10, "at_least": 3}
SELDOM: Rule = {"tag": "seldom", "kind": "count", "events": ["browse"], "days": 10, "at_most": 1}


def test_a_count_is_over_whole_business_days() -> None:
    """Three views on days 0, 0 and 9: the first two leave on day 10."""
    driver = Driver(policy(OFTEN))
    driver.feed(viewed(day(0, 1)), viewed(day(0, 23)))
    assert changes(driver.feed(viewed(day(9, 12)))) == [(day(9, 12), ["often"], [])]
    assert changes(driver.pass_to(day(100))) == [(day(10), [], ["often"])]


def test_a_low_count_comes_back_as_time_passes() -> None:
    driver = Driver(policy(SELDOM))
    assert changes(driver.feed(viewed(day(0)))) == [(day(0), ["seldom"], [])]
    assert changes(driver.feed(viewed(day(1)))) == [(day(1), [], ["seldom"])]
    assert changes(driver.pass_to(day(100))) == [(day(10), ["seldom"], [])]


def test_kinds_of_events_are_counted_together_and_others_are_not() -> None:
    rule = {**OFTEN, "events": ["link.clicked", "cart.updated"], "at_least": 2}
    clicked, cart = event("link.clicked", day(0)), event("cart.updated", day(1))
    assert after(rule, clicked, viewed(day(1)), viewed(day(2))) == []
    assert after(rule, clicked, cart) == ["often"]


def test_an_activity_counts_ever_without_days() -> None:
    rule = {
        "tag": "referrer",
        "kind": "count",
        "events": ["activity.recorded"],
        "activity": "referral",
        "at_least": 1,
    }
    assert after(rule, activity("event_attended", day(0))) == []
    assert after(rule, activity("referral", day(0)), until=day(3_000)) == ["referrer"]


def test_a_late_event_counts_on_its_own_day() -> None:
    driver = Driver(policy({**OFTEN, "at_least": 2}))
    driver.feed(viewed(day(20)), viewed(day(11)))
    assert tagged(driver) == ["often"]
    driver = Driver(policy({**OFTEN, "at_least": 2}))
    driver.feed(viewed(day(20)), viewed(day(10)))
    assert tagged(driver) == []


def test_a_late_event_says_that_it_was_late() -> None:
    driver = Driver(policy({**OFTEN, "at_least": 2}))
    driver.feed(viewed(day(20)))
    (changed,) = [o for o in driver.feed(viewed(day(15))) if o["type"] == "tags.changed"]
    assert (changed["late"], changed["effective_at"]) == (True, day(20))


# What was bought


def orders(of: str, **more: Any) -> Rule:
    return {"tag": "t", "kind": "orders", "of": of, **more}


def test_orders_are_counted_over_some_days_of_the_window() -> None:
    rule = orders("count", days=30, at_least=2)
    driver = Driver(policy(rule))
    driver.feed(order("o1", "5", day(0)), order("o2", "5", day(10)))
    assert tagged(driver) == ["t"]
    assert changes(driver.pass_to(day(100))) == [(day(30), [], ["t"])]


def test_a_cancelled_order_does_not_count() -> None:
    rule = orders("count", at_least=2)
    lines = [order("o1", "5", day(0)), order("o2", "5", day(10))]
    assert after(rule, *lines) == ["t"]
    assert after(rule, *lines, cancelled("o1", day(11))) == []


def test_spend_is_less_refunds_and_in_major_units() -> None:
    rule = orders("spend", at_least="99.50")
    lines = [order("o1", "60", day(0)), order("o2", "39.50", day(1))]
    assert after(rule, *lines) == ["t"]
    assert after(rule, *lines, refund("o1", "0.01", day(2))) == []


def test_the_average_is_exact_and_needs_an_order() -> None:
    rule = orders("average", at_most="33.33")
    assert after(rule, viewed(day(0))) == []
    three = [order(f"o{n}", "33.33", day(n)) for n in range(3)]
    assert after(rule, *three) == ["t"]
    assert after(rule, *three[:2], order("o9", "33.34", day(2))) == []


def test_a_repeat_buyer_stays_one() -> None:
    rule = orders("ever", at_least=2)
    lines = [order("o1", "5", day(0)), order("o2", "5", day(10))]
    assert after(rule, *lines, until=day(2_000)) == ["t"]


def share(of: str, **more: Any) -> Rule:
    return {"tag": "t", "kind": "order_share", "of": of, "min_orders": 2, **more}


def test_a_night_buyer_orders_at_night_by_the_local_clock() -> None:
    rule = share("hours", hours=[22, 6], at_least="0.5")
    lines = [order("o1", "5", day(0, 14, 0)), order("o2", "5", day(1, 4, 0))]
    assert after(rule, *lines, timezone="Asia/Shanghai") == ["t"], "22:00 and 12:00 there"
    assert after(rule, *lines[1:], order("o3", "5", day(2, 9)), timezone="Asia/Shanghai") == []
    assert after(rule, lines[0], timezone="Asia/Shanghai") == [], "one order is too few"


def test_a_day_buyer_orders_in_daylight_hours() -> None:
    rule = share("hours", hours=[6, 22], at_least="1")
    assert after(rule, order("o1", "5", day(0, 6)), order("o2", "5", day(0, 21, 59))) == ["t"]
    assert after(rule, order("o1", "5", day(0, 6)), order("o2", "5", day(0, 22))) == []


def test_a_price_sensitive_customer_buys_little_at_a_time() -> None:
    rule = share("small", amount="20.00", at_least="0.5")
    assert after(rule, order("o1", "20", day(0)), order("o2", "20.01", day(1))) == ["t"]
    assert after(rule, order("o1", "21", day(0)), order("o2", "20.01", day(1))) == []


def test_or_sends_back_what_was_bought() -> None:
    rule = share("refunded", at_least="0.5")
    lines = [order(f"o{n}", "20", day(n)) for n in range(3)]
    assert after(rule, *lines, refund("o0", "1", day(4))) == []
    assert after(rule, *lines, refund("o0", "1", day(4)), cancelled("o1", day(5))) == ["t"]


def test_a_share_changes_when_an_order_leaves_the_days() -> None:
    driver = Driver(policy(share("small", amount="20", days=10, at_least="0.6")))
    driver.feed(order("o1", "90", day(0)), order("o2", "5", day(5)), order("o3", "5", day(6)))
    assert tagged(driver) == ["t"]
    assert changes(driver.pass_to(day(14))) == []
    assert changes(driver.pass_to(day(100))) == [(day(15), [], ["t"])], "too few are left"


# What is looked at most

INTEREST: Rule = {"tag": "likes", "kind": "top", "of": "category", "top": 2}


def test_interests_are_the_categories_viewed_and_bought_most() -> None:
    lines = [viewed(day(0, n), category="hats") for n in range(4)]
    lines += [viewed(day(0, 5), category="books"), viewed(day(0, 6), category="books")]
    lines.append(order("o1", "5", day(0, 7), items=[{"category": "shoes"}, {"category": "shoes"}]))
    assert after(INTEREST, *lines) == ["likes:hats", "likes:shoes"]


def test_weights_are_those_of_the_policy() -> None:
    rule = {**INTEREST, "top": 1, "view_weight": 3, "purchase_weight": 2}
    bought = order("o1", "5", day(0), items=[{"category": "shoes"}])
    assert after(rule, bought, viewed(day(0, 1), category="hats")) == ["likes:hats"]


def test_an_interest_fades_on_the_day_its_weight_falls_below_the_threshold() -> None:
    """A weight of 4 is 0.5 after three half-lives, and less on the day after."""
    driver = Driver(policy(INTEREST))
    driver.feed(*(viewed(day(0, n), category="hats") for n in range(4)))
    assert changes(driver.pass_to(day(90))) == []
    assert changes(driver.pass_to(day(500))) == [(day(91), [], ["likes:hats"])]


def test_what_is_no_category_or_too_long_is_left_out() -> None:
    assert after(INTEREST, viewed(day(0)), viewed(day(1), category="")) == []
    assert after(INTEREST, viewed(day(0), category="x" * 65)) == []
    assert after(INTEREST, order("o1", "5", day(0), items=[{"sku": "s"}])) == []


def test_the_channel_used_most_counts_all_events() -> None:
    rule = {"tag": "by", "kind": "top", "of": "channel", "top": 1}
    lines = [
        viewed(day(0), channel="app"),
        order("o1", "5", day(0, 1), channel="web"),
        survey(4, day(0, 2), channel="web"),
    ]
    assert after(rule, *lines) == ["by:web"]


def test_memory_is_bounded_whatever_the_number_of_categories() -> None:
    driver = Driver(policy(INTEREST, {"tag": "by", "kind": "top", "of": "channel"}))
    for number in range(500):
        items = [{"category": f"c{number}-{place}"} for place in range(40)]
        driver.feed(order(f"o{number}", "5", day(number), items=items, channel=f"ch{number}"))
    kept = driver.state().tagged
    assert kept is not None
    assert kept.categories is not None
    assert kept.channels is not None
    assert (len(kept.categories.weights), len(kept.channels.weights)) == (32, 32)


# The relationship


def measure(of: str, **more: Any) -> Rule:
    return {"tag": "t", "kind": "measure", "of": of, **more}


def test_promoters_and_detractors_by_their_last_answer() -> None:
    detractor = measure("nps_last", at_most=6)
    promoter = measure("nps_last", at_least=9)
    six, nine = survey(6, day(0), survey="nps"), survey(9, day(1), survey="nps")
    assert after(detractor, six) == ["t"]
    assert after(detractor, six, nine) == []
    assert after(promoter, six, nine) == ["t"]
    assert after(detractor, viewed(day(0))) == [], "who never answered is neither"


def test_the_mean_answer_of_the_policy_counts() -> None:
    rule = measure("csat_mean", at_least="3.5")
    lines = [survey(1, day(0)), survey(3, day(1)), survey(4, day(2))]
    assert after(rule, *lines) == []
    assert after(rule, *lines, satisfaction={"answers": 2}) == ["t"]


def test_an_open_complaint() -> None:
    rule = measure("open_complaints", at_least=1)
    complaint = ticket_opened("t1", day(0), kind="complaint")
    assert after(rule, complaint) == ["t"]
    assert after(rule, complaint, ticket_resolved("t1", day(1))) == []
    assert after(rule, ticket_opened("t1", day(0), kind="question")) == []
    assert after(measure("open_tickets", at_most=0), viewed(day(0))) == ["t"]


# How changes are told


def test_a_change_says_what_came_what_went_since_when_and_why() -> None:
    driver = Driver(policy(REGION, OFTEN))
    driver.feed(consent(marketing=True, at=day(0)), profile({"region": "a"}, day(1)))
    line = profile({"region": "b"}, day(2))
    (changed,) = driver.feed(line)
    changed.pop("id")
    assert changed == {
        "topic": "profile-changes",
        "type": "tags.changed",
        "source": "tierstream/tierstream",
        "subject": "ana",
        "time": day(2),
        "customer_id": "ana",
        "sequence": 2,
        "effective_at": day(2),
        "reason": "event",
        "late": False,
        "caused_by": [f"profile.updated:ana:{day(2)}"],
        "added": [{"tag": "region:b", "since": day(2)}],
        "removed": [{"tag": "region:a", "since": day(1)}],
        "suppressed": None,
        "backfill": False,
        "policy_version": "default-1",
        "marketing_consent": True,
        "consented_channels": [],
        "audience": None,
        "owner": None,
        "not_before": None,
    }


def test_since_is_when_it_became_true_and_stays_while_it_is() -> None:
    driver = Driver(policy(OFTEN))
    driver.feed(*(viewed(day(n)) for n in range(8)))
    assert driver.profile()["tags"] == [{"tag": "often", "since": day(2)}]


def test_tags_come_after_tier_and_level() -> None:
    driver = Driver(policy(orders("ever", at_least=1)))
    kinds = [output["type"] for output in driver.feed(order("o1", "5", day(0)))]
    assert kinds == ["tier.changed", "tags.changed"]
    driver = Driver(policy(orders("count", days=60, at_least=1)))
    driver.feed(order("o1", "5", day(0)))
    found = [(o["type"], o["effective_at"]) for o in driver.pass_to(day(60))]
    assert found[-2:] == [("dormancy.alert", day(60)), ("tags.changed", day(60))]


def test_a_new_policy_looks_at_all_customers_again() -> None:
    driver = Driver(policy(REGION))
    driver.feed(profile({"region": "a"}, day(0)))
    again = {**REGION, "tag": "where"}
    (changed,) = driver.activate(policy(again, version="next"))
    assert (changed["reason"], changed["caused_by"]) == ("policy", [])
    assert changes([changed]) == [(day(0), ["where:a"], ["region:a"])]


def test_a_policy_without_tags_forgets_them_silently() -> None:
    driver = Driver(policy(REGION))
    driver.feed(profile({"region": "a"}, day(0)))
    assert driver.activate(Policy(version="none")) == []
    assert driver.state().tagged is None
    (changed,) = driver.activate(policy(REGION, version="again"))
    assert changed["added"][0]["tag"] == "region:a"


def test_another_half_life_begins_to_weigh_anew() -> None:
    driver = Driver(policy(INTEREST))
    driver.feed(viewed(day(0), category="hats"))
    driver.activate(policy({**INTEREST, "top": 1}, version="same half-life"))
    assert tagged(driver) == ["likes:hats"]
    driver.activate(policy({**INTEREST, "half_life_days": 7}, version="another"))
    assert tagged(driver) == []


def test_an_event_sent_twice_counts_once() -> None:
    view = viewed(day(0))
    assert after({**OFTEN, "at_least": 2}, view, view) == []


def test_who_is_erased_has_no_tags_and_no_more_changes() -> None:
    driver = Driver(policy(AGE))
    driver.feed(profile({"birth_date": "2007-03-05"}, day(0)), erased(day(1)))
    assert driver.state().tagged is None
    assert driver.pass_to(day(400)) == []
