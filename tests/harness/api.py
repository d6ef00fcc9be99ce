"""The API in a task of the test, on a free port, over real servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer
from redis.asyncio import Redis

from config.settings import Settings
from scoring.policy import Policy
from serving.api.health import ApiHealth
from serving.api.jobs import KafkaUnavailable, Ports, Unexplained
from serving.api.metrics import ApiMetricsMeter
from serving.api.run import run_api
from serving.api.sse.changes_consumer import topic_ids
from serving.api.tokens import Token, digest_of, new_token
from serving.projector.sources import ProfilesSource
from serving.view.chunks import Chunk, cut_profiles
from serving.view.generations import RedisView
from serving.view.profile_record import read_profile
from serving.view.timeline_records import read_passed, told
from serving.view.timeline_writer import Timelines
from streams.runtime.metrics import Metrics
from tests.harness.view import WAIT_S, eventually
from tests.support.profiles import profile


@dataclass
class Rest:
    """The rest of the program, as far as a test wants it."""

    explanations: dict[str, bytes] = field(default_factory=dict)
    explain_s: float = 0.0
    erased: list[str] = field(default_factory=list)
    policy: Policy | None = None
    kafka_is_away: bool = False
    ids: dict[str, str] = field(default_factory=dict)
    """Incarnations of topics by full name; of others the brokers are asked."""

    def ports(self) -> Ports:
        return Ports(self.explain, self.erase, self.read_policy)

    async def explain(self, customer_id: str) -> bytes:
        await asyncio.sleep(self.explain_s)
        if self.kafka_is_away:
            raise KafkaUnavailable("no broker answers")
        if customer_id not in self.explanations:
            raise Unexplained("no event of this customer was accepted so far")
        return self.explanations[customer_id]

    async def read_policy(self) -> Policy | None:
        if self.kafka_is_away:
            raise KafkaUnavailable("no broker answers")
        return self.policy

    async def erase(self, customer_id: str) -> bytes:
        if self.kafka_is_away:
            raise KafkaUnavailable("no broker answers")
        self.erased.append(customer_id)
        return json.dumps({"customer_id": customer_id}).encode()

    async def identify(
        self, consumer: AIOKafkaConsumer, names: Collection[str]
    ) -> Mapping[str, str]:
        return dict(await topic_ids(consumer, names)) | self.ids


class Api:
    """A running API.

    Attributes:
        http: a client of it.
        rest: the rest of the program.
    """

    def __init__(self, settings: Settings, rest: Rest) -> None:
        self.rest = rest
        self.metrics = Metrics()
        self.health = ApiHealth(time.monotonic)
        self.stop = asyncio.Event()
        self.port = 0
        self.http: httpx.AsyncClient
        self.task = asyncio.create_task(
            run_api(
                settings,
                rest.ports(),
                meter=ApiMetricsMeter(self.metrics),
                health=self.health,
                stop=self.stop,
                listening=self._listens,
                identify=rest.identify,
            )
        )

    def value(self, name: str, **labels: str) -> float:
        """The value of a metric now, 0 if it has none."""
        return self.metrics.registry.get_sample_value(f"tierstream_{name}", labels) or 0.0

    def _listens(self, port: int) -> None:
        self.port = port


@asynccontextmanager
async def serving(
    settings: Settings, rest: Rest | None = None, token: str | None = None
) -> AsyncIterator[Api]:
    """An API that listens; ended in order."""
    api = Api(settings, rest or Rest())

    async def listens() -> bool:
        if api.task.done():
            api.task.result()
        return bool(api.port)

    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    api.http = httpx.AsyncClient(headers=headers, timeout=WAIT_S)
    try:
        await eventually(listens)
        api.http.base_url = httpx.URL(f"http://127.0.0.1:{api.port}")
        yield api
        api.stop.set()
        await asyncio.wait_for(api.task, WAIT_S)
    finally:
        await api.http.aclose()
        api.task.cancel()
        await asyncio.gather(api.task, return_exceptions=True)


class View:
    """The view, written by the projector's own code, without a projector.

    Args:
        redis: a client of it.
        settings: whose view.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._view = RedisView(redis, settings.redis_key_prefix)
        self._redis = redis
        self._settings = settings
        self._offset = 0

    async def put(self, *profiles: tuple[str, dict[str, Any] | None]) -> None:
        """Have these profiles in it, of customers by id; None takes a customer away."""
        generation = await self._view.open()
        if not self._offset:
            await generation.begin(0, 0, 0)
        records = [
            read_profile(
                name.encode(),
                None if changes is None else profile(name, **changes),
                offset,
                timestamp_ms=offset,
            )
            for offset, (name, changes) in enumerate(profiles, self._offset)
        ]
        after = self._offset + len(records)
        writer = ProfilesSource(self._settings, self._redis).writer(generation)
        await writer.apply(list(cut_profiles(0, self._offset, after, records)))
        self._offset = after

    async def tell(self, *outputs: tuple[str, bytes]) -> None:
        """Add outputs to the timelines of customers, written after all profiles so far."""
        generation = await self._view.open()
        timelines = Timelines(self._redis, generation, self._settings.timeline_entries)
        read = told(read_passed)
        records = tuple(
            read(name.encode(), value, offset, self._offset)
            for offset, (name, value) in enumerate(outputs)
        )
        await timelines.add([Chunk(0, 0, len(records), records)])


class TokenBook:
    """A token file that a test writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tokens: dict[str, Token] = {}
        path.write_text("")

    def add(self, name: str, *scopes: str, expires_ms: int | None = None) -> str:
        """Make a token; the token itself."""
        secret = new_token()
        self._tokens[name] = Token(name, digest_of(secret), frozenset(scopes), expires_ms)
        self._write()
        return secret

    def remove(self, name: str) -> None:
        """Take it away."""
        del self._tokens[name]
        self._write()

    def change(self, name: str, **changes: Any) -> None:
        """Change what is kept of it."""
        self._tokens[name] = replace(self._tokens[name], **changes)
        self._write()

    def _write(self) -> None:
        self.path.write_text("\n".join(token.toml() for token in self._tokens.values()))
