"""The summary of a backtest tells the same figures in each language."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from pathlib import Path

from rich.console import Console

from cli.backtest.report import Report
from cli.backtest.summary import print_summary
from words import Language, words_in

REPORT = Report(
    lines=1_250,
    accepted=1_000,
    late=60,
    final_ms=1_767_225_600_000,
    customers=Counter({("A", "loyal"): 1_200, ("prospect", "prospect"): 3}),
    tier_changes=Counter({("prospect", "A", "order"): 7}),
    level_changes=Counter({("dormancy.alert", "at_risk"): 5}),
    dead_letters=Counter({"invalid_amount": 2}),
    failures=Counter({"event": 1}),
)


def summary(language: Language, report: Report = REPORT, *, was_sorted: bool = False) -> str:
    console = Console(file=StringIO(), width=160, highlight=False)
    print_summary(console, report, Path("out"), words_in(language), was_sorted=was_sorted)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_in_english() -> None:
    shown = summary(Language.EN)
    assert "prospect → A  order" in shown
    assert "Dormancy alert  at risk" in shown
    assert "invalid_amount  invalid amount" in shown
    assert "1,250 records: 1,000 accepted, 0 duplicates, 2 dead letters" in shown
    assert "As of 2026-01-01 00:00:00." in shown
    assert "6% of the events are late" in shown
    assert "are late" not in summary(Language.EN, was_sorted=True)
    assert "As of no time." in summary(Language.EN, Report())


def test_in_chinese() -> None:
    shown = summary(Language.ZH)
    assert "潜在客户 → A  下单" in shown
    assert "沉睡预警  流失风险" in shown
    assert "invalid_amount  金额无效" in shown
    assert "共 1,250 条记录：采纳 1,000，重复 0，死信 2" in shown
    assert "截至 2026年1月1日 00:00:00。" in shown
    assert "6% 的事件迟到" in shown
    assert "1 event" in shown
