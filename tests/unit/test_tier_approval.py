"""`[override] approval`: a tier by hand waits until somebody else approves it."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.state.formats import NEWEST
from scoring.policy import Movement, OverridePolicy, Policy, Tier
from tests.builders import approved, day, edited, erased, merged, order, overridden, viewed
from tests.driver import Driver, pick

TIERS = (Tier("gold", min_monetary="500"), Tier("silver", min_monetary="100"), Tier("base"))
ASKS = overridden("gold", day(3), until=day(20), by="kim", note="press", event_id="ask")


def policy(*, approval: bool = True, **changes: Any) -> Policy:
    given: dict[str, Any] = {
        "tiers": TIERS,
        "movement": Movement(0),
        "override": OverridePolicy(approval) if approval else None,
    }
    return Policy(**{**given, **changes})


def driver(*, approval: bool = True) -> Driver:
    found = Driver(policy(approval=approval), format_number=NEWEST)
    found.feed(order("o1", "10", day(0)))
    return found


def moves(outputs: list[dict[str, Any]]) -> list[Any]:
    found = [output for output in outputs if output["type"] == "tier.changed"]
    return pick(found, "tier", "reason", "effective_at")


def test_it_waits_and_the_profile_shows_what() -> None:
    found = driver()
    assert found.feed(ASKS) == []
    shown = found.profile()
    assert (shown["tier"], shown["override"]) == ("base", None)
    assert shown["pending_override"] == {
        "event_id": "ask",
        "tier": "gold",
        "until": day(20),
        "mode": "floor",
        "by": "kim",
        "note": "press",
    }


def test_somebody_else_approves_it() -> None:
    found = driver()
    found.feed(ASKS)
    assert moves(found.feed(approved("ask", day(4), by="lee"))) == [("gold", "override", day(4))]
    shown = found.profile()
    assert (shown["override"]["by"], shown["pending_override"]) == ("kim", None)
    assert moves(found.pass_to(day(21))) == [("base", "override", day(20))]


@pytest.mark.parametrize(
    "line",
    [
        approved("ask", day(4), by="kim"),
        approved("another", day(4), by="lee"),
        approved("ask", day(4), "ben", by="lee"),
    ],
)
def test_an_approval_by_the_same_person_or_of_nothing_that_waits_is_refused(line: bytes) -> None:
    found = driver()
    found.feed(ASKS)
    assert found.reject(line) == "invalid_value"
    assert found.profile()["pending_override"] is not None


@pytest.mark.parametrize("by", [None, ""])
def test_who_asks_must_be_told_but_not_to_end_one(by: str | None) -> None:
    found = driver()
    assert found.reject(edited(ASKS, by=by)) == "missing_field"
    assert found.reject(overridden(None, day(4))) is None
    assert driver(approval=False).reject(edited(ASKS, by=by)) is None


def test_approving_twice_finds_nothing_that_waits_and_told_again_is_a_duplicate() -> None:
    found = driver()
    line = approved("ask", day(4), by="lee")
    found.feed(ASKS, line, line)
    assert found.duplicates == 1
    assert found.reject(approved("ask", day(5), by="lee")) == "invalid_value"
    assert found.reject(edited(line, by="max")) == "invalid_value"


def test_the_newest_by_its_time_waits() -> None:
    older = overridden("silver", day(2), until=day(20), by="max", event_id="older")
    for lines in ([ASKS, older], [older, ASKS]):
        found = driver()
        found.feed(*lines)
        assert found.profile()["pending_override"]["event_id"] == "ask"
        assert found.reject(approved("older", day(5), by="lee")) == "invalid_value"


def test_what_is_in_force_goes_on_while_another_waits() -> None:
    found = driver()
    found.feed(ASKS, approved("ask", day(4), by="lee"))
    found.feed(overridden("silver", day(5), until=day(9), by="max", mode="ceiling", event_id="b"))
    assert (found.profile()["tier"], found.profile()["pending_override"]["mode"]) == (
        "gold",
        "ceiling",
    )
    assert moves(found.feed(approved("b", day(6), by="lee"))) == [("base", "override", day(6))]


def test_an_older_one_that_is_approved_does_not_hold_against_a_newer_one() -> None:
    found = driver()
    found.feed(ASKS, approved("ask", day(4), by="lee"))
    late = overridden("silver", day(2), until=day(30), by="max", event_id="late")
    found.feed(late, approved("late", day(5), by="lee"))
    shown = found.profile()
    assert (shown["override"]["tier"], shown["pending_override"]) == ("gold", None)


def test_null_takes_back_what_waits_and_is_not_newer_in_any_order() -> None:
    for lines in ([ASKS, overridden(None, day(4))], [overridden(None, day(4)), ASKS]):
        found = driver()
        found.feed(*lines)
        assert found.profile()["pending_override"] is None
    found = driver()
    found.feed(ASKS, overridden(None, day(2)))
    assert found.profile()["pending_override"]["event_id"] == "ask"


@pytest.mark.parametrize("is_merged", [False, True])
def test_null_takes_back_what_is_older_also_behind_a_newer_one(is_merged: bool) -> None:
    """What holds by then does not hide that an end was said before it."""
    found = driver()
    who = "ben" if is_merged else "ana"
    found.feed(overridden(None, day(4), who))
    if is_merged:
        found.feed(merged("ana", day(4, 1), "ben"))
    found.feed(
        overridden("silver", day(5), until=day(30), by="kim", event_id="newer"),
        approved("newer", day(6), by="lee"),
        ASKS,
    )
    assert found.profile()["pending_override"] is None
    assert found.reject(approved("ask", day(7), by="lee")) == "invalid_value"


def test_it_waits_until_its_time_is_over_and_the_profile_is_written_then() -> None:
    found = driver()
    found.feed(ASKS)
    found.partition.stale_profiles.clear()
    found.pass_to(day(20))
    assert "ana" in found.partition.stale_profiles
    assert found.profile()["pending_override"] is None
    assert found.reject(approved("ask", day(21), by="lee")) == "invalid_value"


def test_the_time_of_the_approval_does_not_matter() -> None:
    """The clock is at day 3; the approval says that it happened after the end, or before it all."""
    for at, tier in ((day(30), "base"), (day(1), "gold")):
        found = driver()
        found.feed(ASKS)
        assert found.reject(approved("ask", at, by="lee")) is None
        assert found.profile()["tier"] == tier


def test_those_in_force_when_the_key_comes_stay_so() -> None:
    found = driver(approval=False)
    found.feed(ASKS)
    assert "pending_override" not in found.profile()
    found.activate(policy(version="v2"), "v2")
    assert (found.profile()["tier"], found.profile()["pending_override"]) == ("gold", None)


def test_what_waits_goes_on_waiting_without_the_key() -> None:
    found = driver()
    found.feed(ASKS)
    found.activate(policy(approval=False, version="v2"), "v2")
    assert found.profile()["pending_override"]["event_id"] == "ask"
    assert moves(found.feed(approved("ask", day(4), by="lee"))) == [("gold", "override", day(4))]


def test_of_two_that_wait_a_merge_keeps_the_newest() -> None:
    found = driver()
    found.feed(ASKS, viewed(day(1), "ben"))
    found.feed(overridden("silver", day(2), "ben", until=day(9), by="max", event_id="b"))
    found.feed(merged("ben", day(5)))
    assert found.profile("ben")["pending_override"]["event_id"] == "ask"
    rises = found.feed(approved("ask", day(6), "ben", by="lee"))
    assert moves(rises) == [("gold", "override", day(6))]


def test_erasure_leaves_nothing_that_waits() -> None:
    found = driver()
    found.feed(ASKS, erased(day(4)))
    assert found.state().pending_override is None
    assert found.reject(approved("ask", day(5), by="lee")) == "erased_customer"


def test_a_restored_state_still_waits() -> None:
    found = driver()
    found.feed(ASKS)
    found.pack()
    assert moves(found.feed(approved("ask", day(4), by="lee"))) == [("gold", "override", day(4))]
