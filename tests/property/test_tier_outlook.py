"""What is said of a tier's future comes true: each claim is tried by letting time pass.

The future is simulated by the product's own evaluations, instant by instant; whether figures
qualify for a tier is read from the conditions, without the product's rules.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from msgspec.structs import replace

from handlers.state.formats import NEWEST
from scoring.calendar import BusinessCalendar
from scoring.timestamps import rfc3339
from tests.builders import DAY_MS, START_MS, order, to_ms
from tests.driver import Driver
from tests.support.graded_stories import graded_stories
from tests.support.tier_stories import (
    LARGEST,
    LAST_DAY,
    Story,
    calendar_of,
    instants,
    rank_by_figures,
    rank_of,
    stories,
    time_of,
)


def with_orders(driver: Driver, count: int, total: Decimal, at_ms: int) -> None:
    """So many orders of one instant, of this total."""
    most = min(total, LARGEST)
    for number in range(count):
        amount = min(total, most)
        total -= amount
        driver.feed(order(f"new{number}", str(amount), rfc3339(at_ms)))
    assert total == 0


def reaches(story: Story, rank: int, count: int, total: Decimal, at_ms: int) -> bool:
    """Whether with so many orders now the figures qualify for a tier at an instant."""
    driver = story.driver()
    with_orders(driver, count, total, story.now_ms)
    driver.pass_to(rfc3339(at_ms))
    return rank_by_figures(story.policy, driver.profile()) <= rank


def check_needed(story: Story, rank: int, needed: dict[str, Any], at_ms: int) -> None:
    """What is needed is enough, and one order or one cent less is not."""
    count, total = needed["orders_needed"], needed["total_needed"]
    if count is None:
        assert total is None
        assert not reaches(story, rank, 100, 100 * LARGEST, at_ms)
        return
    assert 1 <= count <= 100
    amount = Decimal(total)
    assert reaches(story, rank, count, amount, at_ms)
    assert count == 1 or not reaches(story, rank, count - 1, (count - 1) * LARGEST, at_ms)
    assert amount == 0 or not reaches(story, rank, count, amount - Decimal("0.01"), at_ms)


@given(stories() | graded_stories())
@settings(max_examples=60)
def test_keeps_until_is_the_first_instant_with_a_worse_tier(story: Story) -> None:
    driver = story.driver()
    shown = driver.profile()
    rank = rank_of(story.policy, shown["tier"])
    to_come = driver.pass_to(rfc3339(START_MS + LAST_DAY * DAY_MS))
    falls = [
        change["effective_at"]
        for change in to_come
        if change["type"] == "tier.changed" and rank_of(story.policy, change["tier"]) > rank
    ]
    assert shown["keeps_until"] == (falls[0] if falls else None)
    assert (shown["keep"] is None) == (not falls)


@given(stories() | graded_stories())
@settings(max_examples=30)
def test_what_keeps_a_tier_does_and_less_does_not(story: Story) -> None:
    shown = story.driver().profile()
    if shown["keep"] is not None:
        rank = rank_of(story.policy, shown["tier"])
        check_needed(story, rank, shown["keep"], to_ms(shown["keeps_until"]))


@given(stories() | graded_stories())
@settings(max_examples=30)
def test_what_the_next_tier_takes_reaches_it_and_less_does_not(story: Story) -> None:
    shown = story.driver().profile()
    above, hand = shown["next_tier"], shown["override"]
    if above is None:
        return
    rank = rank_of(story.policy, above["tier"])
    single = above["order_amount_needed"]
    if hand is not None and hand.get("mode") and rank_of(story.policy, hand["tier"]) > rank:
        assert (single, above["orders_needed"], above["total_needed"]) == (None, None, None)
        return
    check_needed(story, rank, above, story.now_ms)
    assert single == (above["total_needed"] if above["orders_needed"] == 1 else None)


@given(stories() | graded_stories())
@settings(max_examples=40)
def test_each_fall_ahead_is_told_as_a_look_at_every_instant_says(story: Story) -> None:
    end_ms = START_MS + LAST_DAY * DAY_MS
    driver = story.driver(story.now_ms)
    driver.pass_to(rfc3339(end_ms))
    found = [
        (one["effective_at"], one["tier"], one["due_on"], one["keeps_until"])
        for one in driver.outputs
        if one["type"] == "tier.expiring"
    ]
    assert found == watched(story, end_ms)


def watched(story: Story, end_ms: int) -> list[tuple[str, str, str, str]]:
    """The warnings that follow from looking at the profile after every event and every instant."""
    calendar, warn_days = calendar_of(story.policy), story.policy.movement.warn_days
    assert warn_days is not None
    driver = Driver(
        replace(story.policy, movement=replace(story.policy.movement, warn_days=None)),
        format_number=NEWEST,
        lateness_ms=0,
    )
    waiting, watch = [*story.lines], Watch(calendar, warn_days)
    for at_ms in instants(story, calendar, end_ms):
        driver.pass_to(rfc3339(at_ms))
        watch.look(driver, at_ms)
        while waiting and time_of(waiting[0]) == at_ms:
            driver.feed(waiting.pop(0))
            watch.look(driver, at_ms)
    return watch.told


class Watch:
    """Looks at a customer's profile, and notes the warnings that follow."""

    def __init__(self, calendar: BusinessCalendar, warn_days: int) -> None:
        self.told: list[tuple[str, str, str, str]] = []
        self._calendar, self._warn_days = calendar, warn_days
        self._known: tuple[str, int] | None = None
        self._planned: int | None = None
        self._done: set[tuple[str, int]] = set()

    def look(self, driver: Driver, at_ms: int) -> None:
        if driver.partition.store.get("ana") is None:
            return
        shown = driver.profile()
        until = shown["keeps_until"]
        fall = None if until is None else (shown["tier"], self._calendar.day(to_ms(until)))
        if fall != self._known:
            self._known, self._planned = fall, None
            if fall is not None and fall not in self._done:
                self._planned = self._plan(fall[1], to_ms(until), at_ms)
        if fall is not None and self._planned is not None and self._planned <= at_ms:
            self.told.append((rfc3339(at_ms), fall[0], rfc3339(fall[1] * DAY_MS)[:10], until))
            self._done.add(fall)
            self._planned = None

    def _plan(self, day: int, until_ms: int, at_ms: int) -> int | None:
        planned = self._calendar.start(day - self._warn_days)
        if planned < at_ms:
            planned = self._calendar.start(self._calendar.day(at_ms) + 1)
        return planned if planned < until_ms else None
