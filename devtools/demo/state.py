"""What the demo has seen so far of the output topics, the sender and the worker's metrics."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import msgspec
from msgspec import Struct

from handlers.outputs import (
    CUSTOMER_PROFILES,
    DORMANCY_ALERT,
    DORMANCY_ALERTS,
    TIER_CHANGED,
    TIER_CHANGES,
    LevelChanged,
    TierChanged,
)
from scoring.policy import Policy
from scoring.rules import PROSPECT
from streams.kafka.topics import DEAD_LETTERS
from words import Naming, Words, do_not_contact, sentence, words_in
from words.naming import label_of

_LINES = 40


class NewsLine(NamedTuple):
    """A change as text; `kind` gives its colour, and the lines it competes with."""

    at: str
    kind: str
    text: str


@dataclass(slots=True)
class News:
    """The lines shown, and of every kind the newest one that waits to be shown.

    Changes come by the thousand in a second, so most are never shown. A kind keeps its place in
    the queue when its line is replaced by a newer one: rare kinds get their turn too.
    """

    shown: deque[NewsLine] = field(default_factory=lambda: deque(maxlen=_LINES))
    newest_at: str = ""
    """When the newest change took effect (RFC 3339)."""
    _waiting: dict[str, tuple[str, Callable[[], str]]] = field(default_factory=dict)

    def note(self, at: str, kind: str, tell: Callable[[], str]) -> None:
        """A change happened; its text is made only if it is shown."""
        self.newest_at = max(self.newest_at, at)
        self._waiting[kind] = at, tell

    def advance(self) -> None:
        """Show one more line, if any waits."""
        if self._waiting:
            kind = next(iter(self._waiting))
            at, tell = self._waiting.pop(kind)
            self.shown.append(NewsLine(at, kind, tell()))


MAX_CUSTOMERS = 200_000
"""Customers whose tier and stage are kept here; further ones are only counted."""


@dataclass(slots=True)
class Population:
    """Customers by tier and by stage; `left_out` are profiles beyond the limit."""

    by_tier: Counter[str] = field(default_factory=Counter)
    by_stage: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    _groups: dict[bytes, tuple[str, str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Customers whose tier and stage are known."""
        return len(self._groups)

    def place(self, customer: bytes, tier: str, stage: str) -> None:
        """Note tier and stage of the customer's newest profile."""
        if customer not in self._groups and len(self._groups) >= MAX_CUSTOMERS:
            self.left_out += 1
            return
        self.remove(customer)
        self._groups[customer] = tier, stage
        self.by_tier[tier] += 1
        self.by_stage[stage] += 1

    def remove(self, customer: bytes) -> None:
        """The customer was erased; harmless for one who is not known."""
        before = self._groups.pop(customer, None)
        if before is not None:
            tier, stage = before
            self.by_tier[tier] -= 1
            self.by_stage[stage] -= 1


_RATE_SAMPLES = 16

Headers = Iterable[tuple[str, bytes]]


class _Profile(Struct):
    """What the demo needs of a profile."""

    customer_id: str
    tier: str
    stage: str


class _ProfileEvent(Struct):
    data: _Profile


class _TierEvent(Struct):
    data: TierChanged


class _LevelEvent(Struct):
    type: str
    data: LevelChanged


_read_profile = msgspec.json.Decoder(_ProfileEvent).decode
_read_tier = msgspec.json.Decoder(_TierEvent).decode
_read_level = msgspec.json.Decoder(_LevelEvent).decode


@dataclass(slots=True)
class Rate:
    """Events per second over the last few seconds, from samples of a count."""

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
    """Everything the view shows. It reads no clock: callers pass seconds since the start."""

    title: str = ""
    policy: Policy = field(default_factory=Policy)
    words: Words = field(default_factory=words_in)
    total: int = 0
    """Events the demo will send."""

    seconds: float = 0.0
    finished_s: float = 0.0
    """When the last event was processed, once it was."""
    sent: int = 0
    processed: int = 0
    waiting: int = 0
    """Records between the worker and the ends of what it reads."""
    sent_rate: Rate = field(default_factory=Rate)
    processed_rate: Rate = field(default_factory=Rate)

    population: Population = field(default_factory=Population)
    in_redis: int = 0
    """Customers in the Redis view, counted at the end."""
    news: News = field(default_factory=News)
    tier_changes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    """Records by output topic."""

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

    def tier_labels(self) -> Mapping[str, str]:
        """The tiers of the policy, best first, and the prospects: what people call each."""
        labels = {tier.name: label_of(tier.label, self.words) for tier in self.policy.tiers}
        return labels | {PROSPECT: ""}

    def _on_profile(self, value: bytes | None, key: bytes | None) -> None:
        if value is None:
            self.population.remove(key or b"")
            return
        profile = _read_profile(value).data
        self.population.place(profile.customer_id.encode(), profile.tier, profile.stage)

    def _on_tier(self, change: TierChanged) -> None:
        self.tier_changes[change.previous_tier, change.tier, change.reason] += 1
        # First orders are most of all changes: being a kind of their own, they leave room.
        kind = change.direction if change.before is not None else "first"
        self.news.note(change.effective_at, kind, partial(self._tell, TIER_CHANGED, change))

    def _on_level(self, type_name: str, change: LevelChanged) -> None:
        self.alerts[type_name, change.level] += 1
        kind = change.level if type_name == DORMANCY_ALERT else type_name
        self.news.note(change.effective_at, kind, partial(self._tell, type_name, change))

    def _tell(self, type_name: str, change: TierChanged | LevelChanged) -> str:
        """A change as a sentence that names its customer."""
        naming, data = Naming(self.words, self.policy), msgspec.to_builtins(change)
        told = sentence(type_name, data, naming)
        if type_name == DORMANCY_ALERT and change.suppressed is not None:
            told = self.words.say("; ").join((told, do_not_contact(data, naming)))
        return self.words.say("{name}: {value}", name=change.customer_id, value=told)
