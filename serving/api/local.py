"""The API's application in this process, without a socket: for what must have the same figures."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from config.settings import Settings
from serving.api.app import create_app
from serving.api.auth import Access
from serving.api.health import ApiHealth
from serving.api.jobs import Ports
from serving.api.metrics import ApiMeter
from serving.api.rate_limit import RateLimiter
from serving.api.run import make_services
from serving.view.redis import connect_redis
from streams.runtime.clock import wall_ms

_ANSWER_TIMEOUT_S = 60.0


@asynccontextmanager
async def local_api(settings: Settings, ports: Ports) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application that may read everything, also attributes, without a limit.

    Args:
        settings: of the deployment.
        ports: what the rest of the program does for the API.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    redis = connect_redis(settings)
    meter = ApiMeter()
    unlimited = RateLimiter(0, 0, 1, time.monotonic)
    services = make_services(
        settings,
        redis,
        Access(None, unlimited, wall_ms),
        ports,
        meter=meter,
        health=ApiHealth(time.monotonic),
        stop=asyncio.Event(),
    )
    transport = httpx.ASGITransport(create_app(services, unlimited, meter))
    try:
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", timeout=_ANSWER_TIMEOUT_S
        ) as client:
            yield client
    finally:
        with contextlib.suppress(Exception):
            await redis.aclose()
