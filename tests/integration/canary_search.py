"""Looks for traces of a person in all bytes that a deployment keeps of customers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import redis

from devtools.servers import Broker, RedisServer
from handlers.outputs import CUSTOMER_PROFILES
from streams.kafka.topics import changelog_name
from tests.harness.deployment import Deployment

Haystack = Mapping[str, bytes]
"""Bytes by where they are."""


def traces(canaries: Mapping[str, bytes], haystack: Haystack) -> set[tuple[str, str]]:
    """Which canary is where."""
    return {
        (name, place)
        for place, content in haystack.items()
        for name, canary in canaries.items()
        if canary in content
    }


async def kept_of_customers(deployment: Deployment, server: RedisServer) -> dict[str, bytes]:
    """All that is kept of customers, but for files of the brokers."""
    return {
        **in_redis(server),
        **await in_topics(deployment, compacted_topics(deployment)),
        **await in_states(deployment),
    }


def in_redis(server: RedisServer) -> dict[str, bytes]:
    """Every key and value, and the snapshot that Redis writes to its disk."""
    assert server.process is not None
    with redis.Redis.from_url(server.url) as client:
        client.config_set("rdbcompression", "no")  # else bytes are there that nobody finds
        client.save()
        folder, name = (client.config_get(what)[what] for what in ("dir", "dbfilename"))
        keys = list(client.scan_iter())
        values = [client.dump(key) or b"" for key in keys]
    snapshot = Path(folder, name).read_bytes()
    return {
        "keys of Redis": b"\n".join(keys),
        "values of Redis": b"\n".join(values),
        "snapshot of Redis": snapshot,
    }


async def in_topics(deployment: Deployment, names: Iterable[str]) -> dict[str, bytes]:
    """All records of topics, as a consumer reads them from the beginning."""
    found = {}
    for name in names:
        parts: list[bytes] = []
        for records in await deployment.read_full(name):
            for record in records:
                headers = [text for pair in record.headers for text in (pair[0].encode(), pair[1])]
                parts += [record.key or b"", record.value or b"", *headers]
        found[f"topic {name}"] = b"\n".join(parts)
    return found


async def in_states(deployment: Deployment) -> dict[str, bytes]:
    """The states that a worker would restore, packed."""
    found = {}
    for number in range(deployment.settings.partitions):
        store = (await deployment.state(number)).store
        for customer_id in store.ids():
            store.touch(customer_id)
        packed = store.pack_changed(epoch=1)
        found[f"states of partition {number}"] = b"\n".join(state for _, state in packed)
    return found


def in_files(deployment: Deployment, broker: Broker) -> dict[str, bytes]:
    """The log segments of the compacted topics on the disks of the brokers, deleted ones too."""
    names = compacted_topics(deployment)
    return {
        f"file {file.parent.name}/{file.name}": content
        for folder in broker._workspace.path.glob("data-*/*")
        if folder.name.rpartition("-")[0] in names
        for file in folder.glob("*.log*")
        if (content := _content(file)) is not None
    }


def in_memory(process_id: int) -> Iterator[tuple[str, bytes]]:
    """What a process has in its writable memory, region by region."""
    regions = Path(f"/proc/{process_id}/maps").read_text().splitlines()
    with Path(f"/proc/{process_id}/mem").open("rb", buffering=0) as memory:
        for line in regions:
            span, rights, *_ = line.split()
            first, last = (int(text, 16) for text in span.split("-"))
            if rights.startswith("rw") and "[v" not in line:
                memory.seek(first)
                yield f"memory at {span}", memory.read(last - first)


def compacted_topics(deployment: Deployment) -> tuple[str, str]:
    """The topics that keep the newest of each customer: states and profiles."""
    return changelog_name(deployment.settings), deployment.topic(CUSTOMER_PROFILES)


def _content(file: Path) -> bytes | None:
    """None if it was deleted meanwhile."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
