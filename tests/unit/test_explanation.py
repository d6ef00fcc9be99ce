"""`tierstream explain` tells what a customer is and why, from the state that events made."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from cli.explain.render import explanation_view
from config.policy_file import check_policy
from handlers.explain.build import explain
from handlers.explain.model import DueReason, Explanation
from handlers.reasons import Rejection
from handlers.state.formats import NEWEST
from scoring.policy import Policy
from tests.builders import (
    cancelled,
    consent,
    day,
    merged,
    order,
    overridden,
    paid,
    payment_failed,
    profile,
    refund,
    refund_cancelled,
    returned,
    ticket_opened,
    ticket_resolved,
    to_ms,
    updated,
    viewed,
)
from tests.driver import Driver
from words import words_in

EXAMPLE = Path(__file__).parents[1] / "example" / "events.jsonl"
PAID_POLICY = check_policy({"count_orders": "paid", "currency_rates": {"EUR": "1.10"}})
CADENCE_POLICY = check_policy({"dormancy": {"mode": "cadence"}})


def why(driver: Driver, customer_id: str = "ana") -> Explanation:
    partition = driver.partition
    customer = driver.state(customer_id)
    return explain(customer, partition.rules, partition.clock_of(customer))


def shown(explanation: Explanation) -> str:
    console = Console(file=StringIO(), width=80, highlight=False)
    console.print(explanation_view(explanation, words_in()))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(cell_len(line.rstrip()) for line in text.splitlines()) <= 80
    return str(text)


def worked_example(until: str) -> Driver:
    """The example's events up to an instant, and time let pass to it."""
    driver = Driver()
    for line in EXAMPLE.read_bytes().split(b"\n"):
        if line.strip():
            event = driver.partition.admit(line)
            if isinstance(event, Rejection) or event.occurred_ms <= to_ms(until):
                driver.feed(line)
    driver.pass_to(until)
    return driver


def test_condition_that_ceased_to_hold_is_shown_with_what_is_missing_and_the_grace() -> None:
    found = why(worked_example("2025-03-20T12:00:00Z"))
    assert (found.tier.name, found.tier.qualifies_for) == ("A", "B")
    assert found.tier.current is not None
    (condition,) = found.tier.current.conditions
    assert (condition.measure, condition.comparison, condition.required) == (
        "score",
        "at_least",
        70,
    )
    assert (condition.found, condition.margin, condition.holds) == (66, -4, False)
    grace = found.tier.grace
    assert grace is not None
    assert (grace.until, grace.falls_to) == ("2025-04-03T00:00:00.000Z", "B")
    assert [(c.measure, c.before, c.after, c.cutoff, c.at) for c in grace.crossed] == [
        ("score", 75, 66, 70, "2025-03-04T00:00:00.000Z")
    ]
    assert found.tier.keeps_until == grace.until
    assert "grace: stays A until 2025-04-03 00:00:00, then B" in shown(found)


def test_explained_score_is_the_sum_of_its_digits() -> None:
    found = why(worked_example("2025-03-20T12:00:00Z"))
    score = found.score
    assert score is not None
    assert [(d.digit, d.found, d.passed, d.result, d.weight) for d in score.digits] == [
        ("r", 47, 1, 4, 1),
        ("f", 4, 2, 3, 1),
        ("m", "670.00", 3, 4, 1),
    ]
    assert (score.points, score.most_points) == (8, 12)
    assert 100 * score.points // score.most_points == score.figures.score == 66
    assert score.digits[2].cutoffs == ["50.00", "150.00", "400.00", "1000.00"]
    assert "66 = ⌊100 * (1*(4-1) + 1*(3-1) + 1*(4-1)) / 12⌋" in shown(found)


def test_refunded_order_is_shown_with_what_is_left_of_it() -> None:
    orders = why(worked_example("2025-03-20T12:00:00Z")).orders
    assert (orders.frequency, orders.monetary, orders.orders_ever) == (4, "670.00", 4)
    newest = orders.in_window[-1]
    assert (newest.order_id, newest.amount, newest.refunded, newest.value) == (
        "A4",
        "500.00",
        "450.00",
        "50.00",
    )
    assert (newest.payment, newest.not_counted) == ("paid", None)
    assert newest.leaves_at == "2026-02-01T00:00:00.000Z"


