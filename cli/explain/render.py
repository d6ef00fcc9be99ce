"""An explanation as text, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.contact import contact_part
from cli.explain.sections import (
    care_part,
    feeling_part,
    health_part,
    orders_part,
    points_part,
    tags_part,
    waiting_part,
)
from cli.explain.service import service_part
from cli.explain.tier import next_tier_words, override_words, tier_keeping, waiting_words
from cli.explain.words import (
    MEASURES,
    condition_words,
    crossed_words,
    days_words,
    dimension_words,
    due_words,
    measured,
    plain,
    short,
    time_words,
    yes_no,
)
from handlers.explain.model import Explanation, ScoreWhy, TierHeld


def explanation_view(why: Explanation) -> RenderableType:
    """The whole page: who, tier, score, orders, level, and what comes next."""
    feels = why.satisfaction
    return Group(
        _title(why),
        *_part("Tier", _tier(why)),
        *_part("Score", _score(why)),
        *_part("Orders", orders_part(why.orders)),
        *_part("Silence", _level(why)),
        *(() if why.points is None else _part("Points", points_part(why.points))),
        *(() if why.reminders is None else _part("Care", care_part(why.reminders))),
        *(() if why.contact is None else _part("Contact", contact_part(why.contact))),
        *(() if why.tags is None else _part("Tags", tags_part(why.tags, why.weights))),
        *(() if feels is None else _part("Satisfaction", feeling_part(feels))),
        *(() if why.health is None else _part("Health", health_part(why.health))),
        *_part("Next", _next(why)),
        *_part("Person", _person(why)),
    )


def _part(title: str, lines: Iterable[RenderableType | str]) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", "bold")
    for line in lines:
        yield Text(f"  {line}") if isinstance(line, str) else line


def _title(why: Explanation) -> Text:
    title = Text(plain(why.customer_id), "bold")
    title.append(f": tier {plain(why.tier.name)}, stage {_words(why.stage)}", "default")
    title.append(
        f"\nas of {time_words(why.as_of)} UTC, business day {why.business_day} in "
        f"{why.timezone}, policy {plain(why.policy_version)}",
        "dim",
    )
    return title


def _tier(why: Explanation) -> Iterator[RenderableType | str]:
    tier, currency = why.tier, why.orders.currency
    if tier.override is not None:
        yield override_words(tier.override)
    if tier.waits is not None:
        yield waiting_words(tier.waits)
    if tier.current is None:
        yield "prospect: no counted order yet"
    else:
        held = "holds" if tier.current.holds else "no longer holds"
        yield f"{_named(tier.current)}: {held} by its figures"
        yield from _conditions(tier.current, currency)
    if tier.grace is not None:
        yield (
            f"grace: stays {plain(tier.name)} until {time_words(tier.grace.until)}, then "
            f"{plain(tier.grace.falls_to)}; the figures qualify for {plain(tier.qualifies_for)}"
        )
        for crossed in tier.grace.crossed:
            yield f"  began when {crossed_words(crossed, currency)}"
    elif tier.keeps_until is not None:
        yield f"keeps it until {time_words(tier.keeps_until)} if nothing more happens"
    yield from tier_keeping(tier, currency)
    if tier.above is None or tier.next_tier is None:
        yield "there is no tier above"
        return
    yield f"above it: {_named(tier.above)}"
    yield from _conditions(tier.above, currency)
    yield next_tier_words(tier.next_tier, currency)


def _named(tier: TierHeld) -> str:
    label = tier.label.get("en") or next(iter(tier.label.values()), "")
    return f"{plain(tier.name)} ({plain(label)})" if label else plain(tier.name)


def _conditions(tier: TierHeld, currency: str) -> Iterator[RenderableType]:
    if not tier.conditions:
        yield Text("    for everyone with a counted order")
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for condition in tier.conditions:
        mark = Text("holds", "green") if condition.holds else Text("does not", "yellow")
        table.add_row("  ", mark, *condition_words(condition, currency))
    yield table


def _score(why: Explanation) -> Iterator[RenderableType | str]:
    score = why.score
    if score is None:
        yield "none without a counted order"
        return
    yield f"{score.figures.score} = {_arithmetic(score)}; segment {score.figures.segment}"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for digit in score.digits:
        table.add_row(
            f"  {digit.digit.upper()} {digit.result}",
            f"{MEASURES[digit.measure]} "
            f"{measured(digit.measure, digit.found, why.orders.currency)}",
            f"cut-offs {' '.join(map(short, digit.cutoffs))}: {digit.passed} "
            + ("passed" if digit.digit == "r" else "reached"),
        )
    for dimension in score.dimensions or ():
        table.add_row(f"  {plain(dimension.name)} {dimension.result}", *dimension_words(dimension))
    yield table


def _arithmetic(score: ScoreWhy) -> str:
    digits = [*score.digits, *(score.dimensions or ())]
    sums = " + ".join(f"{digit.weight}*({digit.result}-1)" for digit in digits)
    return f"⌊100 * ({sums}) / {score.most_points}⌋"


def _level(why: Explanation) -> Iterator[RenderableType | str]:
    level = why.level
    since = "" if level.since is None else f" since {time_words(level.since)}"
    yield f"{_words(level.name)}{since}"
    last_order_at = why.orders.last_order_at
    yield (
        f"last purchase {time_words(last_order_at)}, "
        f"last interaction {time_words(level.last_interaction_at)}"
    )
    if level.basis == "cadence" and level.mean_gap_days is not None:
        yield f"thresholds by the customer's own rhythm: {days_words(level.mean_gap_days)} a gap"
    elif level.alive is not None:
        yield f"thresholds by the probability that the customer still buys: {level.alive} now"
    elif level.basis is not None:
        yield "thresholds as the policy fixes them"
    if level.steps:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for step in level.steps:
            passed = "reached" if step.is_reached else "comes"
            of = "no interaction" if step.level == "churned" else "no purchase"
            silence = f"{of} for {days_words(step.threshold_days)}"
            table.add_row(f"  {_words(step.level)}", silence, f"{passed} {time_words(step.at)}")
        yield table
    for alert in level.standing:
        yield f"standing alert: {_words(alert.level)} {alert.id}"


def _words(level: str) -> str:
    return level.replace("_", " ")


def _next(why: Explanation) -> Iterator[RenderableType | str]:
    if why.due is None:
        yield "time alone changes nothing any more"
    else:
        reasons = "; ".join(due_words(reason) for reason in why.due.reasons)
        yield f"{time_words(why.due.at)}: {reasons or 'looked at again'}"
    yield from waiting_part(why.waiting)


def _person(why: Explanation) -> Iterator[RenderableType | str]:
    who = why.who
    told = "" if who.consent_at is None else f" (told {time_words(who.consent_at)})"
    yield f"marketing consent: {yes_no(who.marketing_consent)}{told}"
    for what, consents in (("channel", who.channels), ("purpose", who.purposes)):
        for consent in consents:
            told = time_words(consent.told_at)
            yield f"consent to {what} {plain(consent.name)}: {yes_no(consent.agreed)} (told {told})"
    names = ", ".join(map(plain, who.attributes)) or "none"
    changed = "" if who.attributes_at is None else f" (told {time_words(who.attributes_at)})"
    yield f"attributes known: {names}{changed}"
    if who.also_known_as:
        yield f"merged into it: {', '.join(map(plain, who.also_known_as))}"
    if who.churn_answer is not None:
        told = time_words(who.churn_answered_at)
        yield f"left because of: {plain(who.churn_answer)} (told {told})"
    if why.surveys is not None:
        asked, answered = time_words(why.surveys.asked_at), time_words(why.surveys.answered_at)
        yield f"asked by a survey: {asked}; answered: {answered}"
    if why.suppressed is not None:
        yield f"outputs are not to be acted on: {why.suppressed}"
    if why.holdout is not None:
        yield "held out of campaigns" if why.holdout else "not held out of campaigns"
    if not why.open_tickets:
        yield "no open ticket"
    for ticket in why.open_tickets:
        kind = "" if ticket.kind is None else f", {ticket.kind}"
        yield f"open ticket {plain(ticket.ticket_id)}{kind}, {time_words(ticket.changed_at)}"
    yield from service_part(why)
    position = why.position
    yield (
        f"newest event {time_words(why.newest_event_at)}; {position.sequence} outputs; "
        f"log position {position.applied}, epoch {position.epoch}"
    )
