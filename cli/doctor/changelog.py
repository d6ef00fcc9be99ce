"""Checks that the changelog can be restored, and names the record that stands in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from cli.doctor import Finding
from config.settings import Settings
from handlers.state.formats import NewerFormat
from streams.changelog_scan import ChangelogScan, Obstacle, scan_changelog
from streams.kafka.clients import new_consumer
from streams.kafka.topics import changelog_name

_DEADLINE_S = 20.0


async def changelog_findings(settings: Settings, counts: Mapping[str, int]) -> Sequence[Finding]:
    """One finding for each partition that something is wrong with, or one for all.

    Args:
        settings: of the deployment.
        counts: partitions by topic; the changelog is there.
    """
    name = changelog_name(settings)
    wrong: list[Finding] = []
    read = 0
    consumer = new_consumer(settings)
    await consumer.start()
    try:
        async with asyncio.timeout(_DEADLINE_S):
            for number in range(counts[name]):
                scan = await scan_changelog(consumer, TopicPartition(name, number))
                wrong += _findings(scan, number)
                read += 1
    except NewerFormat as error:
        return [*wrong, Finding(str(error), "run the newer release, also for this command")]
    except TimeoutError:
        of = f"{read} of {counts[name]} partitions were read within {_DEADLINE_S:g} s"
        return [*wrong, Finding(f"{name}: {of}, the rest is not checked")]
    except KafkaError as error:
        why = str(error) or type(error).__name__
        return [*wrong, Finding(f"{name} could not be read ({why})", "look at the brokers")]
    finally:
        await consumer.stop()
    return wrong or [Finding(f"{name}: every state can be restored")]


def _findings(scan: ChangelogScan, number: int) -> Iterator[Finding]:
    in_the_way = list(scan.in_the_way)
    if in_the_way:
        yield Finding(
            f"{_told(in_the_way)}: no worker can restore it",
            "find out who writes there, stop all workers, and run "
            f"'tierstream rebuild-state --partition {number}'",
        )
    foreign = [one for one in scan.obstacles.values() if one.is_foreign]
    if foreign:
        yield Finding(
            f"{_told(foreign)}: not ours, and passed over",
            "find out who writes there; with all workers stopped, "
            f"'tierstream rebuild-state --partition {number}' supersedes it",
        )


def _told(obstacles: list[Obstacle]) -> str:
    first, *others = obstacles
    more = f", and {len(others):,} more" if others else ""
    return f"{first.place} ({first.why}){more}"
