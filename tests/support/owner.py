"""An owner of a partition that may die at any point, over a log and a store that do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from handlers.log import PolicyActivated, encode_control
from handlers.outputs import Output
from handlers.partition import Meta, Partition, pack_meta, unpack_meta
from handlers.reasons import Rejection
from handlers.store import CustomerStore
from scoring.policy import Policy

_PREFIXES = (b'{"type":"clock.tick"', b'{"type":"policy.activated"')


def replay_log(events: Sequence[bytes], policy: Policy) -> list[bytes]:
    """A canonical log in replay mode: the policy, then events."""
    activated = PolicyActivated("first", "tierstream", "replay", 300_000, policy)
    return [encode_control(activated), *events]


@dataclass
class Durable:
    """What outlives an owner: outputs in order, states by customer, the newest checkpoint."""

    outputs: list[Output] = field(default_factory=list)
    dead_letters: list[tuple[int, str]] = field(default_factory=list)
    states: dict[str, bytes] = field(default_factory=dict)
    meta: bytes | None = None


class Owner:
    """Applies a log from the newest checkpoint on, as the engine does."""

    def __init__(self, log: Sequence[bytes], durable: Durable) -> None:
        self._log = log
        self._durable = durable
        meta = Meta() if durable.meta is None else unpack_meta(durable.meta)
        meta.epoch += 1
        store = CustomerStore()
        store.restore(durable.states.items())
        self.partition = Partition(meta, store)
        self.position = meta.applied
        self._dead_letters: list[tuple[int, str]] = []

    def run(self, count: int) -> bool:
        """Apply so many records; False at the end of the log."""
        for position in range(self.position + 1, min(self.position + 1 + count, len(self._log))):
            self._apply(position, self._log[position])
            self.position = position
        return self.position + 1 < len(self._log)

    def flush_outputs(self) -> None:
        """The first step of a flush."""
        context = self.partition.context
        self._durable.outputs += context.outbox
        self._durable.dead_letters += self._dead_letters
        context.outbox = []
        self._dead_letters = []

    def flush_states(self, only: int | None = None) -> None:
        """The second step; with `only`, death comes after so many states."""
        packed = self.partition.store.pack_changed(self.partition.meta.epoch)
        self._durable.states.update(packed[:only])

    def checkpoint(self) -> None:
        """The last step."""
        self.partition.meta.applied = self.position
        self._durable.meta = pack_meta(self.partition.meta)

    def _apply(self, position: int, raw: bytes) -> None:
        if raw.startswith(_PREFIXES):
            self.partition.control(position, raw)
            return
        event = self.partition.admit(raw)
        if not isinstance(event, Rejection):
            rejection = self.partition.apply(position, event)
            if rejection is None:
                return
            event = rejection
        self._dead_letters.append((position, event.reason))


def as_consumed(outputs: Sequence[Output]) -> dict[tuple[str, str], list[bytes]]:
    """Outputs by customer after the consumer's rule, which drops what is not greater.

    Asserts that what is dropped is the same to the byte as what was seen.
    """
    seen: dict[str, dict[int, bytes]] = defaultdict(dict)
    kept: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    for topic, customer_id, value in outputs:
        assert value is not None
        sequence = orjson.loads(value)["data"]["sequence"]
        known = seen[customer_id]
        if sequence in known:
            assert known[sequence] == value
            continue
        assert sequence == len(known) + 1
        known[sequence] = value
        kept[customer_id, topic].append(value)
    return kept
