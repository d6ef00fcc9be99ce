"""The real purchases under the default policy: the figures that the documentation tells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import orjson
import pytest

from cli.backtest.files import Line, OutputFiles
from cli.backtest.report import Report
from cli.backtest.run import Backtest, BacktestOptions
from config.policy_file import load_policy
from devtools.traffic.cdnow import purchases
from handlers.decode.decode import Limits
from scoring.timestamps import parse_rfc3339

pytestmark = pytest.mark.slow

_PAGE = Path(__file__).parents[2] / "docs" / "cdnow.md"

BY_TIER = {"A": 679, "B": 2_833, "C": 20_058}
BY_STAGE = {"loyal": 1_347, "active": 1_148, "at_risk": 806, "dormant": 2_059, "churned": 18_210}
CHANGES = {
    ("prospect", "C", "order"): 19_595,
    ("prospect", "B", "order"): 3_975,
    ("C", "B", "order"): 15_013,
    ("B", "A", "order"): 2_368,
    ("C", "A", "order"): 12,
    ("B", "C", "grace_expired"): 15_488,
    ("A", "B", "grace_expired"): 1_701,
}
ALERTS = {
    ("dormancy.alert", "at_risk"): 36_719,
    ("dormancy.alert", "dormant"): 31_721,
    ("dormancy.alert", "churned"): 23_389,
    ("customer.reactivated", "active"): 11_452,
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    options = BacktestOptions(
        policy=load_policy(),
        app_id="tierstream",
        allowed_lateness_ms=300_000,
        limits=Limits(),
        until_ms=parse_rfc3339("1998-07-01T00:00:00Z"),
    )
    lines = (Line(number, orjson.dumps(event)) for number, event in enumerate(purchases(), 1))
    with OutputFiles(tmp_path_factory.mktemp("cdnow")) as files:
        return Backtest(options, files).run(lines, lambda _: None)


def test_every_customer_ends_in_the_tier_and_stage_of_the_page(report: Report) -> None:
    by_tier: Counter[str] = Counter()
    by_stage: Counter[str] = Counter()
    for (tier, stage), count in report.customers.items():
        by_tier[tier] += count
        by_stage[stage] += count
    assert +by_tier == BY_TIER
    assert +by_stage == BY_STAGE
    assert by_tier.total() == 23_570


def test_the_changes_and_alerts_are_those_of_the_page(report: Report) -> None:
    assert report.tier_changes == CHANGES
    assert report.level_changes == ALERTS
    assert report.accepted == 69_659
    assert not report.dead_letters


def test_the_page_tells_these_figures() -> None:
    page = _PAGE.read_text()
    told = [*BY_TIER.values(), *BY_STAGE.values(), *CHANGES.values(), *ALERTS.values()]
    told += [sum(CHANGES.values()), sum(ALERTS.values())]
    missing = [figure for figure in told if f"{figure:,}" not in page]
    assert not missing
