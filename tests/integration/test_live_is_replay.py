"""A dumped log through the backtest gives the bytes that the workers gave, in both modes."""

from __future__ import annotations

import asyncio
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from devtools.servers import Broker
from tests.harness.deployment import EXAMPLE, Deployment
from tests.harness.flow import Router
from tests.integration.audit import audit, data_of
from tests.support.histories import History, random_policy

pytestmark = pytest.mark.always


@pytest.mark.slow
async def test_a_replayed_history_gives_what_the_backtest_of_its_log_gives(
    broker: Broker, tmp_path: Path
) -> None:
    random = Random(1 if broker.kind == "embedded" else 2)
    policy = random_policy(random)
    with Deployment(broker, tmp_path, policy=policy) as deployment:
        await deployment.create_topics()
        worker = await deployment.ready_worker()
        history = History(random, customers=40, days=60)
        await deployment.send(Router().messages(history.lines(1_500)))
        await deployment.drained()
        assert worker.stop() == 0
        assert worker.complaints == []

        found = await audit(deployment)
        assert found.outputs > 200
        assert (found.repeated, found.redelivered) == (0, 0)
        await _dump_and_backtest_by_command(deployment, tmp_path)


async def _dump_and_backtest_by_command(deployment: Deployment, folder: Path) -> None:
    dumped, out = folder / "partition-1.jsonl", folder / "backtest"
    assert deployment.run("dump", "1", "--out", str(dumped)).returncode == 0
    assert deployment.run("backtest", str(dumped), "--out", str(out)).returncode == 0
    for topic in ("tier-changes", "dormancy-alerts", "care-reminders", "profile-changes"):
        records = (await deployment.read(topic))[1]
        expected = b"".join(record.value + b"\n" for record in records)
        assert (out / f"{topic}.jsonl").read_bytes() == expected


@pytest.mark.slow
async def test_live_outputs_are_those_of_the_backtest_of_the_log_with_its_ticks(
    broker: Broker, tmp_path: Path
) -> None:
    policy = tomllib.loads((EXAMPLE / "policy.toml").read_text(encoding="utf-8"))
    generous = policy | {
        "version": "generous",
        "cutoffs": policy["cutoffs"] | {"frequency": [1] * 4},
    }
    live_from = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
    with Deployment(
        broker, tmp_path, policy=policy, mode="live", allowed_lateness="0s", live_from=live_from
    ) as deployment:
        await deployment.create_topics()
        history = History(Random(3), customers=40, days=60)

        # No tick in this worker's short life: events are all that moves time.
        before = await deployment.ready_worker(tick_interval="1m")
        await deployment.send(Router().messages(history.lines(600)))
        await deployment.drained()
        assert before.stop() == 0
        silent = [len(records) for records in await deployment.read("dormancy-alerts")]

        # The next one's first tick says that years have passed; then events meet the ticks, and
        # in the middle a new policy.
        worker = await deployment.ready_worker()
        restart_at(history, datetime.now(UTC) - timedelta(minutes=10))
        for turn in range(6):
            await deployment.send(Router().messages(history.lines(50)))
            await asyncio.sleep(0.25)
            if turn == 2:
                file = deployment.write_policy(generous)
                assert deployment.run("policy", "publish", "--quiet", str(file)).returncode == 0
        # A log that grows all the time is dumped to its end as it was at the start.
        assert deployment.run("dump", "0", "--out", str(tmp_path / "dump")).returncode == 0
        await deployment.drained()
        assert worker.stop() == 0
        assert before.complaints + worker.complaints == []

        found = await audit(deployment)
        assert (found.repeated, found.redelivered) == (0, 0)
        parts = zip(await deployment.read("dormancy-alerts"), silent, strict=True)
        fired = {data_of(r.value)["level"] for records, known in parts for r in records[known:]}
        assert {"at_risk", "dormant", "churned"} <= fired
        topics = [await deployment.read("tier-changes"), await deployment.read("dormancy-alerts")]
        changes = [data_of(r.value) for parts in topics for records in parts for r in records]
        assert {"grace_expired", "policy"} <= {change["reason"] for change in changes}
        by_policy = {c["suppressed"] for c in changes if c["reason"] == "policy"}
        assert by_policy == {"policy_rollout"}
        history_told = [c for c in changes if c["backfill"]]
        assert {c["suppressed"] for c in history_told} == {"backfill"}
        assert 0 < len(history_told) < len(changes)


def restart_at(history: History, at: datetime) -> None:
    """Let a history go on at another time, a second at a time."""
    history._now, history._step = at, timedelta(seconds=0.5)
