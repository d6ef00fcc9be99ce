"""Digits, score and tier beyond orders are what the rules say, told anew and plainly."""

from __future__ import annotations

from hypothesis import given, settings

from handlers.state.formats import NEWEST
from scoring.timestamps import rfc3339
from tests.driver import Driver
from tests.support.graded_stories import graded_stories, score_of, told_attributes, told_digits
from tests.support.tier_stories import Story, rank_by_figures, rank_of


@given(graded_stories())
@settings(max_examples=100)
def test_digits_and_score_follow_from_what_was_told(story: Story) -> None:
    shown = story.driver().profile()
    assert shown["attributes"] == told_attributes(story)
    assert shown.get("dimensions", {}) == told_digits(story)
    if shown["score"] is not None:
        assert shown["score"] == score_of(story.policy, shown, told_digits(story))


@given(graded_stories())
@settings(max_examples=60)
def test_without_grace_and_hold_the_tier_is_the_qualified_one(story: Story) -> None:
    driver = story.driver(grace_days=0, hold_days=0)
    shown = driver.profile()
    if shown["override"] is None:
        assert rank_of(story.policy, shown["tier"]) == rank_by_figures(story.policy, shown)


@given(graded_stories())
@settings(max_examples=40)
def test_outputs_are_the_same_if_the_state_is_packed_after_each_event(story: Story) -> None:
    whole, parts = story.driver(), Driver(story.policy, format_number=NEWEST, lateness_ms=0)
    for line in story.lines:
        parts.feed(line)
        parts.pack()
    parts.pass_to(rfc3339(story.now_ms))
    assert parts.outputs == whole.outputs
    assert parts.profile() == whole.profile()
