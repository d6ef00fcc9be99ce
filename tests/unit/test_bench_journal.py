"""A measurement that broke off goes on where it was, and only under the same conditions."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.peers import session
from bench.peers.checks import Check
from bench.peers.data_set import DataSet, Reference
from bench.peers.journal import CannotResume, Journal, Measured
from bench.peers.meter import Spent
from bench.peers.outcome import Outcome
from bench.peers.results import Facts
from bench.peers.run import Ground, Written
from bench.peers.session import Plan, Session

PLAN = Plan(1_000, 100, 100, 2, ("tierstream", "read_limit"), [])
CONDITIONS: Facts = {"plan": PLAN.facts(), "versions": {"tierstream": {"commit": "1"}}}
OUTCOME = Outcome(Spent(1.0, 0.5, 0.1, 0.0), 0.5, 3, Check(100, 0, 0, []))


class Scripted(Session):
    """Runs nothing: notes what would run, and is interrupted instead of the last of them."""

    def __init__(self, measured: Measured, journal: Journal, runs: int, told: list[str]) -> None:
        super().__init__(Ground(None, Path(), told.append), PLAN, measured, journal)  # type: ignore[arg-type]
        self.left, self.ran = runs, list[str]()

    def _guarded(self, name: str, run: object) -> Outcome | None:  # noqa: ARG002
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        self.ran.append(name)
        return OUTCOME


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(ground: Ground, prefix: str, data_set: DataSet) -> Written:
        return Written(prefix, data_set, Reference())

    class NoStages:
        stages: tuple[object, ...] = ()

    monkeypatch.setattr(session, "write", write)
    monkeypatch.setattr("bench.peers.session.stages.measure", lambda *_: NoStages())


def test_interrupted_measurement_goes_on_with_the_runs_that_are_missing(tmp_path: Path) -> None:
    journal, told = Journal(tmp_path / "runs.json"), list[str]()
    first = Scripted(Measured.new({**CONDITIONS, "machine": {}}), journal, 3, told)
    assert len(first.measure()["runs"]) == 3
    assert not first.is_complete
    assert any("--resume" in line for line in told)

    rest = Scripted(journal.resume({**CONDITIONS, "machine": {}}), journal, 9, told)
    results = rest.measure()
    assert rest.is_complete
    assert rest.ran == ["read_limit", "tierstream"], "the last of round 2, and the one to kill"
    assert [(run["peer"], run["round"]) for run in results["runs"]] == [
        *(("tierstream", 1), ("read_limit", 1)),
        *(("tierstream", 2), ("read_limit", 2)),
    ]
    assert len(results["kills"]) == 1
    assert results["summary"]["tierstream"]["runs"] == 2


def test_other_conditions_are_not_mixed_with_the_runs_so_far(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs.json")
    with pytest.raises(CannotResume, match="nothing to resume"):
        journal.resume(CONDITIONS)
    journal.save(Measured.new(CONDITIONS))
    assert journal.resume(CONDITIONS).runs == []
    other = {**CONDITIONS, "versions": {"tierstream": {"commit": "2"}}}
    with pytest.raises(CannotResume, match=r"versions was .*1.*, and is .*2"):
        journal.resume(other)
