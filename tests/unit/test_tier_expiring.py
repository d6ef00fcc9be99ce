"""`tier.expiring`: a fall that lies ahead is told `warn_days` before it."""

from __future__ import annotations

from typing import Any

from handlers.state.formats import NEWEST
from scoring.policy import Cutoffs, Movement, Policy, Tier
from tests.builders import consent, day, merged, order, overridden, refund, viewed
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_monetary="500"), Tier("silver", min_monetary="100"), Tier("base"))


def policy(warn_days: int | None = 14, grace_days: int = 0, **changes: Any) -> Policy:
    """Tiers by the money of the last hundred days; recency changes nothing."""
    given: dict[str, Any] = {
        "tiers": TIERS,
        "window_days": 100,
        "movement": Movement(grace_days, soft_landing=True, warn_days=warn_days),
        "cutoffs": Cutoffs(recency_days=(9_000, 9_001, 9_002, 9_003)),
    }
    return Policy(**{**given, **changes})


def driver(warn_days: int = 14, grace_days: int = 0, **changes: Any) -> Driver:
    return Driver(policy(warn_days, grace_days, **changes), format_number=NEWEST)


def told(outputs: list[dict[str, Any]], *names: str) -> list[Any]:
    """Of each warning the day of the fall and the instant it was told, or some fields."""
    found = [output for output in outputs if output["type"] == "tier.expiring"]
    return pick(found, *(names or ("due_on", "effective_at")))


def date(number: int) -> str:
    return day(number)[:10]


def test_a_fall_is_told_once_so_many_days_before_it() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0, 15)))
    assert told(found.pass_to(day(85, 23))) == []
    assert told(found.pass_to(day(99))) == [(date(100), day(86))]
    assert told(found.pass_to(day(400))) == []


def test_it_says_what_comes_and_what_keeps_the_tier() -> None:
    """On day 86 the order of day 50 still counts on day 100: 300.00 are missing."""
    found = driver()
    found.feed(order("o1", "600", day(0)), order("o2", "200", day(50)))
    [warning] = [one for one in found.pass_to(day(90)) if one["type"] == "tier.expiring"]
    assert warning["topic"] == "care-reminders"
    assert {
        name: warning[name]
        for name in (
            *("tier", "falls_to", "due_on", "keeps_until", "effective_at", "orders_needed"),
            *("total_needed", "action", "suppressed", "backfill", "reason", "sequence"),
        )
    } == {
        "tier": "gold",
        "falls_to": "silver",
        "due_on": date(100),
        "keeps_until": day(100),
        "effective_at": day(86),
        "orders_needed": 1,
        "total_needed": "300.00",
        "action": None,
        "suppressed": None,
        "backfill": False,
        "reason": "time",
        "sequence": 2,
    }


def test_each_step_of_a_soft_landing_is_told() -> None:
    """Gold to silver on day 130, by grace; to base 30 days later."""
    found = driver(grace_days=30)
    found.feed(order("o1", "600", day(0)))
    assert told(found.pass_to(day(400)), "tier", "falls_to", "due_on", "effective_at") == [
        ("gold", "silver", date(130), day(116)),
        ("silver", "base", date(160), day(146)),
    ]


def test_a_date_known_later_is_told_on_the_next_business_day() -> None:
    """A refund on day 95 leaves what falls on day 100."""
    found = driver()
    found.feed(order("o1", "100", day(0)), order("o2", "500", day(60)))
    assert told(found.pass_to(day(95, 8))) == []
    assert told(found.feed(refund("o2", "450", day(95, 9)))) == []
    assert told(found.pass_to(day(99))) == [(date(100), day(96))]


def test_a_date_known_on_the_day_before_the_fall_is_not_told() -> None:
    found = driver()
    found.feed(order("o1", "100", day(0)), order("o2", "500", day(60)), viewed(day(99, 1)))
    found.feed(refund("o2", "450", day(99, 9)))
    assert found.profile()["keeps_until"] == day(100)
    assert told(found.pass_to(day(120))) == []


