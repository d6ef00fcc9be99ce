"""Attributes one by one: what of an update is taken, what is left out and named, what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.policy_file import check_policy
from handlers.decode.attributes import MAX_ATTRIBUTES, MAX_REFUSED
from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import day, event, merged, order, profile, viewed
from tests.driver import Driver, pick


def driver_of(*lines: bytes, policy: Policy | None = None, number: int = NEWEST) -> Driver:
    driver = Driver(policy, format_number=number)
    driver.feed(*lines)
    return driver


def known(*lines: bytes) -> dict[str, str]:
    found: dict[str, str] = driver_of(*lines).profile()["attributes"]
    return found


def refused(*lines: bytes) -> dict[str, str]:
    [output] = [one for one in driver_of(*lines).outputs if one["type"] == "attributes.refused"]
    found: dict[str, str] = output["refused"]
    return found


def raw_profile(attributes: str) -> bytes:
    """An update whose attributes are this JSON, number by number as written."""
    line = event("profile.updated", day(0), attributes="@")
    return line.replace(b'"@"', attributes.encode())


# What a value becomes


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ("5", "5"),
        ("-5", "-5"),
        ("5.0", "5"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.50", "0.5"),
        ("-0.050", "-0.05"),
        ("100", "100"),
        ("1e3", "1000"),
        ("12.5E-3", "0.0125"),
        ("1" * 40, "1" * 40),
        ("1e39", "1" + "0" * 39),
        ("0." + "1" * 39, "0." + "1" * 39),
        ("true", "true"),
        ("false", "false"),
        ('"05"', "05"),
    ],
)
def test_numbers_become_plain_decimals_and_booleans_their_json(told: str, text: str) -> None:
    assert known(raw_profile(f'{{"size": {told}}}')) == {"size": text}


@pytest.mark.parametrize("told", ["1" * 41, "1e40", "1e-40", "0." + "1" * 40, "1e999999999"])
def test_a_number_of_more_than_forty_digits_is_left_out(told: str) -> None:
    line = raw_profile(f'{{"size": {told}, "name": "Ana"}}')
    assert known(line) == {"name": "Ana"}
    assert refused(line) == {"size": "is a number of more than 40 digits"}


@pytest.mark.parametrize(
    ("attributes", "name", "why"),
    [
        ({"likes": ["shoes"]}, "likes", "is a list, a text is expected"),
        ({"home": {"city": "Rome"}}, "home", "is an object, a text is expected"),
        ({"birth_date": "31.12.1990"}, "birth_date", "must be a date such as 1990-12-31"),
        ({"birth_date": "1990-02-30"}, "birth_date", "must be a date such as 1990-12-31"),
        ({"birth_date": 19901231}, "birth_date", "must be a date such as 1990-12-31"),
        (
            {"registered_at": "2025-01-01 12:00"},
            "registered_at",
            "must be a date such as 2025-12-31, or an RFC 3339 time",
        ),
        ({"bio": "x" * 1_025}, "bio", "has 1025 characters, at most 1024"),
        ({"n" * 129: "x"}, "n" * 128, "a name has at most 128 characters, this one 129"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_named(attributes: Any, name: str, why: str) -> None:
    line = profile({**attributes, "name": "Ana"}, day(0))
    assert known(line) == {"name": "Ana"}
    assert refused(line) == {name: why}


def test_the_refusal_says_what_caused_it_and_stands_among_the_customers_outputs() -> None:
    driver = driver_of(order("o1", "500", day(0)))
    [found] = driver.feed(profile({"likes": [], "name": "Ana"}, day(1)))
    assert found["topic"] == "profile-changes"
    assert (found["sequence"], found["effective_at"]) == (2, day(1))
    assert found["caused_by"] == [f"profile.updated:ana:{day(1)}"]
    assert found["reason"] == "profile"
    assert found["policy_version"] == "default-1"


@pytest.mark.parametrize("value", [None, "", "1990-12-31"])
def test_nothing_is_refused_where_a_value_is_absent_taken_away_or_right(value: Any) -> None:
    driver = driver_of(profile({"birth_date": value, "registered_at": value}, day(0)))
    assert driver.outputs == []


def test_an_attribute_that_is_refused_stays_as_it_was() -> None:
    lines = profile({"birth_date": "1990-12-31"}, day(0)), profile({"birth_date": "?"}, day(1))
    assert known(*lines) == {"birth_date": "1990-12-31"}


def test_an_update_of_which_nothing_can_be_used_is_accepted_all_the_same() -> None:
    driver = driver_of(profile({"likes": []}, day(0)))
    assert (driver.accepted, driver.dead_letters) == (1, [])
    assert driver.profile()["attributes"] == {}


def test_of_very_many_refused_names_the_first_are_told() -> None:
    line = profile({"birth_date": "?", **{f"n{number}": [] for number in range(500)}}, day(0))
    assert len(refused(line)) == MAX_REFUSED + 1
    counted = driver_of(line).partition.context.tally.refused_attributes
    assert counted == {"birth_date": 1, "other": 500}


def test_attributes_that_are_no_object_are_a_wrong_type() -> None:
    assert Driver(format_number=NEWEST).reject(profile(["name"], day(0))) == "wrong_type"


def test_what_is_refused_comes_after_the_tags_that_the_rest_changes() -> None:
    tags = [{"tag": "region", "kind": "attribute", "of": "region"}]
    policy = check_policy({"tags": tags})
    driver = driver_of(profile({"region": "north", "likes": []}, day(0)), policy=policy)
    assert pick(driver.outputs, "type") == ["tags.changed", "attributes.refused"]


# How many are kept


def test_of_more_than_64_the_oldest_by_their_own_time_go() -> None:
    newer = [profile({f"b{number}": "x"}, day(9, 0, 0, number)) for number in range(MAX_ATTRIBUTES)]
    found = known(profile({"a": "x"}, day(1)), *newer, profile({"late": "x"}, day(2)))
    assert sorted(found) == sorted(f"b{number}" for number in range(MAX_ATTRIBUTES))


def test_of_one_update_with_more_than_64_the_last_stay() -> None:
    found = known(profile({f"n{number}": "x" for number in range(70)}, day(0)))
    assert list(found) == [f"n{number}" for number in range(6, 70)]


def test_those_taken_away_do_not_count_and_stay_away() -> None:
    gone = profile({f"gone{number}": "" for number in range(40)}, day(5))
    there = profile({f"n{number}": "x" for number in range(64)}, day(6))
    late = profile({"gone0": "x"}, day(4))
    assert len(known(gone, there, late)) == 64
    assert "gone0" not in known(gone, there, late)


def test_memory_of_those_taken_away_is_bounded() -> None:
    driver = driver_of(*(profile({f"n{n}": ""}, day(0, 0, 0, n)) for n in range(200)))
    assert list(driver.state().attributes) == [f"n{n}" for n in range(136, 200)]


def test_one_that_the_policy_names_never_goes() -> None:
    tags = [{"tag": "region", "kind": "attribute", "of": "region"}]
    policy = check_policy({"tags": tags})
    driver = driver_of(
        profile({"region": "north"}, day(0)),
        profile({f"n{number}": "x" for number in range(70)}, day(1)),
        policy=policy,
    )
    assert len(driver.profile()["attributes"]) == MAX_ATTRIBUTES
    assert driver.profile()["attributes"]["region"] == "north"


def test_after_a_merge_the_newest_of_both_are_kept() -> None:
    own = profile({f"n{number}": "own" for number in range(60)}, day(2), "ben")
    theirs = profile({"n0": "newer", **{f"m{n}": "x" for n in range(10)}}, day(3))
    driver = driver_of(own, theirs, merged("ben", day(4)))
    found = driver.profile("ben")["attributes"]
    assert len(found) == MAX_ATTRIBUTES
    assert found["n0"] == "newer"
    assert {f"m{n}" for n in range(10)} <= set(found)


# A partition of an older format


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"size": 5}, "wrong_type"),
        ({"likes": []}, "wrong_type"),
        ({"birth_date": "?"}, "invalid_value"),
        ({"registered_at": "?"}, "invalid_value"),
        ({"bio": "x" * 1_025}, "invalid_value"),
        ({f"n{n}": "x" for n in range(65)}, "invalid_value"),
        ({"name": "Ana", "email": ""}, None),
    ],
)
def test_a_partition_of_an_older_format_refuses_the_update_as_before(
    number: int, attributes: Any, reason: str | None
) -> None:
    driver = Driver(format_number=number)
    assert driver.reject(profile(attributes, day(0))) == reason
    driver.pack()


def test_a_partition_of_an_older_format_forgets_those_set_first() -> None:
    newer = [profile({f"b{number}": "x"}, day(1, 0, 0, number)) for number in range(MAX_ATTRIBUTES)]
    driver = driver_of(profile({"first": "x"}, day(9)), *newer, number=2)
    assert "first" not in driver.profile()["attributes"]


def test_an_update_that_cannot_be_used_leaves_other_customers_alone() -> None:
    driver = driver_of(profile({"likes": []}, day(0)), viewed(day(1), "ben"))
    assert pick(driver.outputs, "customer_id") == ["ana"]


def test_the_output_names_no_value() -> None:
    [found] = driver_of(profile({"likes": ["secret"], "birth_date": "secret"}, day(0))).outputs
    assert "secret" not in json.dumps(found)
