"""`python -m bench.instructions`: bytecode instructions and calls for an event, and for a profile.

They are the same on every machine, whatever else it does, so two versions can be compared where
times cannot. What C code does is not in them.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from types import FrameType
from typing import Any, NamedTuple

from bench.load import Load
from bench.offline import live_partition
from handlers.partition import Partition
from handlers.reasons import Rejection

_END_MS = 1_764_460_800_000
_SPAN_MS = 180_000
_EVENTS_OF_EACH = 5
_FLUSH_EVERY = 1_500
_COUNT_EVERY = 4


class Count(NamedTuple):
    """What applying something took."""

    events: int = 0
    instructions: int = 0
    calls: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(*(one + more for one, more in zip(self, other, strict=True)))


class Counter:
    """Counts what Python executes between `begin` and `end`."""

    def __init__(self) -> None:
        self._instructions = self._calls = 0

    def begin(self) -> None:
        """Count from now on."""
        self._instructions = self._calls = 0
        sys.settrace(self._trace)

    def end(self) -> Count:
        """Count no more; what was counted for one event."""
        sys.settrace(None)
        return Count(1, self._instructions, self._calls)

    def _trace(self, frame: FrameType, what: str, _argument: Any) -> Any:
        if what == "call":
            self._calls += 1
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif what == "opcode":
            self._instructions += 1
        return self._trace


def counts(number: int) -> dict[str, Count]:
    """What each type of event takes, with orders that put something out apart; and all together.

    A profile takes what is told apart, too; it is in none of the others.

    Args:
        number: of events; every fourth of the second half is counted.
    """
    load = Load(number, number // _EVENTS_OF_EACH, _END_MS, _SPAN_MS)
    partition, counter = live_partition(), Counter()
    found: dict[str, Count] = defaultdict(Count)
    for offset, record in enumerate(load.records(), 1):
        event = partition.admit(record.value)
        assert not isinstance(event, Rejection), event
        if offset * 2 <= number or offset % _COUNT_EVERY:
            partition.apply(offset, event)
        else:
            before = len(partition.context.outbox)
            counter.begin()
            partition.apply(offset, event)
            taken = counter.end()
            puts_out = len(partition.context.outbox) > before
            name = f"{event.type}, with an output" if puts_out else event.type
            found[name] = found[name].plus(taken)
            found["all"] = found["all"].plus(taken)
        if offset % _FLUSH_EVERY == 0:
            taken = _flush(partition, counter, counted=offset * 2 > number)
            found["a profile"] = found["a profile"].plus(taken)
    return found


def _flush(partition: Partition, counter: Counter, *, counted: bool) -> Count:
    """As at a checkpoint; what profiles took, of which every fourth is counted."""
    partition.store.pack_changed(1)
    partition.context.outbox.clear()
    stale, partition.stale_profiles = partition.stale_profiles, {}
    found = Count()
    for number, customer_id in enumerate(stale):
        if not counted or number % _COUNT_EVERY:
            partition.profile(customer_id)
        else:
            counter.begin()
            partition.profile(customer_id)
            found = found.plus(counter.end())
    return found


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--events", type=int, default=6_000)
    arguments = parser.parse_args()
    print(f"{'applying':<34}{'events':>8}{'instructions':>14}{'calls':>8}")
    for name, count in sorted(counts(arguments.events).items()):
        instructions, calls = count.instructions / count.events, count.calls / count.events
        print(f"{name:<34}{count.events:>8}{instructions:>14.0f}{calls:>8.1f}")


if __name__ == "__main__":
    main()