def test_levels_are_shown_with_their_instants_and_the_alerts_that_stand() -> None:
    driver = worked_example("2026-01-01T00:00:00Z")
    level = why(driver, "ben").level
    assert (level.name, level.since, level.basis) == (
        "dormant",
        "2025-12-01T12:00:00.000Z",
        "fixed",
    )
    assert [(s.level, s.threshold_days, s.at, s.is_reached) for s in level.steps] == [
        ("at_risk", 60.0, "2025-05-24T12:00:00.000Z", True),
        ("dormant", 90.0, "2025-06-23T12:00:00.000Z", True),
        ("churned", 180.0, "2026-05-30T12:00:00.000Z", False),
    ]
    alerts = {o["id"]: o["level"] for o in driver.outputs if o["type"] == "dormancy.alert"}
    assert [alert.level for alert in level.standing] == ["at_risk", "dormant"]
    assert all(alerts[alert.id] == alert.level for alert in level.standing)


def test_thresholds_by_own_rhythm_are_shown_with_the_mean_gap() -> None:
    driver = Driver(CADENCE_POLICY)
    driver.feed(*(order(f"o{n}", "10", day(20 * n)) for n in range(3)))
    level = why(driver).level
    assert (level.basis, level.mean_gap_days) == ("cadence", 20.0)
    assert [step.threshold_days for step in level.steps] == [30.0, 60.0, 120.0]
    assert "20 days a gap" in shown(why(driver))


def test_profile_and_explanation_agree_on_every_figure() -> None:
    driver = worked_example("2026-01-01T00:00:00Z")
    for customer_id in ("ana", "ben", "dee"):
        found, record = why(driver, customer_id), driver.profile(customer_id)
        assert found.tier.name == record["tier"]
        assert found.stage == record["stage"]
        assert found.level.name == record["level"]
        assert found.orders.monetary == record["monetary"]
        assert found.tier.keeps_until == record["keeps_until"]
        assert found.as_of == record["as_of"]
        assert (found.score and found.score.figures.score) == record["score"]
        assert found.position.sequence == record["sequence"]


def test_prospect_is_shown_what_would_make_a_customer_of_it() -> None:
    driver = worked_example("2026-01-01T00:00:00Z")
    found = why(driver, "dee")
    assert (found.tier.name, found.tier.current, found.score) == ("prospect", None, None)
    assert found.tier.above is not None
    assert (found.tier.above.name, found.tier.above.conditions) == ("C", [])
    assert not found.tier.above.holds
    assert [o.not_counted for o in found.orders.in_window] == ["cancelled"]
    text = shown(found)
    assert "no counted order yet" in text
    assert "no: cancelled" in text


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("cancelled", [paid("o1", day(1)), cancelled("o1", day(2))]),
        ("failed", [paid("o1", day(1)), payment_failed("o1", day(2))]),
        ("not_paid", []),
        ("not_paid", [refund("o1", "4", day(1))]),
        ("fully_refunded", [paid("o1", day(1)), refund("o1", "10", day(2))]),
    ],
)
def test_order_that_does_not_count_says_why(reason: str, changes: list[bytes]) -> None:
    driver = Driver(PAID_POLICY)
    driver.feed(order("o1", "10", day(0)), *changes)
    orders = why(driver).orders
    assert (orders.counts_when, orders.frequency) == ("paid", 0)
    assert [o.not_counted for o in orders.in_window] == [reason]


def test_order_in_another_currency_names_both_amounts() -> None:
    driver = Driver(PAID_POLICY)
    driver.feed(order("o1", "10", day(0), currency="EUR", payment_status="paid"))
    (found,) = why(driver).orders.in_window
    assert (found.value, found.placed_in, found.not_counted) == ("11.00", "10.00 EUR", None)


def test_orders_out_of_the_window_are_shown_as_a_number() -> None:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)), order("o2", "10", day(1)))
    driver.pass_to(day(365))
    found = why(driver).orders
    assert [o.order_id for o in found.in_window] == ["o2"]
    assert (found.out_of_window, found.orders_ever, found.first_order_at) == (1, 2, day(0))
    assert "1 counted order left the window" in shown(why(driver))


