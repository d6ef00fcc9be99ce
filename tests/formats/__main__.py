"""Writes records of every kind as this release writes them: `python -m tests.formats FILE`.

Later releases must read what is in `FILE` (`tests/unit/test_older_formats.py`). When a new file is
due, docs/formats.md says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from config.policy_file import load_policy
from handlers.control_records import ClockTick, PolicyActivated, encode_control
from handlers.merge.forwarding import Transfer, encode_forwarded
from handlers.partition import Partition
from handlers.reasons import Rejection
from handlers.state.customer import unpack
from handlers.state.partition_state import Source, pack_meta, unpack_meta
from tests.support.histories import History

_POLICY = Path("examples/profile_policy.toml")
_SEED = 9
_CUSTOMERS = 6
_DAYS = 300
_LINES = 220


def written() -> dict[str, Any]:
    """Records, each with what this release reads in it."""
    policy = load_policy(_POLICY)
    activated = PolicyActivated("policy-1", "tierstream", "replay", 300_000, policy)
    tick = ClockTick(1_700_000_000_000)
    partition = Partition(is_whole=False)
    partition.control(0, encode_control(activated))
    transfers: list[Transfer] = []
    history = History(Random(_SEED), _CUSTOMERS, _DAYS, merges=True)
    offset = 0
    for line in history.lines(_LINES):
        offset += 1
        partition.is_applied(Source("orders", offset % 3, offset, "abcdefgh"))
        event = partition.admit(line)
        if isinstance(event, Rejection):
            continue
        verdict = partition.apply(offset, event)
        while isinstance(verdict, Transfer):
            transfers.append(verdict)
            offset += 1
            verdict = partition.take_transfer(offset, verdict)
    meta = partition.meta
    meta.epoch, meta.applied, meta.profiles_end = 3, offset, 17
    states = dict(partition.store.pack_changed(3))
    packed_meta = pack_meta(meta)
    transfer = max(transfers, key=lambda each: len(each.state))
    head = msgspec.structs.replace(transfer, state=b"")
    return {
        "policy.activated": encode_control(activated).decode(),
        "clock.tick": encode_control(tick).decode(),
        "partition": {"packed": packed_meta.hex(), "is": _plain(unpack_meta(packed_meta))},
        "customers": {
            name: {"packed": packed.hex(), "is": _plain(unpack(packed))}
            for name, packed in sorted(states.items())
        },
        "transfer": {
            "onward": encode_forwarded(head).decode(),
            "packed": transfer.state.hex(),
            "is": _plain(unpack(transfer.state)),
        },
        "next": [line.decode() for line in history.lines(60)],
    }


def _plain(record: Any) -> Any:
    return json.loads(msgspec.json.encode(record))


def as_text(records: dict[str, Any]) -> str:
    """JSON with a line for each kind of records."""
    lines = (f"{json.dumps(name)}: {json.dumps(held)}" for name, held in records.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_text(written()))
