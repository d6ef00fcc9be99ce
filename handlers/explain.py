"""Holds a customer's state against the rules and tells, figure by figure, what follows from what.

It works nothing out in a way of its own: figures, tiers, instants come from the same functions
that decide them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from handlers.customer import NEVER_MS, Customer, stage_of
from handlers.dormancy import instants_of, level_due_ms, thresholds_of
from handlers.evaluation import figures_of, keeps_until, next_tier, totals
from handlers.explanation import (
    ConditionHeld,
    DigitWhy,
    DueNext,
    DueReason,
    Explanation,
    GraceHeld,
    LevelStep,
    LevelWhy,
    Measured,
    Position,
    ScoreWhy,
    StandingAlert,
    TicketWhy,
    TierHeld,
    TierWhy,
    Who,
)
from handlers.explain_orders import date_of, orders_why, waiting_why
from handlers.outputs import optional_time, view_crossed, view_figures
from scoring.calendar import DAY_MS
from scoring.figures import Figures
from scoring.levels import threshold_days
from scoring.money import text_of_minor
from scoring.movement import move
from scoring.rules import CHURNED, LEVELS, Condition, Rules
from scoring.tiers import holds, qualified_rank
from scoring.timestamps import rfc3339

def explain(customer: Customer, rules: Rules, clock_ms: int) -> Explanation:
    """What the customer is as of its clock (epoch ms), and why.

    Args:
        customer: not erased, and evaluated under these rules.
        rules: in force.
        clock_ms: the customer's clock, `handlers.partition.Partition.clock_of`.
    """
    assert not customer.erased
    today = rules.calendar.day(clock_ms)
    found = figures_of(totals(customer.ledger, rules, today))
    return Explanation(
        customer_id=customer.customer_id,
        as_of=rfc3339(clock_ms),
        business_day=date_of(today),
        timezone=rules.policy.timezone,
        policy_version=rules.version,
        newest_event_at=_ever(customer.newest_ms),
        stage=stage_of(customer, rules),
        who=Who(
            sorted(customer.attributes),
            _ever(customer.profile_ms),
            customer.marketing_consent,
            _ever(customer.consent_ms),
        ),
        tier=_tier_why(customer, rules, found, today),
        score=None if found is None else _score_why(rules, found),
        orders=orders_why(customer.ledger, rules),
        level=_level_why(customer, rules),
        due=_due_next(customer, rules),
        waiting=[waiting_why(change, rules) for change in customer.ledger.waiting],
        open_tickets=[
            TicketWhy(ticket.ticket_id, ticket.kind, rfc3339(ticket.changed_ms))
            for ticket in customer.tickets
            if ticket.is_open
        ],
        position=Position(customer.applied, customer.epoch, customer.sequence),
    )


def _ever(instant_ms: int) -> str | None:
    return None if instant_ms == NEVER_MS else rfc3339(instant_ms)


# -- tier and score


def _tier_why(customer: Customer, rules: Rules, found: Figures | None, today: int) -> TierWhy:
    rank = rules.rank[customer.tier]
    qualified = qualified_rank(rules, found)
    grace = customer.grace
    return TierWhy(
        name=customer.tier,
        qualifies_for=rules.tier_name(qualified),
        current=None if rank == rules.prospect_rank else _tier_held(rules, rank, found),
        above=None if rank == 0 else _tier_held(rules, rank - 1, found),
        next_tier=next_tier(rules, customer, rank),
        grace=None if grace is None else _grace_held(customer, rules, qualified),
        keeps_until=keeps_until(
            rules, customer, rank, today, None if grace is None else grace.until_day
        ),
    )


def _tier_held(rules: Rules, rank: int, found: Figures | None) -> TierHeld:
    conditions = [
        _condition_held(rules, condition, found) for condition in rules.tiers[rank].conditions
    ]
    return TierHeld(
        rules.tier_name(rank),
        rules.policy.tiers[rank].label,
        found is not None and all(condition.holds for condition in conditions),
        conditions,
    )


def _condition_held(rules: Rules, condition: Condition, found: Figures | None) -> ConditionHeld:
    measure, cutoff = condition.measure, condition.cutoff
    value = None if found is None else found[condition.index]
    margin = None
    if value is not None:
        margin = cutoff - value if condition.at_most else value - cutoff
    return ConditionHeld(
        measure=measure,
        comparison="at_most" if condition.at_most else "at_least",
        required=_measured(rules, measure, cutoff),
        found=None if value is None else _measured(rules, measure, value),
        margin=None if margin is None else _measured(rules, measure, margin),
        holds=holds(condition, found),
    )


def _grace_held(customer: Customer, rules: Rules, qualified: int) -> GraceHeld:
    grace = customer.grace
    assert grace is not None
    fall = move(
        rules,
        rules.rank[customer.tier],
        qualified,
        grace.until_day,
        grace.until_day,
        lowered_by_event=False,
    )
    return GraceHeld(
        rfc3339(rules.calendar.start(grace.until_day)),
        rules.tier_name(fall.rank),
        [view_crossed(crossed, rules) for crossed in grace.crossed],
    )


def _score_why(rules: Rules, found: Figures) -> ScoreWhy:
    wr, wf, wm = rules.weights
    view = view_figures(found, rules)
    assert view is not None
    money = [_measured(rules, "monetary", cutoff) for cutoff in rules.monetary_cutoffs]
    return ScoreWhy(
        figures=view,
        digits=[
            DigitWhy(
                "r",
                "recency_days",
                found.recency_days,
                [*rules.recency_cutoffs],
                5 - found.r,
                found.r,
                wr,
            ),
            DigitWhy(
                "f",
                "frequency",
                found.frequency,
                [*rules.frequency_cutoffs],
                found.f - 1,
                found.f,
                wf,
            ),
            DigitWhy("m", "monetary", view.monetary, money, found.m - 1, found.m, wm),
        ],
        points=wr * (found.r - 1) + wf * (found.f - 1) + wm * (found.m - 1),
        most_points=4 * (wr + wf + wm),
    )


def _measured(rules: Rules, measure: str, value: int) -> Measured:
    return text_of_minor(value, rules.base_digits) if measure == "monetary" else value


# -- level and next due instant


def _level_why(customer: Customer, rules: Rules) -> LevelWhy:
    ledger = customer.ledger
    instants = instants_of(rules, customer)
    thresholds = None if instants is None else thresholds_of(rules, customer)
    steps = []
    if instants is not None and thresholds is not None:
        steps = [
            LevelStep(
                LEVELS[level],
                threshold_days(thresholds, level),
                rfc3339(instants[level - 1]),
                customer.level >= level,
            )
            for level in range(1, CHURNED + 1)
        ]
    mean_gap_days = None
    if thresholds is not None and thresholds.basis == "cadence":
        first_ms, last_ms = ledger.first_order_ms, ledger.last_order_ms
        assert first_ms is not None
        assert last_ms is not None
        gap = Fraction(last_ms - first_ms, (ledger.orders_ever - 1) * DAY_MS)
        mean_gap_days = round(gap * 10_000) / 10_000
    return LevelWhy(
        name=LEVELS[customer.level],
        since=_ever(customer.level_since_ms),
        last_interaction_at=optional_time(customer.last_interaction_ms),
        basis=None if thresholds is None else thresholds.basis,
        mean_gap_days=mean_gap_days,
        steps=steps,
        standing=[StandingAlert(LEVELS[level], alert_id) for level, alert_id in customer.standing],
    )


def _due_next(customer: Customer, rules: Rules) -> DueNext | None:
    due_ms = customer.next_due_ms
    if due_ms is None:
        return None
    return DueNext(
        rfc3339(due_ms),
        [reason for at_ms, reason in _instants(customer, rules) if at_ms == due_ms],
    )


def _instants(customer: Customer, rules: Rules) -> Iterator[tuple[int, DueReason]]:
    """Everything that time alone will bring, with its instant."""
    ledger, start = customer.ledger, rules.calendar.start
    for order in ledger.orders:
        yield start(order.day + rules.window_days), DueReason("order_leaves", order.order_id)
    for merged in ledger.merged:
        at_ms = start(merged.day + rules.window_days)
        yield at_ms, DueReason("merged_leave", date_of(merged.day))
    last_ms = ledger.last_order_ms if ledger.orders_ever else None
    if last_ms is not None:
        last_day = rules.calendar.day(last_ms)
        for step in rules.recency_steps:
            yield start(last_day + step), DueReason("recency_passes", step - 1)
    if customer.grace is not None:
        yield start(customer.grace.until_day), DueReason("grace_ends")
    level_ms = level_due_ms(rules, customer)
    if level_ms is not None:
        yield level_ms, DueReason("level", LEVELS[customer.level + 1])
