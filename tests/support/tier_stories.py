"""Random stories of one customer whose tier rises and falls, also by hand, under small policies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from handlers.state.formats import NEWEST
from scoring.calendar import BusinessCalendar
from scoring.policy import AttributeCondition, Cutoffs, Movement, Policy, Tier
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
        beyond = meets_beyond(tier, shown)
        if holds and beyond and (most is None or shown["recency_days"] <= most):
            return rank
    raise AssertionError("the last tier has no condition")


def meets_beyond(tier: Tier, shown: dict[str, Any]) -> bool:
    """Whether a profile meets what a tier asks of attributes and dimensions."""
    attributes = shown["attributes"]
    return all(
        _meets(asked, attributes.get(name)) for name, asked in tier.attributes.items()
    ) and all(shown["dimensions"][name] >= least for name, least in tier.min_dimensions.items())


def _meets(asked: AttributeCondition, value: str | None) -> bool:
    if asked.not_in is not None and value in asked.not_in:
        return False
    if value is None:
        return (asked.min, asked.max, asked.is_in, asked.present) == (None, None, None, False)
    if asked.is_in is not None and value not in asked.is_in:
        return False
    if asked.min is None and asked.max is None:
        return True
    if not is_plain(value):
        return False
    return Decimal(asked.min or value) <= Decimal(value) <= Decimal(asked.max or value)


def is_plain(text: str) -> bool:
    """Whether a text is a decimal without an exponent."""
    try:
        return f"{Decimal(text):f}" == text
    except InvalidOperation:
        return False


def instants(story: Story, calendar: Any, end_ms: int) -> list[int]:
    """The starts of all days, the events, and the ends of all tiers by hand."""
    days = range(calendar.day(START_MS), calendar.day(end_ms) + 1)
    instants = {calendar.start(day) for day in days} | {time_of(line) for line in story.lines}
    for line in story.lines:
        until = json.loads(line).get("until")
        instants |= {to_ms(until)} if until else set()
    return sorted(instant for instant in instants if START_MS <= instant <= end_ms)


def time_of(line: bytes) -> int:
    return to_ms(json.loads(line)["occurred_at"])


def calendar_of(policy: Policy) -> BusinessCalendar:
    return BusinessCalendar(policy.timezone)