def test_merged_orders_are_shown_as_sums_a_day() -> None:
    driver = Driver()
    for number in range(515):
        driver.feed(order(f"o{number}", "1", day(number // 100, minute=number % 100)))
    found = why(driver).orders
    assert len(found.in_window) == 512
    assert [(m.business_day, m.count, m.value) for m in found.merged] == [("2025-01-01", 3, "3.00")]
    assert (found.frequency, found.out_of_window) == (515, 0)
    text = shown(why(driver))
    assert "and 492 older orders in the window" in text
    assert "3 older orders of 1 days are kept as sums" in text


def test_every_reason_of_the_next_due_instant_is_named() -> None:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)), order("o2", "10", day(0, 1)))
    due = why(driver).due
    assert due is not None
    assert (due.at, due.reasons) == (day(31), [DueReason("recency_passes", 30)])
    driver.pass_to(day(364))
    due = why(driver).due
    assert due is not None
    assert due.at == day(365)
    assert due.reasons == [DueReason("order_leaves", "o1"), DueReason("order_leaves", "o2")]
    assert "order o1 leaves the window; order o2 leaves the window" in shown(why(driver))


def test_due_instant_names_the_end_of_a_grace_and_the_next_level() -> None:
    driver = worked_example("2025-04-02T12:00:00Z")
    due = why(driver).due
    assert due is not None
    assert due.at == "2025-04-03T00:00:00.000Z"
    assert due.reasons == [DueReason("recency_passes", 60), DueReason("grace_ends")]
    due = why(worked_example("2025-03-20T12:00:00Z")).due
    assert due is not None
    assert due.reasons == [DueReason("level", "at_risk")]


def test_amount_needed_and_the_conditions_above_are_shown() -> None:
    policy = check_policy(
        {
            "tiers": [
                {"name": "gold", "min_monetary": "100", "max_recency_days": 30},
                {"name": "rest"},
            ]
        }
    )
    driver = Driver(policy)
    driver.feed(order("o1", "40", day(0)))
    driver.pass_to(day(40))
    tier = why(driver).tier
    assert tier.above is not None
    assert [
        (c.measure, c.comparison, c.required, c.found, c.margin, c.holds)
        for c in tier.above.conditions
    ] == [
        ("monetary", "at_least", "100.00", "40.00", "-60.00", False),
        ("recency_days", "at_most", 30, 40, -10, False),
    ]
    assert tier.next_tier is not None
    assert tier.next_tier.order_amount_needed == "60.00"
    text = shown(why(driver))
    assert "60.00 USD short" in text
    assert "10 too many" in text
    assert "one order of 60.00 USD today would reach it" in text


def test_changes_that_wait_for_their_order_are_listed() -> None:
    driver = Driver()
    driver.feed(viewed(day(0)), cancelled("gone", day(1)), refund("lost", "2.50", day(2)))
    waiting = why(driver).waiting
    assert [(w.kind, w.order_id, w.refund_id, w.amount) for w in waiting] == [
        ("cancellation", "gone", None, None),
        ("refund", "lost", "r1", "2.50"),
    ]
    assert "waits for its order lost: refund of 2.50" in shown(why(driver))


def test_person_is_shown_by_names_of_attributes_never_by_their_values() -> None:
    driver = Driver()
    driver.feed(
        profile({"name": "Ana Lima", "region": "north"}, day(0)),
        consent(False, day(1)),
        ticket_opened("t1", day(2), kind="complaint"),
        ticket_opened("t2", day(2)),
        ticket_resolved("t2", day(3)),
    )
    found = why(driver)
    assert found.who.attributes == ["name", "region"]
    assert (found.who.marketing_consent, found.who.consent_at) == (False, day(1))
    assert [(t.ticket_id, t.kind) for t in found.open_tickets] == [("t1", "complaint")]
    text = shown(found)
    assert "Lima" not in text
    assert "marketing consent: no" in text


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    driver = Driver()
    driver.feed(order("\x1b[2Jo1[bold]", "10", day(0), customer="[red]ana"))
    text = shown(why(driver, "[red]ana"))
    assert "\x1b" not in text
    assert "[red]ana: tier C" in text
    assert "[bold]" in text.replace("\n", "").replace(" ", "")


def test_position_names_the_log_and_the_outputs_so_far() -> None:
    driver = Driver(Policy(version="spring"))
    driver.feed(order("o1", "10", day(0)))
    found = why(driver)
    assert found.policy_version == "spring"
    assert found.position.applied == driver.state().applied
    assert found.position.sequence == len(driver.outputs) == 1


