"""Who has their turn when, after a policy under which only so many customers go at a time."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.oracle.policy import Policy

MOST_UNFINISHED = 4
"""So many policies may come one after another before all customers had their turn."""


@dataclass(frozen=True)
class Waiting:
    """Somebody whose turn has not come: under which policy, and at which clock they stopped."""

    policy: Policy
    at_ms: int


@dataclass
class Round:
    """Who is still to have their turn, in order.

    Attributes:
        queue: everybody who was known when the policy came, the gone too; None if none is on.
        at_a_time: how many go by one record.
        unfinished: how many policies came since the last time that nobody waited.
    """

    queue: list[str] | None = None
    at_a_time: int = 1
    unfinished: int = 0

    def begin(self, known: Sequence[str], at_a_time: int) -> None:
        self.queue, self.at_a_time = sorted(known), at_a_time
        self.unfinished += 1

    def next(self) -> list[str]:
        """Who goes by the next record; too few are the last."""
        if self.queue is None:
            return []
        found, self.queue = self.queue[: self.at_a_time], self.queue[self.at_a_time :]
        if len(found) < self.at_a_time:
            self.queue, self.unfinished = None, 0
        return found

    def rest(self) -> list[str]:
        """All who are left, at once."""
        found, self.queue, self.unfinished = self.queue or [], None, 0
        return found


@dataclass(frozen=True)
class News:
    """A record that puts another policy in force than the one before; None: all go at once."""

    offset: int
    at_a_time: int | None


@dataclass
class Facts:
    """What decides on turns in a partition: which records give some, since when who is known."""

    steps: list[int] = field(default_factory=list)
    known_since: dict[str, int] = field(default_factory=dict)


@dataclass
class Turns:
    """Who has their turn when in a partition.

    Attributes:
        by_customer: the offsets of the records by which they have one, if they still wait.
        at_once: the offsets of policies by whose own records all have theirs.
    """

    by_customer: dict[str, list[int]] = field(default_factory=dict)
    at_once: set[int] = field(default_factory=set)


def turns_of(facts: Facts, news: Sequence[News]) -> Turns:
    """The turns that follow from when events were accepted."""
    turns = Turns()
    steps = sorted(facts.steps)
    current = Round()
    for number, each in enumerate(news):
        known = [one for one, since in facts.known_since.items() if since < each.offset]
        if each.at_a_time is None or current.unfinished >= MOST_UNFINISHED:
            turns.at_once.add(each.offset)
            current.rest()
            continue
        current.begin(known, each.at_a_time)
        end = news[number + 1].offset if number + 1 < len(news) else 1 << 62
        for offset in steps[bisect_right(steps, each.offset) :]:
            if offset >= end or current.queue is None:
                break
            for one in current.next():
                turns.by_customer.setdefault(one, []).append(offset)
    return turns
