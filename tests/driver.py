"""Runs records through the product's pure core and returns what came out, as plain values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from config.policy import check_policy
from handlers import outputs
from handlers.decode import Limits
from handlers.outputs import Output
from handlers.reasons import Rejection
from streams.backtest import Backtest, BacktestOptions, Line, Report

DEFAULT_LATENESS_MS = 300_000


@dataclass
class Collected:
    """Takes outputs where a backtest would write files."""

    outputs: list[Output] = field(default_factory=list)
    dead_letters: list[dict[str, Any]] = field(default_factory=list)

    def write(self, output: Output) -> None:
        self.outputs.append(output)

    def write_dead_letter(self, line: Line, rejection: Rejection) -> None:
        letter = {
            "reason": rejection.reason,
            "event_id": rejection.event_id,
            "line": line.number,
        }
        self.dead_letters.append(letter)


@dataclass
class Run:
    """What came out of a run."""

    report: Report
    collected: Collected

    def records(self, topic: str) -> list[dict[str, Any]]:
        """The records of a topic as `{"id": ..., "type": ..., **data}`."""
        found = []
        for output in self.collected.outputs:
            if output.topic == topic and output.value is not None:
                record = json.loads(output.value)
                found.append({"id": record["id"], "type": record["type"], **record["data"]})
        return found

    @property
    def tier_changes(self) -> list[dict[str, Any]]:
        return self.records(outputs.TIER_CHANGES)

    @property
    def dormancy_alerts(self) -> list[dict[str, Any]]:
        return self.records(outputs.DORMANCY_ALERTS)

    @property
    def profiles(self) -> dict[str, dict[str, Any]]:
        return {p["customer_id"]: p for p in self.records(outputs.CUSTOMER_PROFILES)}


def run(
    lines: Sequence[bytes],
    policy: dict[str, Any] | None = None,
    *,
    lateness_ms: int = DEFAULT_LATENESS_MS,
    until_ms: int | None = None,
    limits: Limits | None = None,
) -> Run:
    """Runs lines as `tierstream backtest` does, with a policy given as parsed TOML."""
    options = BacktestOptions(
        policy=check_policy(policy or {}),
        app_id="tierstream",
        allowed_lateness_ms=lateness_ms,
        limits=limits or Limits(),
        until_ms=until_ms,
    )
    collected = Collected()
    backtest = Backtest(options, collected)  # type: ignore[arg-type]  # the same two methods
    numbered = (Line(number, raw) for number, raw in enumerate(lines, 1))
    return Run(backtest.run(numbered, lambda _: None), collected)
