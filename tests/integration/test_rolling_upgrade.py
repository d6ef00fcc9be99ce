"""A fleet goes to another release and back under load, and no field of a state is lost."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest
from msgspec import msgpack

from devtools.servers import Broker
from handlers.state.formats import FIRST, NEWEST, format_of
from streams.kafka.headers import META_KEY
from streams.kafka.topics import all_topics, changelog_name
from tests.formats.deployment import SETTINGS, bring, load, policy
from tests.harness.apps.next_release import NEXT
from tests.harness.deployment import Deployment
from tests.harness.flow import Flow
from tests.harness.running_worker import RunningWorker
from tests.integration.audit import audit

RECORDS = Path(__file__).parents[1] / "formats" / f"{FIRST}.records.gz"
NEXT_RELEASE = (sys.executable, "-m", "tests.harness.apps.next_release", "worker")
WITHIN_S = 60.0


@pytest.mark.slow
@pytest.mark.kafka
async def test_a_fleet_goes_to_the_next_release_and_back_and_then_to_its_format(
    kafka_broker: Broker, tmp_path: Path
) -> None:
    """It begins with what a release before formats left."""
    with Deployment(kafka_broker, tmp_path, policy=policy(), **SETTINGS) as deployment:
        await deployment.create_topics()
        await bring(deployment, load(RECORDS))

        ours, theirs = deployment.start_worker(), deployment.start_worker(NEXT_RELEASE)
        await _share(ours, theirs)
        async with Flow(deployment, seed=5) as flow:
            assert ours.stop() == 0
            await theirs.owns(2)
            await asyncio.sleep(0.3)
            back = deployment.start_worker()
            await _share(back, theirs)
            assert theirs.stop() == 0
            await back.owns(2)
        await deployment.drained()
        found = await audit(deployment)
        assert flow.sent > 100
        assert (found.repeated, found.redelivered) == (0, 0)
        assert await _formats(deployment) == {FIRST}, "so the release of the records could go on"

        # Now the next format is wanted. It waits for the last worker that does not read it.
        theirs = deployment.start_worker(NEXT_RELEASE, state_format=NEXT)
        async with Flow(deployment, seed=6):
            await _share(back, theirs)
            await asyncio.sleep(0.3)
            assert await _formats(deployment) == {FIRST}
            assert back.stop() == 0
            await _counted(deployment)
        await deployment.drained()
        assert theirs.stop() == 0

        # Nobody of this release goes on from there, and nothing is written.
        before = await _ends(deployment)
        late = deployment.start_worker()
        assert await asyncio.to_thread(late.exit_code, WITHIN_S) == 1
        sentence = f"has format {NEXT}, and this release reads formats up to {NEWEST}"
        assert sentence in late.log
        assert await _ends(deployment) == before


async def _share(*workers: RunningWorker) -> None:
    """Wait until each of two workers has a partition."""
    for worker in workers:
        await worker.ready()
    for worker in workers:
        await worker.owns(1)


async def _states(deployment: Deployment) -> list[tuple[bytes, bytes]]:
    """The newest record of each key in the changelog."""
    read = await deployment.read_full(changelog_name(deployment.settings))
    newest = {(n, each.key): each.value for n, part in enumerate(read) for each in part}
    return [(key, value) for (_, key), value in newest.items()]


async def _formats(deployment: Deployment) -> set[int]:
    return {format_of(value) for _, value in await _states(deployment)}


async def _counted(deployment: Deployment) -> None:
    """Wait until both partitions have the next format, and states what only that keeps."""
    deadline_s = time.monotonic() + WITHIN_S
    while True:
        states = await _states(deployment)
        partitions = {format_of(value) for key, value in states if key == META_KEY}
        counts = [
            msgpack.decode(value[1:])[-1]
            for key, value in states
            if key != META_KEY and format_of(value) == NEXT
        ]
        if partitions == {NEXT} and any(counts):
            return
        assert time.monotonic() < deadline_s, f"{partitions} {counts}\n{deployment.logs}"
        await asyncio.sleep(0.1)


async def _ends(deployment: Deployment) -> dict[str, int]:
    """How many records each topic has."""
    names = [topic.name for topic in all_topics(deployment.settings)]
    return {name: sum(map(len, await deployment.read_full(name))) for name in names}
