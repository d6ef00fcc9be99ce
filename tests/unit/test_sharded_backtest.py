"""A backtest by several processes writes byte for byte what one process writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import orjson
import pytest
from typer.testing import CliRunner

from cli.backtest.files import Line, OutputFiles
from cli.backtest.report import Report
from cli.backtest.run import Backtest, BacktestOptions
from cli.backtest.sharded.run import KeptLines, ShardFailed, run_sharded
from cli.main import app
from config.policy_file import check_policy, load_policy
from devtools.traffic.cdnow import purchases
from handlers.decode.decode import Limits
from scoring.policy import Policy
from tests.builders import day, merged, order
from tests.support.traffic import PLAIN, PRACTICE, SHOP

_ROOT = Path(__file__).parents[2]
_EXAMPLE = _ROOT / "tests/example"
_CASES = {
    "example": (_EXAMPLE / "events.jsonl", _EXAMPLE / "policy.toml"),
    "practice": (_EXAMPLE / "practice/events.jsonl", _EXAMPLE / "practice/policy.toml"),
    "merging": (_EXAMPLE / "merging/events.jsonl", _EXAMPLE / "merging/policy.toml"),
    "b2b": (_ROOT / "examples/b2b/events.jsonl", _ROOT / "config/policies/b2b.toml"),
    "member programme": (
        _ROOT / "examples/member-programme/events.jsonl",
        _ROOT / "config/policies/member-programme.toml",
    ),
}


def options_of(policy: Policy) -> BacktestOptions:
    """Those of a backtest with a policy."""
    return BacktestOptions(policy, "tierstream", 300_000, Limits())


def written(folder: Path) -> dict[str, bytes]:
    """The files of a backtest by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def compare(lines: Sequence[bytes], policy: Policy, folder: Path, workers: Sequence[int]) -> None:
    """Run lines by one process and by several, and compare what they write and count."""
    options, numbered = options_of(policy), [Line(at, raw) for at, raw in enumerate(lines, 1)]
    with OutputFiles(folder / "one") as files:
        wanted = Backtest(options, files).run(numbered, lambda _: None)
    for number in workers:
        out = folder / str(number)
        with OutputFiles(out) as files, KeptLines(iter(numbered)) as kept:
            found = run_sharded(kept, options, files, number, lambda: lambda _: None)
        assert written(out) == written(folder / "one")
        assert found is not None
        assert counts(found) == counts(wanted)


def counts(report: Report) -> dict[str, object]:
    """What a report says; a count of nothing is none."""
    found = {name: getattr(report, name) for name in report.__struct_fields__}
    return {name: +value if isinstance(value, Counter) else value for name, value in found.items()}


@pytest.mark.parametrize("case", _CASES)
def test_examples_are_the_same_by_several_processes(case: str, tmp_path: Path) -> None:
    events, policy = _CASES[case]
    compare(events.read_bytes().splitlines(), load_policy(policy), tmp_path, (2, 3, 5))


@pytest.mark.parametrize("seed", range(50))
def test_random_histories_are_the_same_by_several_processes(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    traffic = (PLAIN, SHOP, PRACTICE)[seed % 3]
    policy = check_policy(traffic.policy(random))
    lines = traffic.history(random, 5, 120, merges=seed % 2 == 0).lines(90)
    compare(lines, policy, tmp_path, (1, 2 + seed % 2, 5))


@pytest.mark.slow
def test_cdnow_is_the_same_by_several_processes(tmp_path: Path) -> None:
    lines = [orjson.dumps(event) for event in purchases()]
    compare(lines, load_policy(), tmp_path, (2,))


def test_a_late_refusal_of_what_moved_time_begins_anew(tmp_path: Path) -> None:
    """The second order is a conflict, so its time, which is far ahead, moves nobody."""
    lines = [
        order("a1", "10.00", day(1), "ana", event_id="e1"),
        order("b1", "10.00", day(1), "ben", event_id="e2"),
        order("a1", "11.00", day(300), "ana", event_id="e3"),
        order("b2", "10.00", day(2), "ben", event_id="e4"),
    ]
    compare(lines, load_policy(), tmp_path, (2, 5))


def test_customers_merged_late_are_at_one_process(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(12)]
    lines = [order(f"o-{name}", "500.00", day(1), name) for name in names]
    lines += [merged(other, day(2), name) for name, other in pairwise(names)]
    lines += [order(f"p-{name}", "70.00", day(3), name) for name in names]
    compare(lines, load_policy(), tmp_path, (2, 3))


def test_an_error_in_a_process_ends_the_backtest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cli.backtest.sharded.files.ShardFiles.write", full)
    one = iter([Line(1, order("a1", "10.00", day(1)))])
    with (
        OutputFiles(tmp_path) as files,
        KeptLines(one) as lines,
        pytest.raises(ShardFailed, match="No space left on device"),
    ):
        run_sharded(lines, options_of(load_policy()), files, 2, lambda: lambda _: None)


def test_a_rule_that_raises_leaves_the_file_to_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("handlers.profile.record.profile_of", broken)
    one = iter([Line(1, order("a1", "10.00", day(1)))])
    with OutputFiles(tmp_path) as files, KeptLines(one) as lines:
        options = options_of(load_policy())
        assert run_sharded(lines, options, files, 2, lambda: lambda _: None) is None


def test_the_command_reads_standard_input_with_several_processes(tmp_path: Path) -> None:
    events, policy = _CASES["example"]
    told = {}
    for workers in ("1", "3"):
        out = tmp_path / workers
        arguments = ["--policy", str(policy), "--out", str(out), "--workers", workers, "--sort"]
        result = CliRunner().invoke(
            app, ["backtest", "-", *arguments], input=events.read_bytes(), catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        told[workers] = written(out)
    assert told["1"] == told["3"]
    assert told["1"]["tier-changes.jsonl"]
