"""Which outputs are not to be acted on, and what each follows from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.control_records import PolicyActivated, decode_control, encode_control
from handlers.partition import Partition
from handlers.state.customer import pack, unpack
from handlers.state.format_fields import FormatTooOld
from handlers.state.formats import NEWEST
from handlers.state.partition_state import pack_meta, unpack_meta
from handlers.state.store import CustomerStore
from scoring.policy import Dormancy, Holdout, Movement, PointsPolicy, Policy, TagRule, Tier
from tests.builders import (
    cancelled,
    consent,
    day,
    merged,
    order,
    paid,
    payment_failed,
    profile,
    redeemed,
    refund,
    survey,
    ticket_opened,
    ticket_resolved,
    viewed,
)
from tests.driver import Driver, pick
from tests.unit.test_backtest import activation, backtest

GOLD = Policy(
    version="gold",
    tiers=(Tier("gold", min_monetary="100"), Tier("base")),
    movement=Movement(0),
    dormancy=Dormancy(at_risk_days=10, dormant_days=20, churned_days=30),
)
EVERYTHING = Policy(
    tiers=GOLD.tiers,
    movement=GOLD.movement,
    dormancy=GOLD.dormancy,
    points=PointsPolicy(),
    tags=(TagRule(tag="region", kind="attribute", of="region"),),
    holdout=Holdout(share="0.9999999999", salt="x"),
)


def new_driver(policy: Policy = GOLD, **options: Any) -> Driver:
    return Driver(policy, format_number=NEWEST, **options)


# The first reason that holds


REFUSED = consent(False, day(0))
COMPLAINT = ticket_opened("t", day(0), kind="complaint")


def test_every_output_but_profiles_has_the_fields_to_act_by() -> None:
    driver = new_driver(EVERYTHING)
    driver.feed(order("o1", "120", day(0)), profile({"region": "a"}, day(1)))
    driver.feed(redeemed(500, day(2)))
    driver.pass_to(day(40))
    assert {each["topic"] for each in driver.outputs} == {
        "tier-changes",
        "dormancy-alerts",
        "profile-changes",
    }
    for each in driver.outputs:
        assert each["suppressed"] == "holdout"
        assert each["backfill"] is False
        assert each["consented_channels"] == []
        assert each["marketing_consent"] is None
        assert each["reason"]


@pytest.mark.parametrize(
    ("lines", "live_from", "expected"),
    [
        (
            (consent(False, day(0)), ticket_opened("t", day(0), kind="complaint")),
            None,
            "no_consent",
        ),
        ((REFUSED,), day(2), "backfill"),
        ((REFUSED,), day(1), "no_consent"),
        ((COMPLAINT,), None, "open_complaint"),
        ((), None, "holdout"),
    ],
)
def test_the_first_reason_counts(
    lines: tuple[bytes, ...], live_from: str | None, expected: str
) -> None:
    driver = new_driver(EVERYTHING, live_from=live_from)
    driver.feed(*lines)
    found = driver.feed(order("o1", "120", day(1)))
    assert {each["suppressed"] for each in found} == {expected}


def test_a_complaint_counts_as_of_after_the_event() -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)))
    driver.pass_to(day(40))
    [back] = driver.feed(ticket_opened("t", day(41), kind="complaint"))
    assert (back["type"], back["suppressed"]) == ("customer.returned", "open_complaint")
    driver.feed(ticket_resolved("t", day(42)))
    driver.feed(ticket_opened("t", day(41, 12), kind="complaint", event_id="late"))
    [changed] = driver.feed(cancelled("o1", day(43)))[:1]
    assert changed["suppressed"] is None


def test_suppressed_outputs_are_counted_by_reason() -> None:
    driver = new_driver(live_from=day(15))
    driver.feed(consent(False, day(0)), order("o1", "120", day(0)))
    driver.pass_to(day(40))
    assert driver.partition.context.tally.suppressed == {"backfill": 2, "no_consent": 2}


# History


def test_what_takes_effect_before_live_from_is_history() -> None:
    driver = new_driver(live_from=day(15))
    driver.feed(order("o1", "120", day(0)))
    found = driver.pass_to(day(40))
    assert pick(found, "level", "effective_at", "backfill", "suppressed") == [
        ("at_risk", day(10), True, "backfill"),
        ("dormant", day(20), False, None),
        ("churned", day(30), False, None),
    ]
    assert pick(driver.outputs[:1], "type", "backfill") == [("tier.changed", True)]


def test_an_output_at_live_from_itself_is_no_history() -> None:
    driver = new_driver(live_from=day(10))
    driver.feed(order("o1", "120", day(0)))
    assert pick(driver.pass_to(day(10)), "backfill", "suppressed") == [(False, None)]


def test_a_late_event_takes_effect_at_the_clock_so_it_may_be_no_history() -> None:
    driver = new_driver(live_from=day(5))
    driver.feed(viewed(day(9)))
    [raised] = driver.feed(order("o1", "120", day(0)))
    assert (raised["effective_at"], raised["late"], raised["backfill"]) == (day(9), True, False)


def test_another_setting_holds_from_its_record_on() -> None:
    driver = new_driver(live_from=day(15))
    driver.feed(order("o1", "120", day(0)))
    driver.pass_to(day(12))
    driver.live_from = None
    assert driver.activate(GOLD, "restart") == []
    assert pick(driver.outputs[-1:], "backfill") == [True]
    driver.activate(GOLD, "again")
    assert pick(driver.pass_to(day(40)), "backfill") == [False, False]


def test_a_restored_partition_knows_live_from() -> None:
    driver = new_driver(live_from=day(15))
    driver.feed(order("o1", "120", day(0)))
    restored = Partition(unpack_meta(pack_meta(driver.partition.meta)), CustomerStore())
    assert restored.context.live_from_ms == driver.partition.context.live_from_ms is not None


def test_a_backtest_takes_live_from(tmp_path: Path) -> None:
    lines = [order("o1", "5", day(0))]
    done = backtest(tmp_path, lines, "--live-from", day(80), "--until", day(200))
    assert [a["backfill"] for a in done.records("dormancy-alerts.jsonl")] == [True, False, False]
    assert [c["suppressed"] for c in done.records("tier-changes.jsonl")] == ["backfill"]


def test_a_backtest_takes_the_setting_of_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERSTREAM_LIVE_FROM", day(80))
    done = backtest(tmp_path, [order("o1", "5", day(0))])
    assert [c["suppressed"] for c in done.records("tier-changes.jsonl")] == ["backfill"]


def test_a_dump_has_its_own_live_from_unless_another_is_given(tmp_path: Path) -> None:
    first = PolicyActivated("p", "app", "live", 0, Policy(), format=NEWEST, live_from_ms=0)
    lines = [encode_control(first), order("o1", "5", day(0))]
    own = backtest(tmp_path, lines)
    assert [c["backfill"] for c in own.records("tier-changes.jsonl")] == [False]
    other = backtest(tmp_path, lines, "--live-from", day(1))
    assert [c["backfill"] for c in other.records("tier-changes.jsonl")] == [True]


def test_a_wrong_live_from_is_refused(tmp_path: Path) -> None:
    done = backtest(tmp_path, [activation(GOLD)], "--live-from", "yesterday")
    assert done.exit_code != 0
    assert "--live-from" in done.stderr


# A quiet policy

HARDER = Policy(
    version="harder",
    tiers=(Tier("gold", min_monetary="500"), Tier("base")),
    movement=Movement(0),
    dormancy=Dormancy(at_risk_days=5, dormant_days=20, churned_days=30),
)


def test_what_follows_from_a_quiet_policy_alone_is_marked() -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)), viewed(day(7), "ben"))
    found = driver.activate(HARDER, quiet=True)
    assert pick(found, "type", "reason", "suppressed", "backfill") == [
        ("tier.changed", "policy", "policy_rollout", False),
        ("dormancy.alert", "policy", "policy_rollout", False),
    ]
    [dormant] = driver.pass_to(day(20))
    assert dormant["suppressed"] is None
    [raised] = driver.feed(order("o2", "600", day(21)))[:1]
    assert (raised["type"], raised["suppressed"]) == ("tier.changed", None)


def test_the_same_policy_not_quiet_marks_nothing() -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)), viewed(day(7), "ben"))
    assert pick(driver.activate(HARDER), "suppressed") == [None, None]


def test_history_comes_before_a_quiet_policy() -> None:
    driver = new_driver(live_from=day(100))
    driver.feed(order("o1", "120", day(0)), viewed(day(7), "ben"))
    found = driver.activate(HARDER, quiet=True)
    assert pick(found, "suppressed") == ["backfill", "backfill"]


def in_turns() -> Driver:
    driver = Driver(GOLD, mode="live", lateness_ms=0, format_number=NEWEST)
    driver.feed(*(order(f"o-{name}", "120", day(0), name) for name in ("ana", "ben", "cid")))
    driver.tick(day(1))
    driver.outputs.clear()
    assert driver.activate(HARDER, at_a_time=1, quiet=True) == []
    return driver


def test_in_turns_each_customer_is_quiet_at_its_own_turn_and_what_was_due_since_is_not() -> None:
    driver = in_turns()
    driver.tick(day(6))
    driver.tick(day(7))
    of = {
        name: pick(
            [each for each in driver.outputs if each["subject"] == name],
            "type",
            "suppressed",
        )
        for name in ("ana", "ben", "cid")
    }
    expected = [("tier.changed", "policy_rollout"), ("dormancy.alert", None)]
    assert of == {"ana": expected, "ben": expected, "cid": []}
    driver.tick(day(8))
    assert [each["suppressed"] for each in driver.outputs if each["subject"] == "cid"] == [
        "policy_rollout",
        None,
    ]


def test_an_event_of_a_customer_who_waits_is_not_quiet_itself() -> None:
    driver = in_turns()
    found = driver.feed(order("o2", "600", day(2), "cid"))
    assert pick([each for each in found if each["subject"] == "cid"], "tier", "suppressed") == [
        ("base", "policy_rollout"),
        ("gold", None),
    ]


def test_a_restart_within_a_quiet_round_goes_on_quietly() -> None:
    driver = in_turns()
    driver.tick(day(2))
    driver.pack()
    state = {each: pack(driver.state(each)) for each in ("ana", "ben", "cid")}
    store = CustomerStore()
    for packed in state.values():
        store.put(unpack(packed))
    again = Partition(unpack_meta(pack_meta(driver.partition.meta)), store)
    driver.partition = again
    driver.outputs.clear()
    driver.tick(day(3))
    assert pick(driver.outputs, "subject", "suppressed") == [("ben", "policy_rollout")]


def test_a_policy_record_says_that_it_is_quiet() -> None:
    record = PolicyActivated(
        "p", "app", "live", 0, Policy(), format=NEWEST, live_from_ms=5, quiet=True
    )
    assert decode_control(encode_control(record)) == record


@pytest.mark.parametrize("field", [{"quiet": True}, {"live_from_ms": 5}])
def test_an_older_format_cannot_hold_it(field: dict[str, Any]) -> None:
    record = PolicyActivated("p", "app", "live", 0, Policy(), format=2, **field)
    with pytest.raises(FormatTooOld):
        encode_control(record)


# Reasons


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (order("o2", "5", day(50)), "order"),
        (viewed(day(50)), "interaction"),
        (ticket_opened("t", day(50)), "interaction"),
        (survey(5, day(50)), "interaction"),
        (order("o2", "5", day(50), payment_status="failed"), "order"),
    ],
)
def test_coming_back_has_the_reason_of_its_event(line: bytes, reason: str) -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)))
    driver.pass_to(day(49))
    [back] = driver.feed(line)
    assert back["topic"] == "dormancy-alerts"
    assert back["reason"] == reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (cancelled("o2", day(21)), "cancellation"),
        (payment_failed("o2", day(21)), "cancellation"),
        (refund("o2", "5", day(21)), "refund"),
    ],
)
def test_an_alert_by_an_event_has_its_reason(line: bytes, reason: str) -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)), order("o2", "5", day(9)), viewed(day(17)))
    driver.feed(order("o0", "1", day(18), "ben"))
    found = driver.feed(line)
    alerts = [each for each in found if each["type"] == "dormancy.alert"]
    assert pick(alerts[-1:], "level", "reason") == [("dormant", reason)]


def test_alerts_by_time_policy_and_merge_have_their_reasons() -> None:
    driver = new_driver()
    driver.feed(order("o1", "120", day(0)))
    assert pick(driver.pass_to(day(10)), "reason") == ["silence"]
    [_, withdrawn] = driver.activate(Policy(), "calm")
    assert (withdrawn["type"], withdrawn["reason"]) == ("dormancy.withdrawn", "policy")
    driver.pass_to(day(95))
    driver.feed(order("o2", "5", day(96), "ben"))
    [back] = [each for each in driver.feed(merged("ana", day(97), "ben")) if "level" in each]
    assert back["reason"] == "merge"


def test_an_order_that_is_paid_later_is_an_order() -> None:
    policy = Policy(tiers=GOLD.tiers, count_orders="paid")
    driver = new_driver(policy)
    assert driver.feed(order("o1", "120", day(0))) == []
    assert pick(driver.feed(paid("o1", day(1))), "reason") == ["order"]


def test_points_say_their_cause_as_reason() -> None:
    driver = new_driver(Policy(points=PointsPolicy()))
    driver.feed(order("o1", "120", day(0)), cancelled("o1", day(1)), redeemed(5, day(2)))
    points = [each for each in driver.outputs if each["type"].startswith("points.")]
    assert pick(points, "type", "reason") == [
        ("points.changed", "order"),
        ("points.changed", "cancellation"),
        ("points.refused", "insufficient"),
    ]
