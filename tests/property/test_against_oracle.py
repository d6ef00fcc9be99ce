"""The product against the naive oracle, over random histories of a few customers."""

from __future__ import annotations

import json
from collections import Counter
from operator import itemgetter
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.state.formats import NEWEST
from tests import oracle
from tests.driver import Run, run
from tests.oracle.tags import BROWSE
from tests.support.traffic import PRACTICE, Traffic, traffic_of

pytestmark = [pytest.mark.slow, pytest.mark.always]

_PROFILE_FIELDS = (
    "sequence",
    "attributes",
    "marketing_consent",
    "channel_consent",
    "purpose_consent",
    "override",
    "pending_override",
    "keep",
    "followups",
    "churn_answer",
    "churn_answered_at",
    "spend_ever",
    "orders_ever",
    "first_order_at",
    "open_tickets",
    "as_of",
    "policy_version",
    "tier",
    "stage",
    "level",
    "recency_days",
    "frequency",
    "monetary",
    "r",
    "f",
    "m",
    "score",
    "segment",
    "keeps_until",
    "next_tier",
    "last_order_at",
    "last_interaction_at",
    "points",
    "satisfaction",
    "health",
    "holdout",
    "tags",
    "dimensions",
    "promises",
    "next_visit_on",
    "owner",
)

_TAKING_BACK = ("order", "refund", "cancellation", "merge", "adjustment")


def compare(found: Run, expected: oracle.Result) -> None:
    """Every output, every dead letter, every count and every profile."""
    assert found.collected.dead_letters == expected.dead_letters
    assert found.report.duplicates == expected.duplicates
    assert found.report.left_out == expected.left_out
    assert found.report.accepted == expected.accepted
    assert _without_ids(found.tier_changes) == _without_ids(expected.tier_changes)
    alerts = found.dormancy_alerts
    sequences = {alert["id"]: alert["sequence"] for alert in alerts}
    for alert in alerts:
        alert["withdraws"] = sorted(sequences[one] for one in alert["withdraws"])
    assert _without_ids(alerts) == _without_ids(expected.dormancy_alerts)
    assert _without_ids(found.care_reminders) == _without_ids(expected.care_reminders)
    assert _without_ids(found.profile_changes) == _without_ids(expected.profile_changes)
    assert {
        customer_id: {name: profile.get(name, "absent") for name in _PROFILE_FIELDS}
        for customer_id, profile in found.profiles.items()
    } == {
        customer_id: {name: profile.get(name, "absent") for name in _PROFILE_FIELDS}
        for customer_id, profile in expected.profiles.items()
    }
    _check_that_movements_make_the_balance(found, expected.lapses)
    assert found.report.unmatched == expected.unmatched
    population = Counter((p["tier"], p["stage"]) for p in found.profiles.values())
    assert +found.report.customers == population


def _check_that_movements_make_the_balance(found: Run, lapses: list[tuple[str, int]]) -> None:
    """Of each life of a customer: after an erasure by retention another begins."""
    movements: Counter[tuple[str, int]] = Counter()

    def life_at(customer_id: str, sequence: int) -> tuple[str, int]:
        return customer_id, sum(each == customer_id and end < sequence for each, end in lapses)

    for change in found.profile_changes:
        if change["type"] == "points.changed":
            life = life_at(change["customer_id"], change["sequence"])
            before = movements[life]
            movements[life] += change["delta"]
            assert change["balance"] == movements[life]
            assert change["balance"] >= min(before, 0) or change["cause"] in _TAKING_BACK
    for customer_id, profile in found.profiles.items():
        if "points" in profile:
            newest = life_at(customer_id, profile["sequence"] + 1)
            assert profile["points"]["balance"] == movements[newest]


def _without_ids(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [{name: value for name, value in record.items() if name != "id"} for record in records]
    return [in_no_order(record) for record in found]


def in_no_order(output: dict[str, Any]) -> dict[str, Any]:
    """An output with its lists that come in no order sorted; why is refused is left out."""
    match output["type"]:
        case "attributes.refused":
            return {**output, "refused": sorted(output["refused"])}
        case "owner.changed":
            tickets = sorted(output["open_tickets"], key=itemgetter("ticket_id"))
            return {**output, "open_tickets": tickets}
    return output


@settings(max_examples=36)
@given(seed=st.integers(0, 2**32))
def test_outputs_equal_those_of_a_naive_recomputation(seed: int) -> None:
    compare_replay(seed, merges=False)


@settings(max_examples=44)
@given(seed=st.integers(0, 2**32))
def test_outputs_with_merges_equal_those_of_a_naive_recomputation(seed: int) -> None:
    compare_replay(seed, merges=True)


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_outputs_of_practice_equal_those_of_a_naive_recomputation(seed: int) -> None:
    compare_replay(seed, merges=seed % 2 == 0, traffic=PRACTICE)


@settings(max_examples=6)
@given(seed=st.integers(0, 2**32))
def test_live_outputs_of_practice_equal_those_of_a_naive_recomputation(seed: int) -> None:
    compare_live(seed, traffic=PRACTICE)


def compare_replay(seed: int, *, merges: bool, traffic: Traffic | None = None) -> None:
    """Runs a file of random events both ways; with `merges` ids are merged, too."""
    random = Random(seed)
    traffic = traffic or traffic_of(random)
    policy = traffic.policy(random)
    days = random.choice([60, 300, 900])
    history = traffic.history(random, random.choice([3, 5]) if merges else 3, days, merges=merges)
    lines = history.lines(90)
    live_from_ms = random_live_from_ms(random, lines)
    found = run(lines, policy, live_from_ms=live_from_ms, restarts=random_restarts(random))
    compare(found, oracle.run(lines, policy, live_from_ms=live_from_ms))


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_what_is_forgotten_of_orders_is_what_the_rules_say(seed: int) -> None:
    """With so little memory that every history goes beyond it."""
    with (
        patch.multiple("scoring.orders.ledger", MAX_LEFT=4),
        patch.multiple("scoring.orders.joining", MAX_LEFT=4),
        patch.multiple("scoring.orders.order_limits", MAX_ORDERS=3),
        patch.multiple("tests.oracle.customer", MOST_GONE=4, MOST_ORDERS_IN_WINDOW=3),
        patch.multiple("tests.oracle.merging", MOST_GONE=4),
    ):
        compare_replay(seed, merges=seed % 2 == 0)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32))
