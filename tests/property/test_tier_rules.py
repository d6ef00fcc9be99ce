"""Tiers follow the four rules, holds and tiers by hand: told once more, as they are written."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from handlers.state.formats import NEWEST
from scoring.policy import Policy
from scoring.timestamps import rfc3339
from tests.builders import DAY_MS, START_MS, to_ms
from tests.driver import Driver
from tests.support.tier_stories import (
    LAST_DAY,
    Story,
    calendar_of,
    instants,
    rank_by_figures,
    stories,
    time_of,
)


@given(stories())
@settings(max_examples=40)
def test_tiers_are_what_the_rules_say_in_their_own_words(story: Story) -> None:
    calendar = calendar_of(story.policy)
    driver = Driver(story.policy, format_number=NEWEST, lateness_ms=0)
    tier, waiting = ByTheRules(story.policy), [*story.lines]
    for at_ms in instants(story, calendar, START_MS + LAST_DAY * DAY_MS):
        today = calendar.day(at_ms)
        driver.pass_to(rfc3339(at_ms))
        if driver.partition.store.get("ana") is not None:
            tier.evaluate(rank_by_figures(story.policy, driver.profile()), today, at_ms)
            assert driver.profile()["tier"] == tier.name
        while waiting and time_of(waiting[0]) == at_ms:
            line = waiting.pop(0)
            driver.feed(line)
            tier.take(json.loads(line))
            by_figures = rank_by_figures(story.policy, driver.profile())
            tier.evaluate(by_figures, today, at_ms, json.loads(line)["type"])
            assert driver.profile()["tier"] == tier.name


class ByTheRules:
    """The tier of one customer by the four rules, a hold and tiers by hand, as they are written."""

    def __init__(self, policy: Policy) -> None:
        self._movement, self._names = policy.movement, [tier.name for tier in policy.tiers]
        self._rank = self._qualified = len(self._names)
        self._grace: int | None = None
        self._rose: int | None = None
        self._hand: dict[str, Any] | None = None

    @property
    def name(self) -> str:
        return [*self._names, "prospect"][self._rank]

    def take(self, event: dict[str, Any]) -> None:
        """Keep the newest tier by hand; the events of a story come in order of time."""
        if event["type"] == "tier.overridden":
            self._hand = event

    def evaluate(self, by_figures: int, today: int, at_ms: int, kind: str | None = None) -> None:
        before, rank = self._qualified, self._rank
        qualified, best = self._by_hand(by_figures, at_ms)
        self._qualified = qualified
        lowered = kind in ("order.refunded", "order.cancelled") and qualified > before
        if qualified <= rank or lowered or rank < best:
            by_event = kind is not None and kind != "tier.overridden"
            if qualified < rank and by_event and qualified >= by_figures:
                self._rose = today
            if qualified > rank:
                self._rose = None
            self._rank, self._grace = qualified, None
        elif self._rose is None or today >= self._rose + self._movement.hold_days:
            self._go_down(qualified, today)

    def _go_down(self, qualified: int, today: int) -> None:
        days = self._movement.grace_days
        if days == 0:
            self._rank, self._grace = qualified, None
        elif self._grace is None:
            self._grace = today + days
        elif today >= self._grace:
            self._rank = self._rank + 1 if self._movement.soft_landing else qualified
            self._grace = today + days if self._rank < qualified else None

    def _by_hand(self, by_figures: int, at_ms: int) -> tuple[int, int]:
        """The qualified tier, and the best that is allowed."""
        hand = self._hand
        if hand is None or hand["tier"] is None or to_ms(hand["until"]) <= at_ms:
            return by_figures, 0
        granted, mode = self._names.index(hand["tier"]), hand["mode"]
        if mode == "floor":
            return min(by_figures, granted), 0
        return (max(by_figures, granted) if mode == "ceiling" else granted), granted
