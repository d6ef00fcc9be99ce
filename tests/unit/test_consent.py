"""Consent to marketing, by channel and by purpose."""

from __future__ import annotations

from typing import Any

import pytest

from config.policy_file import check_policy
from handlers.decode.fields import MAX_CHANNELS, MAX_PURPOSES
from handlers.state.formats import FIRST
from tests.builders import consent, day, event, left_because, merged, order, profile, viewed
from tests.driver import Driver, pick, run


def told(at: Any, customer: Any = "ana", **fields: Any) -> bytes:
    return event("consent.changed", at, customer, **fields)


def names(count: int, prefix: str = "c", *, agreed: bool = True) -> dict[str, bool]:
    return {f"{prefix}{number:02}": agreed for number in range(count)}


def new_driver(**options: Any) -> Driver:
    return Driver(format_number=3, **options)


# Channels


def test_outputs_name_the_channels_that_were_agreed_to_sorted() -> None:
    driver = new_driver()
    driver.feed(told(day(0), channels={"sms": True, "email": True, "wechat": False}))
    [raised] = driver.feed(order("o1", "120", day(1)))
    assert raised["consented_channels"] == ["email", "sms"]
    assert raised["marketing_consent"] is None


def test_the_newest_word_on_each_channel_counts_whenever_it_arrives() -> None:
    driver = new_driver()
    driver.feed(
        told(day(5), channels={"sms": False, "email": True}),
        told(day(3), channels={"sms": True, "email": False, "wechat": True}, event_id="late"),
        told(day(5), channels={"email": False}, event_id="same-time"),
    )
    assert driver.profile()["channel_consent"] == {"sms": False, "email": False, "wechat": True}


def test_marketing_stays_where_only_channels_are_told() -> None:
    driver = new_driver()
    driver.feed(consent(True, day(0)), told(day(1), channels={"sms": True}))
    driver.feed(told(day(0), marketing=False, event_id="old"))
    profile = driver.profile()
    assert profile["marketing_consent"] is False
    assert profile["channel_consent"] == {"sms": True}


def test_null_for_a_channel_says_nothing() -> None:
    driver = new_driver()
    driver.feed(told(day(0), channels={"sms": True, "email": None}))
    driver.feed(told(day(1), channels={"sms": None}))
    assert driver.profile()["channel_consent"] == {"sms": True}


def test_purposes_are_kept_like_channels() -> None:
    driver = new_driver()
    driver.feed(told(day(0), purposes={"profiling": True, "sharing": False}))
    driver.feed(told(day(1), purposes={"profiling": False}))
    assert driver.profile()["purpose_consent"] == {"profiling": False, "sharing": False}


@pytest.mark.parametrize(
    ("field", "most"), [("channels", MAX_CHANNELS), ("purposes", MAX_PURPOSES)]
)
def test_one_name_too_many_is_refused_with_all_the_event_says(field: str, most: int) -> None:
    driver = new_driver()
    driver.feed(told(day(0), **{field: names(most)}))
    one_more = told(day(1), marketing=False, **{field: {"c00": False, "other": True}})
    assert driver.reject(one_more) == "invalid_value"
    assert "other" in driver.dead_letters[-1].detail
    assert driver.profile()["marketing_consent"] is None
    assert driver.reject(told(day(2), **{field: {"c00": False}})) is None
    kept = driver.profile()[f"{field.removesuffix('s')}_consent"]
    assert kept == names(most) | {"c00": False}


def test_an_event_with_too_many_names_is_refused() -> None:
    driver = new_driver()
    assert driver.reject(told(day(0), channels=names(MAX_CHANNELS + 1))) == "invalid_value"
    assert driver.reject(told(day(0), channels={"": True})) == "invalid_value"
    assert driver.reject(told(day(0), channels={"x" * 129: True})) == "invalid_value"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "missing_field"),
        ({"marketing": None, "channels": None}, "missing_field"),
        ({"channels": ["sms"]}, "wrong_type"),
        ({"channels": {"sms": "yes"}}, "wrong_type"),
        ({"channels": {"sms": 1}}, "wrong_type"),
        ({"marketing": True, "purposes": True}, "wrong_type"),
        ({"marketing": True, "source": 5}, "wrong_type"),
    ],
)
def test_a_consent_that_cannot_be_used_is_a_dead_letter(
    fields: dict[str, Any], reason: str
) -> None:
    assert new_driver().reject(told(day(0), **fields)) == reason


def test_a_consent_told_again_is_a_duplicate_even_when_the_list_is_full() -> None:
    driver = new_driver()
    line = told(day(0), channels=names(MAX_CHANNELS), event_id="e1")
    driver.feed(line, line)
    assert driver.duplicates == 1
    other = told(day(0), channels={"other": True}, event_id="e1")
    assert driver.reject(other) == "invalid_value"  # before conflict
    assert driver.reject(told(day(0), channels={"c00": True}, event_id="e1")) == "conflict"


# Opt-in


OPT_IN = {"consent": "opt_in"}


@pytest.mark.parametrize(
    ("lines", "policy", "expected"),
    [
        ((), OPT_IN, "no_consent"),
        ((), {}, None),
        ((told(day(0), channels={"sms": True}),), OPT_IN, "no_consent"),
        ((consent(True, day(0)),), OPT_IN, None),
        ((consent(False, day(0)),), OPT_IN, "no_consent"),
        ((consent(False, day(0)),), {}, "no_consent"),
    ],
)
def test_who_never_agreed_counts_as_a_no_under_opt_in(
    lines: tuple[bytes, ...], policy: dict[str, Any], expected: str | None
) -> None:
    [raised] = run([*lines, order("o1", "120", day(1))], policy).tier_changes
    assert raised["suppressed"] == expected


