"""The process of the API: builds its parts, serves, and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from starlette.types import ASGIApp

from config.settings import Settings
from serving.api.app import create_app
from serving.api.auth import Access
from serving.api.dependencies import Services
from serving.api.health import ApiHealth, refresh_health
from serving.api.jobs import EraseJobs, ExplainJobs, PolicyJob, Ports
from serving.api.metrics import ApiMeter
from serving.api.rate_limit import RateLimiter
from serving.api.server import ApiServer, bind
from serving.api.sse.changes_consumer import ChangesConsumer, TopicIds, topic_ids
from serving.api.sse.manager import StreamManager
from serving.api.token_file import TokenFile
from serving.view.changes_reader import ChangesReader
from serving.view.figures_reader import FiguresReader
from serving.view.history import HistoryReader
from serving.view.keys import ViewKeys
from serving.view.reader import ViewReader
from serving.view.redis import connect_redis
from serving.view.same_person_reader import SamePersonReader
from serving.view.timeline_reader import TimelineReader
from streams.runtime.clock import wall_ms

_CALLERS_MAX = 20_000
_BURST_S = 2.0
_REDIS_CONNECTIONS_MAX = 64
_REDIS_ANSWER_TIMEOUT_S = 2.0

_log = structlog.get_logger(__name__)


class Front(Protocol):
    """Makes the application that is served of the API's own, and ends with the process."""

    def __call__(
        self, api: ASGIApp, *, is_open: bool
    ) -> contextlib.AbstractAsyncContextManager[ASGIApp]:
        """What is served; ``is_open`` tells that no tokens are set up."""
        ...


async def run_api(  # noqa: PLR0913 - what a process is made of
    settings: Settings,
    ports: Ports,
    *,
    meter: ApiMeter,
    health: ApiHealth,
    stop: asyncio.Event,
    listening: Callable[[int], None] = lambda _: None,
    identify: TopicIds = topic_ids,
    front: Front | None = None,
) -> None:
    """Serve until told to stop.

    Redis and Kafka need not be up: routes that need them answer 503 until they are.

    Args:
        settings: of the deployment.
        ports: what the rest of the program does for the API.
        meter: receives the metrics.
        health: receives the state.
        stop: when set, open requests get some seconds, and streams end.
        listening: called with the port.
        identify: asks for the ids of topics.
        front: what is served instead of the API alone, such as a console before it.

    Raises:
        ApiServerError: it cannot listen.
        TokenFileError: the token file cannot be used.
        SettingsError: a certificate or key file cannot be used.
    """
    tokens = None if settings.api_token_file is None else TokenFile(settings.api_token_file)
    access = Access(tokens, _rate_limiter(settings.api_rate_per_token), wall_ms)
    if access.is_open:
        _log.warning("no tokens are set up: anyone on this machine may read")
    redis = connect_redis(
        settings,
        connections_max=_REDIS_CONNECTIONS_MAX,
        answer_timeout_s=_REDIS_ANSWER_TIMEOUT_S,
    )
    services = make_services(
        settings, redis, access, ports, meter=meter, health=health, stop=stop, identify=identify
    )
    app = create_app(services, _rate_limiter(settings.api_rate_per_address), meter)
    async with contextlib.AsyncExitStack() as stack:
        if front is not None:
            app = await stack.enter_async_context(front(app, is_open=access.is_open))
        listener = stack.enter_context(bind(settings))
        server = ApiServer(app, settings, listener, websockets=front is not None)
        refresher = asyncio.create_task(
            refresh_health(redis, ViewKeys(settings.redis_key_prefix), access, health)
        )
        ending = asyncio.create_task(_not_ready_after(stop, health))
        health.serving = True
        listening(listener.getsockname()[1])
        try:
            await server.run_until(stop)
        finally:
            refresher.cancel()
            ending.cancel()
            await asyncio.gather(refresher, ending, return_exceptions=True)
            with contextlib.suppress(Exception):
                await redis.aclose()


def make_services(  # noqa: PLR0913 - what a process is made of
    settings: Settings,
    redis: Redis,
    access: Access,
    ports: Ports,
    *,
    meter: ApiMeter,
    health: ApiHealth,
    stop: asyncio.Event,
    identify: TopicIds = topic_ids,
) -> Services:
    """What the routes depend on; see `run_api`.

    Args:
        settings: of the deployment.
        redis: a client that returns bytes.
        access: who may ask for what.
        ports: what the rest of the program does for the API.
        meter: receives the metrics.
        health: receives the state.
        stop: when set, streams and explanations end.
        identify: asks for the ids of topics.
    """
    prefix = settings.redis_key_prefix
    return Services(
        access=access,
        view=ViewReader(redis, prefix),
        changes=ChangesReader(redis, prefix, settings.changes_kept.ms),
        figures=FiguresReader(redis, prefix),
        history=HistoryReader(redis, prefix),
        timelines=TimelineReader(redis, prefix),
        same_person=SamePersonReader(redis, prefix),
        streams=StreamManager(
            lambda: ChangesConsumer(settings, identify), settings.api_max_streams, meter, stop
        ),
        explain_jobs=ExplainJobs(ports.explain, settings.api_explain_timeout.seconds, stop),
        erase_jobs=EraseJobs(ports.erase),
        policy_job=PolicyJob(ports.policy, time.monotonic),
        health=health,
    )


async def _not_ready_after(stop: asyncio.Event, health: ApiHealth) -> None:
    await stop.wait()
    health.serving = False


def _rate_limiter(rate: int) -> RateLimiter:
    return RateLimiter(rate, rate * _BURST_S, _CALLERS_MAX, time.monotonic)
