"""What the demo knows so far, from the output topics, the sender and the worker's metrics."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
from msgspec import Struct

from handlers.outputs import (
    CUSTOMER_PROFILES,
    DORMANCY_ALERT,
    DORMANCY_ALERTS,
    TIER_CHANGES,
    LevelChanged,
    TierChanged,
)
from scoring.policy import Policy
from scoring.rules import PROSPECT
from streams.demo.wording import alert_sentence, tier_sentence
from streams.topics import DEAD_LETTERS

MAX_CUSTOMERS = 200_000
"""Customers whose tier and stage are kept here; further ones are only counted."""

_FEED_LINES = 40
_RATE_SAMPLES = 16

Headers = Iterable[tuple[str, bytes]]


class _Place(Struct):
    """What is kept of a profile."""

    customer_id: str
    tier: str
    stage: str


class _ProfileEvent(Struct):
    data: _Place


class _TierEvent(Struct):
    data: TierChanged


class _LevelEvent(Struct):
    type: str
    data: LevelChanged


_read_profile = msgspec.json.Decoder(_ProfileEvent).decode
_read_tier = msgspec.json.Decoder(_TierEvent).decode
_read_level = msgspec.json.Decoder(_LevelEvent).decode


class FeedLine(NamedTuple):
    """A line of the feed; `kind` is `up`, `down`, a level, or `back`."""

    at: str
    kind: str
    text: str


@dataclass(slots=True)
class Rate:
    """Events per second over the last few seconds, from a count that is told now and then."""

    samples: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RATE_SAMPLES))

    def add(self, seconds: float, count: int) -> None:
        """`count` at `seconds` since the start."""
        self.samples.append((seconds, count))

    @property
    def per_second(self) -> float:
        """The rate over the samples kept."""
        if len(self.samples) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self.samples[0], self.samples[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


@dataclass(slots=True)
class DemoState:
    """Everything the view shows. It reads no clock: times are told, in seconds since the start."""

    title: str = ""
    policy: Policy = field(default_factory=Policy)
    total: int = 0
    """Events the demo will send."""

    seconds: float = 0.0
    finished_s: float = 0.0
    """When the last event was processed, once it was."""
    sent: int = 0
    processed: int = 0
    waiting: int = 0
    """Records between the worker and the ends of what it reads."""
    newest_at: str = ""
    """How far the engine has come: when the newest tier change or alert took effect (RFC 3339)."""
    sent_rate: Rate = field(default_factory=Rate)
    processed_rate: Rate = field(default_factory=Rate)

    customers_by_tier: Counter[str] = field(default_factory=Counter)
    customers_by_stage: Counter[str] = field(default_factory=Counter)
    customers_left_out: int = 0
    tier_changes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """Records by output topic."""
    feed: deque[FeedLine] = field(default_factory=lambda: deque(maxlen=_FEED_LINES))

    _places: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    _newest: dict[str, FeedLine] = field(default_factory=dict)

    def on_output(
        self, topic: str, value: bytes | None, headers: Headers = (), key: bytes | None = None
    ) -> None:
        """A record of an output topic, named without the deployment's prefix.

        A profile without a value (an erased customer) is known by its key, the reason of a dead
        letter by its headers.
        """
        self.seen[topic] += 1
        if topic == DEAD_LETTERS:
            reason = dict(headers).get("reason", b"unknown")
            self.dead_letters[reason.decode("utf-8", "replace")] += 1
        elif topic == CUSTOMER_PROFILES:
            self._on_profile(value, key)
        elif value is None:
            return
        elif topic == TIER_CHANGES:
            self._on_tier(_read_tier(value).data)
        elif topic == DORMANCY_ALERTS:
            found = _read_level(value)
            self._on_level(found.type, found.data)

    def on_progress(self, seconds: float, sent: int) -> None:
        """The sender has had this many events acknowledged."""
        self.seconds = max(self.seconds, seconds)
        self.sent = sent
        self.sent_rate.add(seconds, sent)

    def on_metrics(self, seconds: float, processed: int, waiting: int) -> None:
        """The worker has processed this many events, dead letters and duplicates among them."""
        self.seconds = max(self.seconds, seconds)
        if self.processed < self.total <= processed:
            self.finished_s = seconds
        self.processed = processed
        self.waiting = waiting
        self.processed_rate.add(seconds, processed)

    def advance_feed(self, lines: int = 1) -> None:
        """Move some of the newest changes into the feed, each time of another kind first.

        Changes come by the thousand in a second; this is the pace at which people can read them.
        """
        for _ in range(min(lines, len(self._newest))):
            kind = next(iter(self._newest))
            self.feed.append(self._newest.pop(kind))

    @property
    def customers(self) -> int:
        """Customers whose tier is known."""
        return self.customers_by_tier.total() + self.customers_left_out

    def tier_labels(self) -> Mapping[str, str]:
        """The tiers of the policy, best first, and the prospects: what people call each."""
        labels = {tier.name: tier.label.get("en", "") for tier in self.policy.tiers}
        return labels | {PROSPECT: ""}

    def _on_profile(self, value: bytes | None, key: bytes | None) -> None:
        if value is None:
            self._move(key or b"", None)
            return
        place = _read_profile(value).data
        customer = place.customer_id.encode()
        if customer not in self._places and len(self._places) >= MAX_CUSTOMERS:
            self.customers_left_out += 1
            return
        self._move(customer, (place.tier, place.stage))

    def _move(self, customer: bytes, place: tuple[str, str] | None) -> None:
        before = self._places.pop(customer, None)
        if before is not None:
            self.customers_by_tier[before[0]] -= 1
            self.customers_by_stage[before[1]] -= 1
        if place is not None:
            self._places[customer] = place
            self.customers_by_tier[place[0]] += 1
            self.customers_by_stage[place[1]] += 1

    def _on_tier(self, change: TierChanged) -> None:
        self.tier_changes[change.previous_tier, change.tier, change.reason] += 1
        text = tier_sentence(change, self.policy.window_days)
        # First orders are most of all changes: a slot of their own keeps the others in sight.
        kind = change.direction if change.before is not None else f"first {change.direction}"
        self._note(FeedLine(change.effective_at, kind, text))

    def _on_level(self, type_name: str, change: LevelChanged) -> None:
        self.alerts[type_name, change.level] += 1
        kind = change.level if type_name == DORMANCY_ALERT else "back"
        self._note(FeedLine(change.effective_at, kind, alert_sentence(type_name, change)))

    def _note(self, line: FeedLine) -> None:
        self.newest_at = max(self.newest_at, line.at)
        # Keeps its place in the order if its kind waits already: no kind is starved.
        self._newest[line.kind] = line
