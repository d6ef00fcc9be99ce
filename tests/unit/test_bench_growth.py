"""How growth is measured: whose day it is, when a burst is over, and where the tables go."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.growth import report
from bench.growth.burst import judged
from bench.growth.size import Size
from tests.support.documents import ROOT


def test_a_burst_is_over_once_the_last_long_wait_has_ended() -> None:
    waits = [(1.0, 0.1), (4.0, 0.2), (6.0, 1.5), (9.9, 3.0), (12.0, 0.9), (14.0, 0.3)]
    found = judged(waits, rate=100, seconds=5)
    assert found.longest_before_s == pytest.approx(0.2)
    assert found.longest_s == pytest.approx(3.0)
    assert found.caught_up_s == pytest.approx(2.9)


def test_a_burst_that_nobody_felt_is_caught_up_at_its_end() -> None:
    assert judged([(1.0, 0.1), (6.0, 0.1)], rate=100, seconds=5).caught_up_s == 0


def test_a_table_replaces_the_one_between_its_marks_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    begin = "<!-- growth, {}: written by python -m bench.growth -->"
    marks = [begin.format("burst"), "old", "<!-- growth, burst: end -->"]
    page.write_text("\n".join(["before", *marks, "after"]))
    report.write({"burst": "new"}, page)
    assert page.read_text() == "\n".join(["before", marks[0], "new", marks[2], "after"])
    with pytest.raises(report.MarksMissing, match="sizes"):
        report.write({"sizes": "new"}, page)


def test_the_page_of_performance_has_a_place_for_each_table() -> None:
    page = (ROOT / "docs/performance.md").read_text()
    for part in ("sizes", "workers", "burst"):
        assert f"<!-- growth, {part}: written by python -m bench.growth -->" in page
        assert f"<!-- growth, {part}: end -->" in page


def test_a_table_of_sizes_has_a_column_for_each() -> None:
    sizes = [
        Size(n, 900.0, 1_500.0, 2**27, n / 2e5, 90.0, n // 100, 0.5, 250.0, 5.0)
        for n in (10_000, 100_000)
    ]
    lines = report.sizes_table(sizes).splitlines()
    assert {line.count("|") for line in lines} == {4}
    assert lines[0].endswith("| 10,000 | 100,000 |")
