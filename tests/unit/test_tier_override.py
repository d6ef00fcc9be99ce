"""Tiers by hand: `tier.overridden`, from the record to the profile."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import Cutoffs, Movement, Policy, Tier
from tests.builders import (
    cancelled,
    day,
    day_ms,
    edited,
    erased,
    merged,
    order,
    overridden,
    refund,
    viewed,
    without,
)
from tests.driver import Driver, pick

TIERS = (
    Tier("gold", min_monetary="1000"),
    Tier("silver", min_monetary="500"),
    Tier("bronze", min_monetary="100"),
    Tier("base"),
)


def policy(grace_days: int = 30, **changes: Any) -> Policy:
    """Tiers by money alone, of the last hundred days."""
    given = {
        "tiers": TIERS,
        "window_days": 100,
        "movement": Movement(grace_days, soft_landing=False),
        "cutoffs": Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
    }
    return Policy(**{**given, **changes})


def driver(grace_days: int = 30, **changes: Any) -> Driver:
    return Driver(policy(grace_days, **changes), format_number=NEWEST)


def moves(outputs: list[dict[str, Any]], *names: str) -> list[Any]:
    """Of each change of tier the new tier, the reason and the instant, or some fields."""
    found = [output for output in outputs if output["type"] == "tier.changed"]
    return pick(found, *(names or ("tier", "reason", "effective_at")))


# -- the record


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tier": ""}, "missing_field"),
        ({"until": None}, "missing_field"),
        ({"until": ""}, "missing_field"),
        ({"tier": 5}, "wrong_type"),
        ({"until": day_ms(9)}, "wrong_type"),
        ({"by": 5}, "wrong_type"),
        ({"until": "soon"}, "invalid_timestamp"),
        ({"until": "2025-02-30T00:00:00Z"}, "invalid_timestamp"),
        ({"tier": "platinum"}, "invalid_value"),
        ({"tier": "prospect"}, "invalid_value"),
        ({"until": day(3)}, "invalid_value"),
        ({"until": day(2)}, "invalid_value"),
        ({"mode": "roof"}, "invalid_value"),
        ({"by": "b" * 129}, "invalid_value"),
        ({"note": "n" * 129}, "invalid_value"),
    ],
)
def test_a_tier_by_hand_is_refused_where_it_says_no_tier_and_time(
    changes: dict[str, Any], reason: str
) -> None:
    line = overridden("gold", day(3), until=day(20))
    assert driver().reject(edited(line, **changes)) == reason


def test_the_field_of_the_tier_must_be_there_and_null_needs_no_time() -> None:
    line = overridden("gold", day(3), until=day(20))
    assert driver().reject(without(line, "tier")) == "missing_field"
    assert driver().reject(edited(line, tier=None, until=["never"])) is None


def test_an_older_format_does_not_know_the_type() -> None:
    old = Driver(policy(), format_number=2)
    assert old.reject(overridden("gold", day(3), until=day(20))) == "unknown_type"


def test_detail_of_an_unknown_tier_names_those_of_the_policy() -> None:
    found = driver()
    found.feed(overridden("platinum", day(3), until=day(20)))
    assert found.dead_letters[0].detail == (
        "tier 'platinum' is no tier of the policy, which has gold, silver, bronze, base"
    )


# -- a floor


def test_a_floor_lifts_at_once_and_its_end_takes_by_grace() -> None:
    found = driver()
    found.feed(order("o1", "100", day(0)))
    assert moves(found.feed(overridden("gold", day(3), until=day(20, 7)))) == [
        ("gold", "override", day(3))
    ]
    assert moves(found.pass_to(day(60))) == [("bronze", "grace_expired", day(50))]


def test_the_end_is_exact_to_the_millisecond_and_without_grace_falls_there() -> None:
    found = driver(grace_days=0)
    found.feed(order("o1", "100", day(0)), overridden("gold", day(3), until=day(20, 7, ms=1)))
    assert found.pass_to(day(20, 7)) == []
    assert moves(found.pass_to(day(20, 7, ms=1)), "tier", "reason", "before", "caused_by") == [
        ("bronze", "override", found.outputs[-1]["after"], [])
    ]
    assert found.outputs[-1]["effective_at"] == day(20, 7, ms=1)


def test_the_profile_shows_the_one_in_force_and_the_fall_after_it() -> None:
    found = driver()
    told = overridden("gold", day(3), until=day(20, 7), by="kim", note="a good friend")
    found.feed(order("o1", "100", day(0)), told)
    shown = found.profile()
    assert shown["override"] == {
        "tier": "gold",
        "until": day(20, 7),
        "by": "kim",
        "note": "a good friend",
    }
    assert shown["keeps_until"] == day(50)
    assert shown["keep"] == {"orders_needed": 1, "total_needed": "900.00"}
    found.pass_to(day(20, 7))
    assert found.profile()["override"] is None
    assert found.profile()["keeps_until"] == day(50)


def test_a_floor_below_what_the_figures_qualify_for_changes_nothing() -> None:
    found = driver()
    found.feed(order("o1", "1000", day(0)))
    assert found.feed(overridden("silver", day(3), until=day(20))) == []
    assert found.profile()["override"]["tier"] == "silver"


def test_a_floor_lifts_a_prospect_whose_figures_stay_null() -> None:
    found = driver(grace_days=5)
    [rise] = found.feed(viewed(day(0)), overridden("silver", day(3), until=day(20)))
    assert (rise["previous_tier"], rise["tier"], rise["before"], rise["after"]) == (
        "prospect",
        "silver",
        None,
        None,
    )
    assert rise["keeps_until"] == day(25)
    shown = found.profile()
    assert (shown["tier"], shown["stage"], shown["score"]) == ("silver", "prospect", None)
    assert shown["next_tier"]["order_amount_needed"] == "1000.00"
    assert shown["keep"] == {"orders_needed": 1, "total_needed": "500.00"}
    assert moves(found.pass_to(day(30))) == [("prospect", "grace_expired", day(25))]


def test_a_floor_holds_what_time_would_take() -> None:
    """The order leaves on day 100, in the middle of the floor."""
    found = driver(grace_days=0)
    found.feed(order("o1", "1000", day(0)), overridden("silver", day(50), until=day(120)))
    assert moves(found.pass_to(day(130))) == [
        ("silver", "window", day(100)),
        ("base", "override", day(120)),
    ]


def test_a_refund_does_not_take_what_a_floor_grants() -> None:
    found = driver()
    found.feed(order("o1", "1000", day(0)), overridden("silver", day(3), until=day(20)))
    assert moves(found.feed(refund("o1", "950", day(5)))) == [("silver", "refund", day(5))]
    assert moves(found.feed(cancelled("o1", day(6)))) == []
    assert found.profile()["tier"] == "silver"


def test_a_grace_ends_with_a_lift_and_at_the_end_a_new_one_begins() -> None:
    found = driver()
    found.feed(order("o1", "500", day(0)))
    found.pass_to(day(110))
    assert found.profile()["keeps_until"] == day(130)
    assert found.feed(overridden("silver", day(115), until=day(140))) == []
    assert found.profile()["keeps_until"] == day(170)
    assert moves(found.pass_to(day(200))) == [("base", "grace_expired", day(170))]


# -- which one holds


def test_null_ends_the_one_in_force_with_grace() -> None:
    found = driver(grace_days=10)
    found.feed(order("o1", "100", day(0)), overridden("gold", day(3), until=day(90)))
    assert found.feed(overridden(None, day(5))) == []
    assert found.profile()["override"] is None
    assert moves(found.pass_to(day(40))) == [("bronze", "grace_expired", day(15))]


def test_null_without_grace_days_falls_at_once_by_override() -> None:
    found = driver(grace_days=0)
    found.feed(order("o1", "100", day(0)), overridden("gold", day(3), until=day(90)))
    assert moves(found.feed(overridden(None, day(5)))) == [("bronze", "override", day(5))]


def test_the_newest_by_its_time_holds_in_any_order_of_arrival() -> None:
    older = overridden("silver", day(3), until=day(90))
    newer = overridden("gold", day(4), until=day(90))
    for lines in ([older, newer], [newer, older]):
        found = driver()
        found.feed(*lines)
        assert found.profile()["override"]["tier"] == "gold"


def test_of_equal_times_the_later_in_the_log_holds() -> None:
    found = driver()
    found.feed(overridden("gold", day(3), until=day(90), event_id="e1"))
    found.feed(overridden("silver", day(3), until=day(90), event_id="e2"))
    assert found.profile()["override"]["tier"] == "silver"


def test_an_older_one_does_not_come_back_when_the_newest_ends() -> None:
    found = driver(grace_days=0)
    found.feed(
        overridden("gold", day(3), until=day(90)), overridden("silver", day(4), until=day(9))
    )
    found.pass_to(day(10))
    found.feed(overridden("gold", day(3, 5), until=day(80), event_id="late"))
    assert (found.profile()["tier"], found.profile()["override"]) == ("prospect", None)


def test_one_that_arrives_when_its_time_is_over_lifts_nobody_and_counts_as_newest() -> None:
    found = driver()
    found.feed(order("o1", "100", day(30)))
    assert found.feed(overridden("gold", day(10), until=day(20))) == []
    assert found.feed(overridden("gold", day(5), until=day(90), event_id="older")) == []
    assert found.profile()["override"] is None


def test_a_late_one_says_so_and_is_effective_at_the_clock() -> None:
    found = driver()
    found.feed(order("o1", "100", day(30)))
    [rise] = found.feed(overridden("gold", day(10), until=day(90)))
    assert (rise["late"], rise["effective_at"], rise["reason"]) == (True, day(30), "override")


# -- ceilings and fixed tiers


def test_a_ceiling_takes_at_once_and_lifts_when_it_ends() -> None:
    found = driver()
    found.feed(order("o1", "1000", day(0)))
    told = overridden("bronze", day(3), until=day(20, 7), mode="ceiling")
    [fall] = found.feed(told)
    assert (fall["tier"], fall["direction"], fall["reason"]) == ("bronze", "down", "override")
    shown = found.profile()
    assert shown["override"]["mode"] == "ceiling"
    assert shown["next_tier"] == {
        "tier": "silver",
        "order_amount_needed": None,
        "orders_needed": None,
        "total_needed": None,
    }
    assert shown["keeps_until"] == day(130), "gold at its end, and base from day 100 with grace"
    assert shown["keep"] == {"orders_needed": None, "total_needed": None}, "they leave before"
    assert moves(found.pass_to(day(21))) == [("gold", "override", day(20, 7))]


def test_a_ceiling_ends_the_grace_of_a_better_tier() -> None:
    """On day 110 the customer is in silver by grace, and qualifies for base."""
    found = driver()
    found.feed(order("o1", "500", day(0)))
    found.pass_to(day(110))
    told = overridden("bronze", day(111), until=day(200), mode="ceiling")
    assert moves(found.feed(told)) == [("base", "override", day(111))]


def test_a_ceiling_does_not_lift() -> None:
    found = driver()
    found.feed(order("o1", "100", day(0)))
    assert found.feed(overridden("gold", day(3), until=day(20), mode="ceiling")) == []


def test_a_fixed_tier_lifts_and_bounds() -> None:
    found = driver(grace_days=0)
    found.feed(viewed(day(0)))
    assert moves(found.feed(overridden("silver", day(3), until=day(20), mode="fixed"))) == [
        ("silver", "override", day(3))
    ]
    assert found.feed(order("o1", "5000", day(5))) == []
    assert moves(found.pass_to(day(21))) == [("gold", "override", day(20))]


def test_a_lower_ceiling_in_the_place_of_a_floor_takes_at_once_and_a_lower_floor_by_grace() -> None:
    for mode, expected in (("ceiling", [("bronze", "override", day(5))]), ("floor", [])):
        found = driver()
        found.feed(order("o1", "100", day(0)), overridden("gold", day(3), until=day(90)))
        told = overridden("silver", day(5), until=day(90), mode=mode)
        assert moves(found.feed(told)) == expected


def test_a_ceiling_that_ends_before_the_figures_fall_keeps_until_the_first_worse_tier() -> None:
    """Bronze by hand to day 20, then gold; without grace base on day 100."""
    found = driver(grace_days=0)
    found.feed(order("o1", "1000", day(0)))
    found.feed(overridden("bronze", day(3), until=day(20), mode="ceiling"))
    assert found.profile()["keeps_until"] == day(100)


# -- policies, merges, erasure


def test_under_a_policy_without_its_tier_it_rests() -> None:
    found = driver(grace_days=0)
    found.feed(order("o1", "100", day(0)), overridden("silver", day(3), until=day(90)))
    without_silver = tuple(tier for tier in TIERS if tier.name != "silver")
    found.activate(policy(0, tiers=without_silver, version="v2"), "v2")
    assert (found.profile()["tier"], found.profile()["override"]) == ("bronze", None)
    assert moves(found.activate(policy(0, version="v3"), "v3"), "tier", "reason") == [
        ("silver", "policy")
    ]


def test_the_end_of_one_that_rests_is_no_override() -> None:
    found = driver(grace_days=0)
    found.feed(order("o1", "100", day(0)), overridden("silver", day(3), until=day(100)))
    without_silver = tuple(tier for tier in TIERS if tier.name != "silver")
    found.activate(policy(0, tiers=without_silver, version="v2"), "v2")
    assert moves(found.pass_to(day(101))) == [("base", "window", day(100))]


def test_a_merge_keeps_the_newest_of_both() -> None:
    found = driver()
    found.feed(overridden("gold", day(3), until=day(90)))
    found.feed(overridden("silver", day(2), until=day(80), customer="ben"))
    rises = found.feed(merged("ben", day(5)))
    assert moves(rises) == [("gold", "merge", day(5))]
    assert found.profile("ben")["override"]["until"] == day(90)


def test_a_merge_of_equal_times_keeps_the_survivors() -> None:
    found = driver()
    found.feed(overridden("gold", day(3), until=day(90)))
    found.feed(overridden("silver", day(3), until=day(80), customer="ben"))
    assert found.feed(merged("ben", day(5))) == []
    assert found.profile("ben")["override"]["tier"] == "silver"


def test_erasure_leaves_nothing_of_it() -> None:
    found = driver()
    found.feed(overridden("gold", day(3), until=day(90), by="kim"), erased(day(4)))
    assert found.state().override is None
    assert found.pass_to(day(100)) == []


def test_a_restored_state_goes_on_as_if_nothing_had_happened() -> None:
    lines = [
        order("o1", "100", day(0)),
        overridden("gold", day(3), until=day(20, 7), mode="fixed", by="kim", note="n"),
        viewed(day(30)),
        order("o2", "600", day(31)),
    ]
    whole, packed = driver(grace_days=0), driver(grace_days=0)
    for line in lines:
        whole.feed(line)
        packed.feed(line)
        packed.pack()
    assert packed.outputs == whole.outputs
    assert packed.profile() == whole.profile()


def test_time_that_ends_in_the_year_9999_breaks_nothing() -> None:
    found = driver()
    found.feed(order("o1", "100", day(0)))
    found.feed(overridden("gold", day(3), until="9999-12-31T23:59:59.999Z"))
    assert found.profile()["keeps_until"] == "9999-12-31T23:59:59.999Z"


def test_a_tier_by_hand_told_again_is_a_duplicate_and_other_content_a_conflict() -> None:
    found = driver()
    line = overridden("gold", day(3), until=day(90), event_id="e1")
    found.feed(line, line)
    assert found.duplicates == 1
    assert found.reject(edited(line, until=day(91))) == "conflict"


def test_a_cloud_event_ends_one_by_null() -> None:
    found = driver(grace_days=0)
    found.feed(overridden("gold", day(3), until=day(90)))
    cloud = edited(
        b"{}",
        specversion="1.0",
        id="e9",
        source="crm",
        type="tier.overridden",
        subject="ana",
        time=day(4),
        data={"tier": None},
    )
    assert moves(found.feed(cloud), "tier") == ["prospect"]