def test_a_date_known_at_that_very_instant_is_told_at_once() -> None:
    """A second grace of 14 days begins on day 114, when silver's fall on day 128 comes near."""
    found = driver(14, grace_days=14)
    found.feed(order("o1", "600", day(0)))
    assert told(found.pass_to(day(400)), "tier", "due_on", "effective_at") == [
        ("gold", date(114), day(100)),
        ("silver", date(128), day(114)),
    ]
    kinds = pick(found.outputs, "type", "effective_at")
    assert kinds.index(("tier.changed", day(114))) < kinds.index(("tier.expiring", day(114)))


def test_a_date_known_at_the_start_of_a_later_day_is_told_on_the_day_after() -> None:
    """A second grace of five days begins on day 105."""
    found = driver(14, grace_days=5)
    found.feed(order("o1", "600", day(0)))
    assert told(found.pass_to(day(400)), "tier", "due_on", "effective_at") == [
        ("gold", date(105), day(91)),
        ("silver", date(110), day(106)),
    ]


def test_an_order_that_moves_the_fall_moves_the_warning() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)), order("o2", "600", day(80)))
    assert told(found.pass_to(day(179))) == [(date(180), day(166))]


def test_a_fall_that_comes_back_after_it_was_told_is_not_told_again() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)))
    assert told(found.pass_to(day(88))) == [(date(100), day(86))]
    found.feed(order("o2", "600", day(90)), refund("o2", "600", day(91)))
    assert found.profile()["keeps_until"] == day(100)
    assert told(found.pass_to(day(99))) == []


def test_the_end_of_a_tier_by_hand_is_told_on_its_day() -> None:
    found = driver(7)
    found.feed(order("o1", "100", day(0)), overridden("gold", day(10), until=day(30, 12)))
    assert told(found.pass_to(day(31)), "due_on", "keeps_until", "falls_to", "effective_at") == [
        (date(30), day(30, 12), "silver", day(23))
    ]


def test_who_may_not_be_contacted_is_told_marked() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)), consent(False, day(1)))
    assert told(found.pass_to(day(99)), "suppressed") == ["no_consent"]


def test_a_policy_that_begins_to_warn_tells_what_is_near_on_the_next_day() -> None:
    found = Driver(policy(None), format_number=NEWEST)
    found.feed(order("o1", "600", day(0)))
    found.pass_to(day(95, 4))
    assert told(found.activate(policy(14, version="v2"), "v2")) == []
    assert told(found.pass_to(day(99))) == [(date(100), day(96))]


def test_a_policy_that_ceases_to_warn_tells_nothing_more() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)))
    found.activate(policy(None, version="v2"), "v2")
    assert told(found.pass_to(day(200))) == []


def test_a_policy_that_warns_earlier_moves_the_warning() -> None:
    found = driver(14)
    found.feed(order("o1", "600", day(0)))
    found.activate(policy(30, version="v2"), "v2")
    assert told(found.pass_to(day(99))) == [(date(100), day(70))]


def test_after_a_merge_a_fall_told_of_either_is_not_told_again() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)), order("o2", "50", day(0), "ben"))
    assert told(found.pass_to(day(88)), "customer_id") == ["ana"]
    found.feed(merged("ben", day(90)))
    assert found.profile("ben")["keeps_until"] == day(100)
    assert told(found.pass_to(day(200))) == []


def test_what_was_told_is_forgotten_when_it_is_past() -> None:
    found = driver(14, grace_days=14)
    for number in range(0, 4_000, 200):
        found.feed(order(f"o{number}", "600", day(number)))
    found.pass_to(day(4_400))
    expiring = found.state().expiring
    assert expiring is not None
    assert len(expiring.told) <= 2
    assert len(told(found.outputs)) == 40


def test_a_restored_state_tells_the_same() -> None:
    whole, packed = driver(14, 14), driver(14, 14)
    for number, line in enumerate([order("o1", "600", day(0)), order("o2", "90", day(50))]):
        whole.feed(line)
        packed.feed(line)
        packed.pack()
        whole.pass_to(day(20 + 90 * number))
        packed.pass_to(day(20 + 90 * number))
        packed.pack()
    whole.pass_to(day(400))
    packed.pass_to(day(400))
    assert packed.outputs == whole.outputs
    assert told(whole.outputs)


def test_reminders_are_counted_by_type() -> None:
    found = driver()
    found.feed(order("o1", "600", day(0)))
    found.pass_to(day(99))
    assert found.partition.context.tally.reminders == {("tier.expiring", ""): 1}
