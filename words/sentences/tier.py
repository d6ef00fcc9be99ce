"""Tier changes as sentences: the move, what it follows from, and the conditions that decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from words.naming import Naming

_MOST_CONDITIONS = 3


def tier_sentence(data: Mapping[str, Any], naming: Naming) -> str:
    """Such as `Core → VIP after an order: score 66 → 83 (at least 70)`."""
    words = naming.words
    fields = {
        "before": naming.tier(data["previous_tier"]),
        "after": naming.tier(data["tier"]),
        "cause": _cause(data, naming),
        "why": words.listed(list(_why(data, naming))),
    }
    message = words.say("{before} → {after} {cause}: {why}", **fields)
    if not fields["why"]:
        message = words.say("{before} → {after} {cause}", **fields)
    return words.say("{sentence} (told late)", sentence=message) if data.get("late") else message


def _cause(data: Mapping[str, Any], naming: Naming) -> str:
    reason = data.get("reason") or ""
    if reason == "policy":
        return naming.words.say("by policy {version}", version=data.get("policy_version"))
    return naming.words.term("cause", reason)


def _why(data: Mapping[str, Any], naming: Naming) -> Iterator[str]:
    crossed = data.get("crossed") or []
    if crossed:
        for condition in crossed[:_MOST_CONDITIONS]:
            yield crossed_words(condition, naming)
        return
    if "after" not in data:
        return
    after, words = data["after"], naming.words
    if after is None:
        if data.get("reason") != "override":
            yield words.say("no order counts any more")
        return
    yield words.plural(
        "{count} order worth {value} in {days} days",
        "{count} orders worth {value} in {days} days",
        after["frequency"],
        value=naming.money(after["monetary"]),
        days=naming.policy.window_days,
    )


def crossed_words(crossed: Mapping[str, Any], naming: Naming) -> str:
    """A condition that came to hold or ceased to, such as `score 66 → 83 (at least 70)`."""
    measure, cutoff = crossed["measure"], crossed["cutoff"]
    if isinstance(cutoff, dict):
        asked = naming.words.listed([naming.asked(*each) for each in cutoff.items()])
    else:
        operator = "at_most" if measure == "recency_days" else "at_least"
        asked = naming.asked(operator, naming.value(measure, cutoff))
    return naming.words.say(
        "{measure} {before} → {after} ({asked})",
        measure=naming.measure(measure),
        before=naming.value(measure, crossed["before"]),
        after=naming.value(measure, crossed["after"]),
        asked=asked,
    )
