"""A backtest of lines under the settings of a deployment: what its workers should have done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cli.backtest.files import Line
from cli.backtest.report import Report
from cli.backtest.run import Backtest, BacktestOptions
from config.policy_file import load_policy
from handlers.decode.decode import Limits
from handlers.outputs import CUSTOMER_PROFILES
from handlers.partition import Partition
from streams.kafka.topics import OUTPUTS
from tests.driver import Collected
from tests.harness.deployment import Deployment


class Truth(NamedTuple):
    """A backtest: its outputs by topic, its dead letters, its final state, its counts."""

    outputs: dict[str, list[bytes | None]]
    dead_letters: list[tuple[str, str | None]]
    partition: Partition
    report: Report


def backtested(deployment: Deployment, lines: Iterable[bytes]) -> Truth:
    """Run lines, of events or of a dumped log, through `cli.backtest.run`."""
    settings = deployment.settings
    collected = Collected()
    options = BacktestOptions(
        policy=load_policy(deployment.policy_file),
        app_id=settings.app_id,
        allowed_lateness_ms=settings.allowed_lateness_ms,
        limits=Limits(settings.min_event_time_ms),
    )
    run = Backtest(options, collected)
    report = run.run((Line(n, raw) for n, raw in enumerate(lines, 1)), lambda _: None)
    outputs: dict[str, list[bytes | None]] = {topic: [] for topic in (*OUTPUTS, CUSTOMER_PROFILES)}
    for output in collected.outputs:
        outputs[output.topic].append(output.value)
    letters = [(letter["reason"], letter["event_id"]) for letter in collected.dead_letters]
    return Truth(outputs, letters, run.partition, report)
