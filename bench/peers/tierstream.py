"""A run of Tierstream: one worker, as an operator starts it, in replay mode.

The worker does more than the job: it checks every event, knows duplicates, keeps a canonical log,
writes a profile of each customer, and lets time alone change a tier. Its figures are those of the
profiles.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid

from bench.peers.checks import Told, check
from bench.peers.data_set import RULES
from bench.peers.meter import Meter, Spent
from bench.peers.outcome import Outcome
from bench.peers.results import TIERSTREAM
from bench.peers.rules.rfm import Figures, Rules, minor_of
from bench.peers.run import DONE_AT_MOST_S, INPUTS, Ground, Written
from bench.processes import cpu_seconds
from bench.topics import delete_topics, ends_of, values_of
from bench.whole import PARTITIONS, until_committed
from bench.workers import Workers
from config.policy_file import check_policy
from handlers.outputs import CUSTOMER_PROFILES, TIER_CHANGES
from scoring.policy import Policy
from scoring.timestamps import parse_rfc3339
from streams.kafka.topics import CUSTOMER_EVENTS, all_topics, create_topics, topic_name
from streams.policy_log import ensure_policy

_POLL_S = 0.05


def policy_of(rules: Rules) -> Policy:
    """The policy that says the same as the job: tiers follow the score at once."""
    tiers = [{"name": name, "min_score": least} for name, least in rules.tiers[:-1]]
    monetary = [f"{minor // 100}.{minor % 100:02d}" for minor in rules.monetary_minor]
    return check_policy(
        {
            "version": "side-by-side",
            "window_days": rules.window_days,
            "cutoffs": {
                "recency_days": list(rules.recency_days),
                "frequency": list(rules.frequency),
                "monetary": monetary,
            },
            "tiers": [*tiers, {"name": rules.tiers[-1][0]}],
            "movement": {"grace_days": 0, "soft_landing": False},
        }
    )


class TierstreamRun:
    """One run.

    Args:
        ground: with the broker.
        data: what it reads.
        number: of the run, for fresh names.
    """

    def __init__(self, ground: Ground, data: Written, number: int) -> None:
        self._ground, self._data = ground, data
        self._settings = ground.settings(data.prefix, f"peers-{TIERSTREAM}-{number}")
        self._folder = ground.folder / f"{self._settings.app_id}-{uuid.uuid4().hex[:8]}"
        self._inputs = [topic_name(self._settings, name) for name in (*INPUTS, "profiles")]

    def measure(self) -> Outcome:
        """Run to the end and check the figures."""
        return self._measure(early_kill=False)

    def check_with_kill(self) -> Outcome:
        """Kill the worker in the middle, start another, and check the figures at the end."""
        return self._measure(early_kill=True)

    def _measure(self, *, early_kill: bool) -> Outcome:
        load = os.getloadavg()[0]
        self._folder.mkdir()
        try:
            asyncio.run(self._prepare())
            if early_kill:
                self._run_and_kill()
            with self._start() as workers:
                spent = self._run_to_end(workers)
            return asyncio.run(self._outcome(spent, load))
        finally:
            asyncio.run(self._clean())

    async def _prepare(self) -> None:
        await create_topics(self._settings)
        await ensure_policy(self._settings, policy_of(RULES))

    async def _clean(self) -> None:
        own = [topic.name for topic in all_topics(self._settings) if not topic.is_input]
        await delete_topics(self._settings, own, self._settings.app_id)

    def _start(self) -> Workers:
        settings = self._settings
        environment = {
            "TIERSTREAM_APP_ID": settings.app_id,
            "TIERSTREAM_TOPIC_PREFIX": settings.topic_prefix,
            "TIERSTREAM_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
            "TIERSTREAM_PARTITIONS": str(PARTITIONS),
            "TIERSTREAM_MODE": settings.mode,
            "TIERSTREAM_LOG_FORMAT": "console",
            "TIERSTREAM_SESSION_TIMEOUT": "10s",
        }
        return Workers(1, environment, self._folder)

    def _run_to_end(self, workers: Workers) -> Spent:
        [pid] = workers.pids
        workers.wait_until_ready()  # it has its partitions and has restored them: now it reads
        meter = Meter(self._ground.broker_pids, lambda: cpu_seconds(pid))
        tell = self._ground.tell
        asyncio.run(
            until_committed(self._settings, self._inputs, workers.check, DONE_AT_MOST_S, tell)
        )
        return meter.stop()

    def _run_and_kill(self) -> None:
        """Kill it when the canonical log has half of the events."""
        least = self._data.data_set.events // 2
        with self._start() as workers:
            workers.wait_until_ready()
            while asyncio.run(self._logged()) < least:
                workers.check()
                time.sleep(_POLL_S)
            os.kill(workers.pids[0], signal.SIGKILL)
        self._ground.tell(f"  killed after {least:,} events of the log")

    async def _logged(self) -> int:
        topic = topic_name(self._settings, CUSTOMER_EVENTS)
        return sum((await ends_of(self._settings, [topic])).values())

    async def _outcome(self, spent: Spent, load: float) -> Outcome:
        told = {}
        profiles = topic_name(self._settings, CUSTOMER_PROFILES)
        async for key, value in values_of(self._settings, profiles):
            if value is not None:
                told[key.decode()] = told_by_profile(value)
        count, newest = 0, {}
        async for _, value in values_of(self._settings, self._changes):
            change = json.loads(value or b"{}")["data"]
            newest[change["customer_id"]] = change["tier"]
            count += 1
        found = check(self._data.reference, RULES, told, newest)
        return Outcome(spent, load, count, found)

    @property
    def _changes(self) -> str:
        return topic_name(self._settings, TIER_CHANGES)


def told_by_profile(value: bytes) -> Told:
    """The figures of a record on `customer-profiles`, as of its own instant."""
    data = json.loads(value)["data"]
    figures = Figures(
        data["recency_days"], data["frequency"], minor_of(data["monetary"]), data["tier"]
    )
    return Told(figures, parse_rfc3339(data["as_of"]))