def test_live_outputs_equal_those_of_a_naive_recomputation(seed: int) -> None:
    compare_live(seed)


def compare_live(seed: int, *, traffic: Traffic | None = None) -> None:
    """Runs a dumped log of random events, ticks and policies both ways."""
    random = Random(seed)
    traffic = traffic or traffic_of(random)
    policy = traffic.policy(random)
    other = {**traffic.policy(random), "version": "next"}
    events = traffic.history(random, 3, 120).lines(60)
    at_a_time = random.choice([None, 1, 2])
    lines = with_ticks(random, events, policy, other, at_a_time)
    found = run(lines, restarts=random_restarts(random))
    compare(found, oracle.run(lines, policy, mode="live", final_fire=False))


def random_live_from_ms(random: Random, lines: list[bytes]) -> int | None:
    """Mostly none; else at the time of an event, so that what is before it is history."""
    times = [at_ms for at_ms in map(_time_of, lines) if at_ms is not None]
    return random.choice(times) if random.random() < 0.3 else None


def random_restarts(random: Random) -> Random | None:
    """For a half of the histories: what decides where the partition ends and begins again."""
    return Random(random.random()) if random.random() < 0.5 else None


def with_ticks(
    random: Random,
    events: list[bytes],
    policy: dict[str, Any],
    other: dict[str, Any],
    at_a_time: int | None = None,
) -> list[bytes]:
    """A dumped log in live mode: policies, events and ticks that follow their times."""
    live_from_ms = random_live_from_ms(random, events)
    lines = [activation("p1", policy, live_from_ms=live_from_ms)]
    change_at = random.randint(0, 2 * len(events))
    for number, event in enumerate(events):
        lines.append(event)
        if number == change_at:
            live_from_ms = random_live_from_ms(random, events)
            is_quiet = random.random() < 0.5
            more = {"live_from_ms": live_from_ms, "quiet": is_quiet}
            lines.append(activation("p2", other, at_a_time, **more))
        at_ms = _time_of(event)
        if at_ms is not None and random.random() < 0.7:
            lines.append(json.dumps({"type": "clock.tick", "at": at_ms + 100_000}).encode())
    return lines


def activation(
    event_id: str, policy: dict[str, Any], at_a_time: int | None = None, **more: Any
) -> bytes:
    """The record of a log that puts a policy in force, in live mode."""
    if at_a_time is not None:
        more["at_a_time"] = at_a_time
    return json.dumps(
        {
            **{name: value for name, value in more.items() if value is not None},
            "type": "policy.activated",
            "event_id": event_id,
            "app_id": "tierstream",
            "format": NEWEST,
            "mode": "live",
            "allowed_lateness_ms": 300_000,
            "policy": _as_declared(policy),
        }
    ).encode()


def _as_declared(policy: dict[str, Any]) -> dict[str, Any]:
    """The form in the log: weights are decimal text, all browse events are named."""
    weights = {name: str(weight) for name, weight in policy["weights"].items()}
    declared = {**policy, "weights": weights}
    if "dimensions" in policy:
        declared["dimensions"] = [
            {**each, "weight": str(each.get("weight", 1))} for each in policy["dimensions"]
        ]
    if "tags" in policy:
        declared["tags"] = [_with_events_named(rule) for rule in policy["tags"]]
    return declared


def _with_events_named(rule: dict[str, Any]) -> dict[str, Any]:
    if "browse" not in rule.get("events", []):
        return rule
    others = [name for name in rule["events"] if name != "browse"]
    return {**rule, "events": [*BROWSE, *others]}


def _time_of(event: bytes) -> int | None:
    from scoring.timestamps import parse_rfc3339

    try:
        at = json.loads(event)["occurred_at"]
    except (ValueError, KeyError, TypeError):
        return None
    return at if isinstance(at, int) else parse_rfc3339(at)
