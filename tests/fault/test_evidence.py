from __future__ import annotations

from pathlib import Path

from tests.fault.evidence import (
    ClockJump,
    Evidence,
    FaultSpan,
    RawRecord,
    Sample,
    SentRecord,
)
from tests.harness.life import ProcessLife

_RECORD = RawRecord(3, 1_700_000_000_000, None, b"\xff", (("source", b"0/1/2/x"), ("empty", None)))
_EVIDENCE = Evidence(
    seed=7,
    prefix="p.",
    app_id="app",
    partitions=2,
    mode="live",
    allowed_lateness_ms=500,
    policies=({"version": "1", "cutoffs": {"frequency": [1, 2, 3, 4]}},),
    topics={"orders": {0: (_RECORD,), 1: ()}},
    sent=(SentRecord("orders", None, None, 5, b"k", None, (), "good", None, 0.5),),
    redis={"ana": {"tier": "gold"}},
    samples=(Sample(1.0, {("orders", 0): 3}, {("orders", 0): 4}, {"worker-0": 1 << 26}, 1),),
    faults=(FaultSpan("kill", "worker-0", 1.0, 2.0),),
    processes=(ProcessLife("worker-0", 11, 0.1, 2.0, -9, "started"),),
    clock_jumps=(ClockJump("worker-0", 1.0, 2.0, 3_600_000),),
    began_ms=1_700_000_000_000,
    healed_s=3.0,
    drained_s=4.0,
    restored_s=None,
)


def test_evidence_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "evidence"
    _EVIDENCE.save(file)
    read = Evidence.load(file)
    assert read.topics["orders"][0][0] == _RECORD
    assert read.samples[0] == _EVIDENCE.samples[0]
    assert list(read.sent) == list(_EVIDENCE.sent)
    assert (read.redis, read.policies[0]) == (_EVIDENCE.redis, _EVIDENCE.policies[0])
    assert (list(read.faults), list(read.processes)) == (
        list(_EVIDENCE.faults),
        list(_EVIDENCE.processes),
    )
