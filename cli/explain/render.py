"""An explanation as text, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.explain.contact import contact_part
from cli.explain.person import person_part
from cli.explain.sections import (
    care_part,
    feeling_part,
    health_part,
    orders_part,
    points_part,
    tags_part,
    waiting_part,
)
from cli.explain.tier import next_tier_words, override_words, tier_keeping, waiting_words
from cli.explain.words import Wording, plain, short
from handlers.explain.model import Explanation, LevelWhy, ScoreWhy, TierHeld
from scoring.policy import Policy
from words import Words
from words.naming import label_of


def explanation_view(
    why: Explanation, words: Words, policy: Policy | None = None
) -> RenderableType:
    """The whole page: who, tier, score, orders, level, and what comes next.

    Args:
        why: what is told.
        words: of the language.
        policy: whose labels of tags are used.
    """
    say, wording = words.say, Wording(words, why.orders.currency, policy)
    parts = {
        say("Tier"): _tier(why, wording),
        say("Score"): _score(why, wording),
        say("Orders"): orders_part(why.orders, wording),
        say("Silence"): _level(why, wording),
    }
    if why.points is not None:
        parts[say("Points")] = points_part(why.points, wording)
    if why.reminders is not None:
        parts[say("Care")] = care_part(why.reminders, wording)
    if why.contact is not None:
        parts[say("Contact")] = contact_part(why.contact, wording)
    if why.tags is not None:
        parts[say("Tags")] = tags_part(why.tags, why.weights, wording)
    if why.satisfaction is not None:
        parts[say("Satisfaction")] = feeling_part(why.satisfaction, wording)
    if why.health is not None:
        parts[say("Health")] = health_part(why.health, wording)
    parts[say("Next")] = _next(why, wording)
    parts[say("Person")] = person_part(why, wording)
    lines = (line for title, found in parts.items() for line in _part(title, found))
    return Group(_title(why, wording), *lines)


def _part(title: str, lines: Iterable[RenderableType | str]) -> Iterator[RenderableType]:
    yield Text(f"\n{title}", "bold")
    for line in lines:
        yield Text(f"  {line}") if isinstance(line, str) else line


def _title(why: Explanation, wording: Wording) -> Text:
    say, term = wording.words.say, wording.words.term
    title = Text(plain(why.customer_id), "bold")
    stage = term("stage", why.stage)
    title.append(
        say(": tier {tier}, stage {stage}", tier=plain(why.tier.name), stage=stage), "default"
    )
    title.append(
        "\n"
        + say(
            "as of {time} UTC, business day {day} in {timezone}, policy {policy}",
            time=wording.time(why.as_of),
            day=wording.day(why.business_day),
            timezone=why.timezone,
            policy=plain(why.policy_version),
        ),
        "dim",
    )
    return title


def _tier(why: Explanation, wording: Wording) -> Iterator[RenderableType | str]:
    tier, say = why.tier, wording.words.say
    if tier.override is not None:
        yield override_words(tier.override, wording)
    if tier.waits is not None:
        yield waiting_words(tier.waits, wording)
    if tier.current is None:
        yield say("prospect: no counted order yet")
    else:
        name = _named(tier.current, wording)
        if tier.current.holds:
            yield say("{tier}: holds by its figures", tier=name)
        else:
            yield say("{tier}: no longer holds by its figures", tier=name)
        yield from _conditions(tier.current, wording)
    yield from _staying(why, wording)
    yield from tier_keeping(tier, wording)
    if tier.above is None or tier.next_tier is None:
        yield say("there is no tier above")
        return
    yield say("above it: {tier}", tier=_named(tier.above, wording))
    yield from _conditions(tier.above, wording)
    yield next_tier_words(tier.next_tier, wording)


def _staying(why: Explanation, wording: Wording) -> Iterator[str]:
    """The grace that runs, or until when the tier is kept without one."""
    tier, say = why.tier, wording.words.say
    if tier.grace is not None:
        yield say(
            "grace: stays {tier} until {time}, then {after}; the figures qualify for {by_figures}",
            tier=plain(tier.name),
            time=wording.time(tier.grace.until),
            after=plain(tier.grace.falls_to),
            by_figures=plain(tier.qualifies_for),
        )
        for crossed in tier.grace.crossed:
            yield "  " + say("began when {crossed}", crossed=wording.crossed(crossed))
    elif tier.keeps_until is not None:
        until = wording.time(tier.keeps_until)
        yield say("keeps it until {time} if nothing more happens", time=until)


def _named(tier: TierHeld, wording: Wording) -> str:
    label = label_of(tier.label, wording.words)
    name = plain(tier.name)
    return name + wording.words.say(" ({note})", note=plain(label)) if label else name


def _conditions(tier: TierHeld, wording: Wording) -> Iterator[RenderableType]:
    say = wording.words.say
    if not tier.conditions:
        yield Text("    " + say("for everyone with a counted order"))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for condition in tier.conditions:
        mark = Text(say("does not"), "yellow")
        if condition.holds:
            mark = Text(say("holds"), "green")
        table.add_row("  ", mark, *wording.condition(condition))
    yield table


def _score(why: Explanation, wording: Wording) -> Iterator[RenderableType | str]:
    score, words = why.score, wording.words
    if score is None:
        yield words.say("none without a counted order")
        return
    yield words.say(
        "{score} = {arithmetic}; segment {segment}",
        score=score.figures.score,
        arithmetic=_arithmetic(score),
        segment=words.term("segment", score.figures.segment),
    )
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for digit in score.digits:
        fields = {"cutoffs": " ".join(map(short, digit.cutoffs)), "count": digit.passed}
        passed = words.say("cut-offs {cutoffs}: {count} reached", **fields)
        if digit.digit == "r":
            passed = words.say("cut-offs {cutoffs}: {count} passed", **fields)
        found = f"{wording.measure(digit.measure)} {wording.value(digit.measure, digit.found)}"
        table.add_row(f"  {digit.digit.upper()} {digit.result}", found, passed)
    for dimension in score.dimensions or ():
        table.add_row(
            f"  {plain(dimension.name)} {dimension.result}", *wording.dimension(dimension)
        )
    yield table


def _arithmetic(score: ScoreWhy) -> str:
    digits = [*score.digits, *(score.dimensions or ())]
    sums = " + ".join(f"{digit.weight}*({digit.result}-1)" for digit in digits)
    return f"⌊100 * ({sums}) / {score.most_points}⌋"


def _level(why: Explanation, wording: Wording) -> Iterator[RenderableType | str]:
    level, words = why.level, wording.words
    name = words.term("level", level.name)
    if level.since is None:
        yield name
    else:
        yield words.say("{level} since {time}", level=name, time=wording.time(level.since))
    yield words.say(
        "last purchase {purchase}, last interaction {interaction}",
        purchase=wording.time(why.orders.last_order_at),
        interaction=wording.time(level.last_interaction_at),
    )
    yield from _basis(level, wording)
    if level.steps:
        yield _steps(level, wording)
    for alert in level.standing:
        level_name = words.term("level", alert.level)
        yield words.say("standing alert: {level} {id}", level=level_name, id=alert.id)


def _basis(level: LevelWhy, wording: Wording) -> Iterator[str]:
    say = wording.words.say
    if level.basis == "cadence" and level.mean_gap_days is not None:
        gap = wording.days(level.mean_gap_days)
        yield say("thresholds by the customer's own rhythm: {days} a gap", days=gap)
    elif level.alive is not None:
        yield say(
            "thresholds by the probability that the customer still buys: {share} now",
            share=level.alive,
        )
    elif level.basis is not None:
        yield say("thresholds as the policy fixes them")


def _steps(level: LevelWhy, wording: Wording) -> Table:
    """Each level, the silence that leads to it, and when."""
    say = wording.words.say
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for step in level.steps:
        days, time = wording.days(step.threshold_days), wording.time(step.at)
        silence = say("no purchase for {days}", days=days)
        if step.level == "churned":
            silence = say("no interaction for {days}", days=days)
        comes = (
            say("reached {time}", time=time) if step.is_reached else say("comes {time}", time=time)
        )
        table.add_row(f"  {wording.words.term('level', step.level)}", silence, comes)
    return table


def _next(why: Explanation, wording: Wording) -> Iterator[RenderableType | str]:
    say = wording.words.say
    if why.due is None:
        yield say("time alone changes nothing any more")
    else:
        reasons = wording.words.say("; ").join(wording.due(reason) for reason in why.due.reasons)
        reasons = reasons or say("looked at again")
        yield say("{time}: {reasons}", time=wording.time(why.due.at), reasons=reasons)
    yield from waiting_part(why.waiting, wording)
