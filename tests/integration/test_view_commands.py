"""`tierstream projector` and `tierstream rebuild-view` as operators start them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date

import aiohttp
import pytest

from config.settings import Settings
from devtools.servers import Broker, RedisServer, start_redis
from devtools.servers.ports import free_ports
from handlers.outputs import TIER_CHANGES
from serving.view.changes_reader import ChangesReader
from tests.harness.environment import CLI, bare_environment
from tests.harness.view import (
    create_topic,
    eventually,
    publish,
    reader_of,
    redis_of,
    settings_for,
)
from tests.support.changes import tier_changed
from tests.support.profiles import profile

WAIT_S = 40.0


@pytest.fixture
async def settings(
    embedded_broker: Broker, redis_server: RedisServer, topic_prefix: str
) -> Settings:
    settings = settings_for(embedded_broker, redis_server.url, topic_prefix)
    await create_topic(settings)
    return settings


@asynccontextmanager
async def started(
    words: Sequence[str], variables: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(*CLI, *words),
        env=variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def outcome(words: Sequence[str], variables: dict[str, str]) -> tuple[int | None, str]:
    """Exit code and standard error of a command."""
    async with started(words, variables) as process:
        _, errors = await asyncio.wait_for(process.communicate(), WAIT_S)
        return process.returncode, errors.decode()


@pytest.mark.slow
async def test_projector_serves_probes_and_metrics_and_ends_in_order(settings: Settings) -> None:
    await publish(settings, [("ana", profile("ana"))])
    (port,) = free_ports()
    url = f"http://127.0.0.1:{port}"
    variables = bare_environment(settings, TIERSTREAM_HTTP_PORT=str(port), TIERSTREAM_MODEE="live")
    async with started(["projector"], variables) as process, aiohttp.ClientSession() as client:

        async def is_ready() -> bool:
            assert process.returncode is None
            try:
                async with client.get(f"{url}/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await eventually(is_ready, WAIT_S)
        async with redis_of(settings) as redis:
            reader = reader_of(redis, settings)

            async def is_there() -> bool:
                return await reader.customer("ana") is not None

            await eventually(is_there)
        async with client.get(f"{url}/metrics") as response:
            served = await response.text()
        assert 'tierstream_view_records_total{outcome="applied"} 1.0' in served
        assert 'mode="projector"' in served
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 0
        assert '"meant": "TIERSTREAM_MODE"' in errors.decode()
        assert '"message": "projector ends"' in errors.decode()


@pytest.mark.slow
async def test_counts_are_exact_through_kills_and_projectors_that_believe_to_be_alone(
    settings: Settings,
) -> None:
    customers = [f"c{number}" for number in range(3_000)]
    records = [(name, tier_changed(name, 1)) for name in customers]
    await publish(settings, records, TIER_CHANGES)
    async with redis_of(settings) as redis:
        reader = ChangesReader(redis, settings.redis_key_prefix, settings.changes_kept.ms)
        first_day = date(1970, 1, 1)

        async def counted() -> int:
            moves = (await reader.migration(first_day, first_day)).counts
            return sum(count for _, count in moves)

        # Each of a group of its own, so that all have all partitions, as after a split.
        groups = [bare_environment(settings, TIERSTREAM_APP_ID=f"own{n}") for n in range(3)]
        ports = [{"TIERSTREAM_HTTP_PORT": str(port)} for port in free_ports(3)]
        async with AsyncExitStack() as stack:
            first, *others = [
                await stack.enter_async_context(started(["projector"], group | port))
                for group, port in zip(groups, ports, strict=True)
            ]

            async def has_begun() -> bool:
                assert first.returncode is None
                return await counted() > 0

            await eventually(has_begun, WAIT_S)
            first.kill()
            again = [(name, tier_changed(name, 2)) for name in customers]
            await publish(settings, [*records[-500:], *again], TIER_CHANGES)

            async def is_complete() -> bool:
                assert [other.returncode for other in others] == [None, None]
                return await counted() >= 6_000

            await eventually(is_complete, WAIT_S)
            others[0].kill()
            await publish(settings, [("ana", tier_changed("ana", 1))], TIER_CHANGES)

            async def goes_on() -> bool:
                return await counted() >= 6_001

            await eventually(goes_on, WAIT_S)
        assert await counted() == 6_001


async def test_rebuild_view_says_what_it_did(settings: Settings) -> None:
    await publish(settings, [(name, profile(name)) for name in ("ana", "ben", "cai")])
    await publish(settings, [("ana", tier_changed("ana", 1))], TIER_CHANGES)
    code, errors = await outcome(["rebuild-view"], bare_environment(settings))
    assert code == 0
    assert "The view is new: 3 profiles and 1 changes in generation 1" in errors


@pytest.mark.parametrize("command", ["projector", "rebuild-view"])
async def test_wrong_password_is_one_sentence_and_an_exit_code(
    embedded_broker: Broker, topic_prefix: str, command: str
) -> None:
    with start_redis(password="right") as server:
        url = server.url.replace("right", "wr0ng")
        settings = settings_for(embedded_broker, url, topic_prefix, allow_insecure_credentials=True)
        code, errors = await outcome([command], bare_environment(settings))
    assert code == 1
    assert "wr0ng" not in errors
    assert "Traceback" not in errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("tierstream: Redis at 127.0.0.1:")
    assert "refuses the user or the password; check REDIS_URL" in last


@pytest.mark.slow
async def test_port_that_is_taken_is_one_sentence_and_an_exit_code(settings: Settings) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        variables = bare_environment(settings, TIERSTREAM_HTTP_PORT=str(port))
        code, errors = await outcome(["projector"], variables)
    assert code == 1
    assert f"tierstream: cannot listen on 127.0.0.1:{port} (TIERSTREAM_HTTP_HOST" in errors


@pytest.mark.slow
async def test_credentials_without_tls_are_one_sentence_and_an_exit_code(
    settings: Settings,
) -> None:
    variables = bare_environment(settings, TIERSTREAM_REDIS_PASSWORD="wr0ng")
    code, errors = await outcome(["projector"], variables)
    assert code == 1
    assert errors.startswith("tierstream: REDIS_URL with credentials would send the Redis password")
    assert len(errors.strip().splitlines()) == 1