def test_the_ids_that_were_merged_into_a_customer_are_shown_without_control_characters() -> None:
    driver = Driver()
    driver.feed(
        order("o1", "10", day(0)), merged("ben", day(1)), merged("ben", day(2), "cia\u202e")
    )
    found = why(driver, "ben")
    assert found.who.also_known_as == ["ana", "cia\u202e"]
    assert "merged into it: ana, cia" in shown(found)
    assert "\u202e" not in shown(found)
    assert "merged into it" not in shown(why(lone()))


def lone() -> Driver:
    driver = Driver()
    driver.feed(order("o1", "10", day(0)))
    return driver


def by_hand(**movement: int) -> Driver:
    """One order of 40.00; gold takes 100.00 within the last hundred days."""
    policy = check_policy(
        {
            "window_days": 100,
            "tiers": [{"name": "gold", "min_monetary": "100"}, {"name": "rest"}],
            "movement": {"grace_days": 0, **movement},
        }
    )
    return Driver(policy, format_number=NEWEST)


def test_tier_by_hand_is_shown_with_who_gave_it_and_what_the_figures_say() -> None:
    driver = by_hand()
    driver.feed(order("o1", "40", day(0)))
    driver.feed(overridden("gold", day(1), until=day(9), by="kim", note="moved house"))
    tier = why(driver).tier
    assert (tier.name, tier.qualifies_for, tier.by_figures) == ("gold", "gold", "rest")
    assert tier.override is not None
    assert (tier.override.mode, tier.override.is_in_force) == ("floor", True)
    assert (tier.keeps_until, tier.falls_to) == (day(9), "rest")
    page = shown(why(driver))
    assert "by hand: at least gold until 2025-01-10 00:00:00, by kim (moved house)" in page
    assert "to keep it: one order of 60.00 USD in all today" in page
    assert "the tier by hand, gold, ends" in page


def test_hold_and_the_day_on_which_a_fall_is_told_are_shown() -> None:
    driver = by_hand(hold_days=120, warn_days=10)
    driver.feed(order("o1", "200", day(0)))
    found = why(driver)
    assert (found.tier.held_until, found.tier.keeps_until) == (day(120), day(120))
    assert found.tier.told_at == day(110)
    assert "held after its last rise until 2025-05-01 00:00:00" in shown(found)
    driver.pass_to(day(109, 5))
    due = why(driver).due
    assert due is not None
    assert due.reasons == [DueReason("reminder", "tier gold is about to be lost")]
    driver.pass_to(day(119, 5))
    due = why(driver).due
    assert due is not None
    assert DueReason("hold_ends") in due.reasons
    assert "the fall is told" not in shown(why(driver))


def test_several_orders_that_reach_the_next_tier_are_shown() -> None:
    policy = check_policy({"tiers": [{"name": "often", "min_frequency": 4}, {"name": "rest"}]})
    driver = Driver(policy)
    driver.feed(order("o1", "40", day(0)))
    assert "no single order today would reach it; 3 orders of any amount today would" in shown(
        why(driver)
    )


def test_an_order_tells_what_became_of_it_after_it_was_placed() -> None:
    driver = Driver(PAID_POLICY, format_number=NEWEST)
    driver.feed(order("o1", "10", day(0), currency="EUR"), cancelled("o1", day(1)))
    driver.feed(paid("o1", day(2)), updated("o1", "8", day(3)), returned("1.10", day(4)))
    (found,) = why(driver).orders.in_window
    assert (found.amount, found.refunded, found.returned, found.value) == (
        "8.80",
        "1.10",
        "1.10",
        "7.70",
    )
    assert (found.placed_in, found.placed_with, found.edited_at) == (
        "8.00 EUR",
        "10.00 EUR",
        day(3),
    )
    assert (found.cancelled_at, found.paid_at, found.not_counted) == (day(1), day(2), None)
    assert "edited from 10.00 EUR" in shown(why(driver))


def test_edits_and_ends_of_refunds_that_wait_are_listed_as_they_were_told() -> None:
    driver = Driver(PAID_POLICY, format_number=NEWEST)
    driver.feed(viewed(day(0)), updated("o1", "10", day(1), currency="EUR"))
    driver.feed(refund_cancelled("o1", day(1)), refund("o1", "1.2345", day(2), "r2"))
    assert [(w.kind, w.refund_id, w.amount, w.currency) for w in why(driver).waiting] == [
        ("edit", None, "10.00", "EUR"),
        ("refund_cancellation", "r1", None, None),
        ("refund", "r2", "1.2345", None),
    ]
    assert "waits for its order o1: edit of 10.00 EUR" in shown(why(driver))
