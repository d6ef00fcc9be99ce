"""Random stories of a customer who is graded by attributes and satisfaction, too."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from scoring.policy import AttributeCondition, Dimension, Policy
from scoring.timestamps import rfc3339
from tests.builders import START_MS, profile, survey
from tests.support.tier_stories import Story, is_plain, stories, time_of

_NAMES = ("contract", "credit")
_VALUES = st.sampled_from(["", "A", "B", "C", "-1", "0", "4.99", "5", "5.0", "12", "1e3"])
_CONDITION = st.sampled_from(
    [
        AttributeCondition(min="5"),
        AttributeCondition(max="5"),
        AttributeCondition(min="0", max="10"),
        AttributeCondition(is_in=("A", "B", "5")),
        AttributeCondition(not_in=("C",)),
        AttributeCondition(present=True),
    ]
)
_DIMENSIONS = (
    Dimension("potential", "attribute", "contract", cutoffs=("-1", "0", "5", "12"), weight="2"),
    Dimension("credit", "attribute", "credit", values={"A": 5, "B": 3}, weight="0.5", default=2),
    Dimension("happy", "satisfaction", cutoffs=("2", "3", "4", "4.5"), weight="3", default=3),
)


@st.composite
def graded_stories(draw: st.DrawFn) -> Story:
    """A story of orders, with a policy that asks for more and updates and answers among them."""
    story = draw(stories())
    dimensions = tuple(one for one in _DIMENSIONS if draw(st.booleans()))
    names = st.sampled_from([dimension.name for dimension in dimensions] or ["none"])
    digits = st.dictionaries(names, st.integers(1, 5), max_size=1)
    asked = st.dictionaries(st.sampled_from(_NAMES), _CONDITION, max_size=1)
    tiers = [
        replace(tier, attributes=draw(asked), min_dimensions=draw(digits) if dimensions else {})
        for tier in story.policy.tiers[:-1]
    ]
    policy = replace(story.policy, tiers=(*tiers, story.policy.tiers[-1]), dimensions=dimensions)
    last_ms = time_of(story.lines[-1])
    lines = [*story.lines]
    for number in range(draw(st.integers(0, 9))):
        at = rfc3339(draw(st.integers(START_MS // 1_800_000, last_ms // 1_800_000)) * 1_800_000)
        if draw(st.booleans()):
            lines.append(survey(draw(st.integers(1, 5)), at, event_id=f"s{number}"))
        else:
            told = draw(st.dictionaries(st.sampled_from(_NAMES), _VALUES, min_size=1))
            lines.append(profile(told, at, event_id=f"p{number}"))
    return Story(policy, sorted(lines, key=time_of), story.now_ms)


def told_attributes(story: Story) -> dict[str, str]:
    """What a story tells of the attributes; its events are in the order of their times."""
    found: dict[str, str] = {}
    for event in map(json.loads, story.lines):
        found.update(event.get("attributes", {}))
    return {name: value for name, value in found.items() if value}


def told_digits(story: Story) -> dict[str, int]:
    """The digits of the dimensions, as the rules say them."""
    attributes = told_attributes(story)
    scores = [event["score"] for event in map(json.loads, story.lines) if "score" in event][-5:]
    return {one.name: _digit(one, attributes, scores) for one in story.policy.dimensions}


def _digit(dimension: Dimension, attributes: dict[str, str], scores: list[int]) -> int:
    text = attributes.get(dimension.attribute or "")
    if dimension.values:
        return dimension.values.get(text or "", dimension.default)
    value: Fraction | None = None
    if dimension.source == "satisfaction":
        value = Fraction(sum(scores), len(scores)) if scores else None
    elif text is not None and is_plain(text):
        value = Fraction(text)
    if value is None:
        return dimension.default
    return 1 + sum(value >= Fraction(cutoff) for cutoff in dimension.cutoffs)


def score_of(policy: Policy, shown: dict[str, Any], digits: dict[str, int]) -> int:
    """The score of a profile's R, F and M and these digits."""
    weights = policy.weights
    pairs = [
        (Fraction(weights.recency), shown["r"]),
        (Fraction(weights.frequency), shown["f"]),
        (Fraction(weights.monetary), shown["m"]),
        *((Fraction(one.weight), digits[one.name]) for one in policy.dimensions),
    ]
    most = 4 * sum(weight for weight, _ in pairs)
    return int(100 * sum(weight * (digit - 1) for weight, digit in pairs) / most)
