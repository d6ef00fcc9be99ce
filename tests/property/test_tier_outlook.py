"""What is said of a tier's future comes true: each claim is tried by letting time pass.

The future is simulated by the product's own evaluations, instant by instant; whether figures
qualify for a tier is read from the conditions, without the product's rules.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from handlers.formats import NEWEST
from scoring.calendar import BusinessCalendar
from scoring.policy import Cutoffs, Movement, Policy, Tier
from scoring.timestamps import rfc3339
from tests.builders import DAY_MS, START_MS, cancelled, order, overridden, refund, to_ms
from tests.driver import Driver

LAST_DAY = 130
NAMES = ("gold", "silver", "bronze", "base")
LARGEST = Decimal(10**10)
CUTOFFS = Cutoffs(
    recency_days=(2, 4, 7, 11), frequency=(2, 3, 4, 6), monetary=("10", "30", "60", "100")
)
FIGURES = {
    "min_score": "score",
    "min_r": "r",
    "min_f": "f",
    "min_m": "m",
    "min_frequency": "frequency",
    "min_monetary": "monetary",
    "min_orders_ever": "orders_ever",
    "min_spend_ever": "spend_ever",
}

_MANY_LARGEST = ["10000000001", "50000000000", "1000000000001"]
_CONDITIONS: dict[str, st.SearchStrategy[Any]] = {
    "min_score": st.integers(1, 100),
    "min_r": st.integers(1, 5),
    "min_f": st.integers(1, 5),
    "min_m": st.integers(1, 5),
    "min_frequency": st.sampled_from([1, 2, 2, 3, 3, 5, 60, 103]),
    "min_monetary": st.sampled_from(["5", "25", "25", "80", "80", *_MANY_LARGEST]),
    "max_recency_days": st.integers(0, 15),
    "min_orders_ever": st.integers(1, 9),
    "min_spend_ever": st.sampled_from(["20", "90.01", *_MANY_LARGEST]),
}


@dataclass
class Story:
    """A policy, what happened, and the instant up to which time has passed."""

    policy: Policy
    lines: list[bytes]
    now_ms: int

    def driver(self, until_ms: int | None = None, **movement: Any) -> Driver:
        """The state as of an instant."""
        changed = replace(self.policy, movement=replace(self.policy.movement, **movement))
        found = Driver(changed, format_number=NEWEST, lateness_ms=0)
        found.feed(*self.lines)
        found.pass_to(rfc3339(self.now_ms if until_ms is None else until_ms))
        return found


@st.composite
def _tier(draw: st.DrawFn, name: str) -> Tier:
    often = ["min_monetary", "min_frequency", "max_recency_days", "min_score"]
    kinds = st.sampled_from([*often, *often, *sorted(_CONDITIONS)])
    names = draw(st.lists(kinds, min_size=1, max_size=2))
    return Tier(name, **{each: draw(_CONDITIONS[each]) for each in names})


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    count = draw(st.integers(2, 4))
    tiers = [draw(_tier(name)) for name in NAMES[: count - 1]]
    return Policy(
        timezone=draw(st.sampled_from(["UTC", "America/Santiago", "Pacific/Apia"])),
        window_days=draw(st.integers(3, 20)),
        cutoffs=CUTOFFS,
        tiers=(*tiers, Tier("base")),
        movement=Movement(
            draw(st.integers(0, 6)),
            draw(st.booleans()),
            hold_days=draw(st.sampled_from([0, 0, 3, 12, 25])),
            warn_days=draw(st.integers(1, 7)),
        ),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    policy = draw(policies())
    names = [tier.name for tier in policy.tiers]
    at_ms, lines, placed = START_MS, list[bytes](), list[str]()
    for number in range(draw(st.integers(1, 7))):
        # Half an hour apart at least, now and then at the very start of a day.
        at_ms += draw(st.integers(1, 240)) * 1_800_000
        if draw(st.booleans()):
            at_ms += -at_ms % DAY_MS
        kind = draw(st.sampled_from(["order", "order", "order", "refund", "cancel", "hand"]))
        at = rfc3339(at_ms)
        if kind == "hand":
            tier = draw(st.sampled_from([*names, None]))
            until = rfc3339(at_ms + draw(st.integers(1, 30 * 48)) * 1_800_000)
            mode = draw(st.sampled_from(["floor", "floor", "ceiling", "fixed"]))
            lines.append(overridden(tier, at, until=until, mode=mode, event_id=f"h{number}"))
        elif kind == "order" or not placed:
            placed.append(f"o{number}")
            lines.append(order(placed[-1], draw(st.sampled_from(["0", "7", "35", "90"])), at))
        elif kind == "refund":
            lines.append(refund(draw(st.sampled_from(placed)), "7", at, f"r{number}"))
        else:
            lines.append(cancelled(placed[-1], at, event_id=f"c{number}"))
    return Story(policy, lines, at_ms + draw(st.integers(0, 40 * 48)) * 1_800_000)


def rank_of(policy: Policy, tier: str) -> int:
    names = [each.name for each in policy.tiers]
    return names.index(tier) if tier in names else len(names)


def rank_by_figures(policy: Policy, shown: dict[str, Any]) -> int:
    """The first tier whose conditions all hold for the figures of a profile."""
    if shown["recency_days"] is None:
        return len(policy.tiers)
    for rank, tier in enumerate(policy.tiers):
        asked = {name: getattr(tier, name) for name in FIGURES}
        holds = all(
            Decimal(str(shown[FIGURES[name]])) >= Decimal(str(least))
            for name, least in asked.items()
            if least is not None
        )
        most = tier.max_recency_days
        if holds and (most is None or shown["recency_days"] <= most):
            return rank
    raise AssertionError("the last tier has no condition")


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


@given(stories())
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


@given(stories())
@settings(max_examples=30)
def test_what_keeps_a_tier_does_and_less_does_not(story: Story) -> None:
    shown = story.driver().profile()
    if shown["keep"] is not None:
        rank = rank_of(story.policy, shown["tier"])
        check_needed(story, rank, shown["keep"], to_ms(shown["keeps_until"]))


@given(stories())
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


@given(stories())
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
    calendar, warn_days = _calendar(story.policy), story.policy.movement.warn_days
    assert warn_days is not None
    driver = Driver(
        replace(story.policy, movement=replace(story.policy.movement, warn_days=None)),
        format_number=NEWEST,
        lateness_ms=0,
    )
    waiting, watch = [*story.lines], Watch(calendar, warn_days)
    for at_ms in _instants(story, calendar, end_ms):
        driver.pass_to(rfc3339(at_ms))
        watch.look(driver, at_ms)
        while waiting and _time_of(waiting[0]) == at_ms:
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


def _instants(story: Story, calendar: Any, end_ms: int) -> list[int]:
    """The starts of all days, the events, and the ends of all tiers by hand."""
    days = range(calendar.day(START_MS), calendar.day(end_ms) + 1)
    instants = {calendar.start(day) for day in days} | {_time_of(line) for line in story.lines}
    for line in story.lines:
        until = json.loads(line).get("until")
        instants |= {to_ms(until)} if until else set()
    return sorted(instant for instant in instants if START_MS <= instant <= end_ms)


def _time_of(line: bytes) -> int:
    return to_ms(json.loads(line)["occurred_at"])


def _calendar(policy: Policy) -> BusinessCalendar:
    return BusinessCalendar(policy.timezone)


@given(stories())
@settings(max_examples=40)
def test_a_tier_by_hand_bounds_the_tier_for_as_long_as_it_is_in_force(story: Story) -> None:
    policy, calendar = story.policy, _calendar(story.policy)
    at_once = policy.movement.grace_days == policy.movement.hold_days == 0
    driver, waiting = Driver(policy, format_number=NEWEST, lateness_ms=0), [*story.lines]
    for at_ms in _instants(story, calendar, START_MS + LAST_DAY * DAY_MS):
        driver.pass_to(rfc3339(at_ms))
        while waiting and _time_of(waiting[0]) == at_ms:
            driver.feed(waiting.pop(0))
        if driver.partition.store.get("ana") is None:
            continue
        shown = driver.profile()
        rank, qualified = rank_of(policy, shown["tier"]), rank_by_figures(policy, shown)
        hand = shown["override"]
        if hand is not None:
            granted, mode = rank_of(policy, hand["tier"]), hand.get("mode", "floor")
            assert mode == "floor" or rank >= granted
            assert mode == "ceiling" or rank <= granted
            if mode == "fixed":
                qualified = granted
            else:
                qualified = (min if mode == "floor" else max)(qualified, granted)
        assert rank <= qualified
        assert not at_once or rank == qualified