# Merging


def test_of_two_words_on_a_channel_the_stricter_counts_until_a_later_one() -> None:
    driver = new_driver()
    driver.feed(
        told(day(3), "ana", channels={"sms": False, "email": True, "post": True}),
        told(day(1), "ben", channels={"sms": True, "email": True, "push": False}),
        merged("ben", day(4)),
    )
    expected = {"sms": False, "email": True, "post": True, "push": False}
    assert driver.profile("ben")["channel_consent"] == expected
    driver.feed(told(day(2), "ben", channels={"sms": True}, event_id="between"))
    assert driver.profile("ben")["channel_consent"]["sms"] is False
    driver.feed(told(day(3), "ben", channels={"sms": True}, event_id="not-before"))
    assert driver.profile("ben")["channel_consent"]["sms"] is True


def test_of_more_channels_than_are_kept_a_merge_keeps_the_newest() -> None:
    driver = new_driver()
    driver.feed(
        told(day(1), "ana", channels=names(MAX_CHANNELS, "a")),
        told(day(0), "ben", channels=names(MAX_CHANNELS, "b")),
        merged("ben", day(2)),
    )
    assert driver.profile("ben")["channel_consent"] == names(MAX_CHANNELS, "a")


# A partition of an older format


def test_an_older_format_knows_marketing_only() -> None:
    driver = Driver(format_number=FIRST)
    assert driver.reject(told(day(0), channels={"sms": True})) == "missing_field"
    driver.feed(told(day(1), marketing=True, channels={"sms": True}))
    assert driver.profile()["channel_consent"] == {}
    driver.pack()
    assert driver.profile()["marketing_consent"] is True


# Profiling

PROFILING_POLICY = {
    "tags": [
        {"tag": "region", "kind": "attribute", "of": "region"},
        {"tag": "left", "kind": "answer", "survey": "churn"},
        {"tag": "looks", "kind": "count", "events": ["page.viewed"], "days": 30, "at_least": 2},
        {"tag": "bought", "kind": "orders", "of": "ever", "at_least": 1},
        {"tag": "likes", "kind": "top", "of": "category", "at_least": 1},
    ],
    "health": {"satisfaction": 0},
}


def known_of(*lines: bytes) -> Driver:
    driver = new_driver(policy=check_policy(PROFILING_POLICY))
    driver.feed(
        profile({"region": "north"}, day(0)),
        left_because("moved", day(0)),
        viewed(day(1), category="shoes"),
        viewed(day(2), category="shoes"),
        order("o1", "120", day(3)),
    )
    driver.outputs.clear()
    driver.feed(*lines)
    return driver


def tags_of(driver: Driver) -> list[str]:
    return [each["tag"] for each in driver.profile()["tags"]]


ALL_TAGS = ["bought", "left:moved", "likes:shoes", "looks", "region:north"]


def test_who_refuses_profiling_keeps_what_they_told_of_themselves() -> None:
    driver = known_of(told(day(4), purposes={"profiling": False}))
    [changed] = driver.outputs
    assert (changed["type"], changed["reason"]) == ("tags.changed", "event")
    assert [each["tag"] for each in changed["removed"]] == ["bought", "likes:shoes", "looks"]
    assert tags_of(driver) == ["left:moved", "region:north"]
    assert "health" not in driver.profile()
    tagged = driver.state().tagged
    assert tagged is not None
    assert (tagged.counts, tagged.categories, tagged.channels) == ({}, None, None)


def test_nothing_is_gathered_of_who_refuses_and_grading_goes_on() -> None:
    driver = known_of(told(day(4), purposes={"profiling": False}))
    driver.outputs.clear()
    driver.feed(
        viewed(day(5), category="bags"),
        viewed(day(6), category="bags"),
        order("o2", "900", day(7)),
    )
    assert pick(driver.outputs, "type") == ["tier.changed"]
    assert tags_of(driver) == ["left:moved", "region:north"]


def test_other_purposes_and_an_older_word_change_nothing() -> None:
    driver = known_of(told(day(4), purposes={"sharing": False, "profiling": True}))
    driver.feed(told(day(3), purposes={"profiling": False}, event_id="old"))
    assert driver.outputs == []
    assert tags_of(driver) == ALL_TAGS
    assert "health" in driver.profile()


def test_who_agrees_again_is_seen_anew() -> None:
    driver = known_of(told(day(4), purposes={"profiling": False}))
    driver.feed(told(day(5), purposes={"profiling": True}))
    assert tags_of(driver) == ["bought", "left:moved", "region:north"]
    driver.feed(viewed(day(6), category="bags"), viewed(day(6, 1), category="bags"))
    assert tags_of(driver) == ["bought", "left:moved", "likes:bags", "looks", "region:north"]


def test_of_two_customers_who_are_one_the_refusal_of_either_holds() -> None:
    driver = known_of(
        told(day(4), "ben", purposes={"profiling": False}), merged("ana", day(5), "ben")
    )
    assert tags_of(driver) == ["left:moved", "region:north"]
    assert driver.outputs[-1]["reason"] == "merge"
