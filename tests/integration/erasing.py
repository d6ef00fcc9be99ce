"""A deployment in which people are erased, under a policy that declares all that can be."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from devtools.servers import Broker, RedisServer
from scoring.timestamps import rfc3339
from tests.builders import order
from tests.harness.deployment import Deployment, Message
from tests.harness.environment import CLI, ROOT
from tests.harness.view import eventually, reader_of, redis_of
from tests.integration.canaries import Person

PROJECTOR = (*CLI, "projector")
_POLICY = ROOT / "examples" / "profile_policy.toml"


def erasing(broker: Broker, redis: RedisServer, folder: Path, **settings: Any) -> Deployment:
    """With one partition, so that everybody's records stand together."""
    values: dict[str, Any] = {"partitions": 1, "redis_url": redis.url}
    values["redis_key_prefix"] = f"{{{folder.name}}}:"
    policy = tomllib.loads(_POLICY.read_text("utf-8"))
    return Deployment(broker, folder, policy=policy, **values, **settings)


async def live(deployment: Deployment, people: Iterable[Person]) -> None:
    """Tell people's lives, and somebody else's; return when all are in Redis."""
    people = list(people)
    await deployment.send([message for person in people for message in person.life()])
    await deployment.drained()
    at = rfc3339(time.time_ns() // 1_000_000)
    bens = Message("orders", order("B1", "20", at, "ben"))
    await deployment.send([*(person.redemption() for person in people), bens])
    await deployment.drained()
    async with redis_of(deployment.settings) as redis:
        reader = reader_of(redis, deployment.settings)

        async def are_seen() -> bool:
            found = [await reader.customer(name) for name in names]
            return all(found)

        names = [*(person.customer_id for person in people), "ben"]
        await eventually(are_seen)
