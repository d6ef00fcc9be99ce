"""Logins and encryption against servers that insist on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis

from config.settings import Settings
from devtools.servers import Broker, BrokerUnavailable, RedisServer, start_redis
from handlers.outputs import DORMANCY_ALERTS, TIER_CHANGES
from serving.projector.rebuild import rebuild_view
from serving.projector.run import run_projector
from serving.view.changes_reader import ChangesReader
from serving.view.redis import ViewError, connect_redis
from streams.kafka.security import aiokafka_security
from tests.harness.kafka import skip_without_java
from tests.harness.view import (
    create_topic,
    eventually,
    projecting,
    publish,
    reader_of,
    redis_of,
    settings_for,
)
from tests.integration.certificates import KEY_PASSWORD, Certificates, make_certificates
from tests.integration.secure_kafka import PASSWORD, USER, SecureKafka, secure_kafka
from tests.integration.tls_front import tls_front
from tests.support.changes import DAY_MS, level_changed, tier_changed
from tests.support.profiles import profile

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def documented_rights(prefix: str) -> list[str]:
    """What operators are told to grant in Redis, for a view with another key prefix."""
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("ACL SETUSER"))
    return line.split(">PASSWORD ")[1].replace("~{tierstream}:*", f"~{prefix}*").split()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    return make_certificates(folder)


@pytest.fixture(scope="session")
def kafka(certificates: Certificates) -> Iterator[SecureKafka]:
    try:
        with secure_kafka(certificates) as running:
            yield running
    except BrokerUnavailable as reason:
        skip_without_java(reason)


@pytest.fixture
async def redis_with_password(topic_prefix: str) -> AsyncIterator[RedisServer]:
    with start_redis(password="opens-redis") as server:
        yield server


def settings_from(**values: Any) -> Settings:
    """Settings from texts, as the environment gives them."""
    return Settings(**values)


def redis_port(server: RedisServer) -> int:
    assert server.process is not None
    return server.process.port


async def make_user(redis: Redis, name: str, *rights: str) -> None:
    send: Any = redis.execute_command
    await send("ACL", "SETUSER", name, "on", ">opens-redis", *rights)


async def works(settings: Settings) -> None:
    """Carry a profile and its changes into the view, and take another customer away."""
    await create_topic(settings)
    await publish(settings, [("ana", profile("ana", level="dormant")), ("ben", None)])
    changes = [tier_changed("ana", 1), tier_changed("ana", 3, at_ms=1_000 * DAY_MS)]
    await publish(settings, [("ana", change) for change in changes], TIER_CHANGES)
    await publish(settings, [("ana", level_changed("ana", 2))], DORMANCY_ALERTS)
    async with redis_of(settings) as redis, projecting(settings):
        reader = reader_of(redis, settings)
        past = ChangesReader(redis, settings.redis_key_prefix, settings.changes_kept.ms)

        async def is_there() -> bool:
            moved = await past.migration(date(1972, 9, 27), date(1972, 9, 27))
            reached = await past.reached("dormant", 0, 1)
            return bool(moved.counts and reached.customers) and bool(await reader.customer("ana"))

        await eventually(is_there)


@pytest.mark.slow
async def test_view_over_tls_with_a_password(
    embedded_broker: Broker,
    redis_with_password: RedisServer,
    certificates: Certificates,
    topic_prefix: str,
) -> None:
    async with tls_front(certificates, redis_port(redis_with_password)) as port:
        await works(
            settings_for(
                embedded_broker,
                f"rediss://127.0.0.1:{port}/0",
                topic_prefix,
                redis_password="opens-redis",
                redis_ssl_cafile=certificates.authority,
            )
        )


async def test_view_over_tls_with_a_certificate_of_our_own(
    embedded_broker: Broker,
    redis_server: RedisServer,
    certificates: Certificates,
    topic_prefix: str,
) -> None:
    async with tls_front(certificates, redis_port(redis_server), asks_for_client=True) as port:
        url = f"rediss://localhost:{port}/0"
        trusted = {"redis_ssl_cafile": certificates.authority, "startup_timeout": "1s"}
        without = settings_for(embedded_broker, url, topic_prefix, **trusted)
        with pytest.raises(ViewError, match="does not answer"):
            await asyncio.wait_for(run_projector(without), 20)
        await works(
            settings_for(
                embedded_broker,
                url,
                topic_prefix,
                redis_ssl_cafile=certificates.authority,
                redis_ssl_certfile=certificates.client,
                redis_ssl_keyfile=certificates.client_key,
                redis_ssl_keyfile_password=KEY_PASSWORD,
            )
        )


async def test_redis_with_a_certificate_of_an_unknown_authority_gets_no_password(
    embedded_broker: Broker,
    redis_with_password: RedisServer,
    certificates: Certificates,
    topic_prefix: str,
) -> None:
    async with tls_front(certificates, redis_port(redis_with_password)) as port:
        settings = settings_for(
            embedded_broker,
            f"rediss://:opens-redis@127.0.0.1:{port}/0",
            topic_prefix,
            redis_ssl_cafile=certificates.stranger,
            startup_timeout="1s",
        )
        with pytest.raises(ViewError, match="CERTIFICATE_VERIFY_FAILED"):
            await asyncio.wait_for(run_projector(settings), 20)


@pytest.mark.slow
async def test_redis_user_with_no_more_than_the_documented_rights(
    embedded_broker: Broker, topic_prefix: str
) -> None:
    with start_redis(own=True) as server:
        plain = settings_for(embedded_broker, server.url, topic_prefix)
        async with redis_of(plain) as redis:
            rights = documented_rights(plain.redis_key_prefix)
            await make_user(redis, "view", *rights)
            await make_user(redis, "other", "~other:*")
        login: dict[str, Any] = {
            "redis_username": "view",
            "redis_password": "opens-redis",
            "allow_insecure_credentials": True,
        }
        settings = settings_for(embedded_broker, server.url, topic_prefix, **login)
        await works(settings)
        assert (await rebuild_view(settings)).profiles == 1
        other = settings.model_copy(update={"redis_username": "other"})
        with pytest.raises(ViewError, match="does not let this user do what the view needs"):
            await asyncio.wait_for(run_projector(other), 20)


async def topics_of(settings: Settings) -> list[str]:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=settings.kafka_bootstrap_servers, **aiokafka_security(settings)
    )
    await admin.start()
    try:
        topics: list[str] = await admin.list_topics()
        return topics
    finally:
        await admin.close()


@pytest.mark.kafka
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_kafka_login_over_tls(
    kafka: SecureKafka, certificates: Certificates, mechanism: str
) -> None:
    settings = settings_from(
        kafka_bootstrap_servers=kafka.sasl_ssl,
        security_protocol="SASL_SSL",
        sasl_mechanism=mechanism,
        sasl_username=USER,
        sasl_password=PASSWORD,
        ssl_cafile=certificates.authority,
    )
    assert isinstance(await topics_of(settings), list)


@pytest.mark.kafka
async def test_kafka_login_with_a_certificate(
    kafka: SecureKafka, certificates: Certificates
) -> None:
    settings = settings_from(
        kafka_bootstrap_servers=kafka.ssl,
        security_protocol="SSL",
        ssl_cafile=certificates.authority,
        ssl_certfile=certificates.client,
        ssl_keyfile=certificates.client_key,
        ssl_keyfile_password=KEY_PASSWORD,
    )
    assert isinstance(await topics_of(settings), list)


@pytest.mark.kafka
async def test_kafka_login_without_tls_where_that_was_asked_for(kafka: SecureKafka) -> None:
    settings = settings_from(
        kafka_bootstrap_servers=kafka.sasl_plaintext,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username=USER,
        sasl_password=PASSWORD,
        allow_insecure_credentials=True,
    )
    assert isinstance(await topics_of(settings), list)


@pytest.mark.kafka
@pytest.mark.parametrize("wrong", ["password", "authority"])
async def test_kafka_that_refuses_us_or_that_we_do_not_trust_is_said_in_one_sentence(
    kafka: SecureKafka, redis_server: RedisServer, certificates: Certificates, wrong: str
) -> None:
    settings = settings_from(
        kafka_bootstrap_servers=kafka.sasl_ssl,
        security_protocol="SASL_SSL",
        sasl_username=USER,
        sasl_password="wr0ng" if wrong == "password" else PASSWORD,
        ssl_cafile=certificates.stranger if wrong == "authority" else certificates.authority,
        redis_url=redis_server.url,
        redis_key_prefix="no-kafka:",
        startup_timeout="1s",
    )
    with pytest.raises(ViewError, match=r"does not answer, or refuses the login \(SASL_SSL\)"):
        await asyncio.wait_for(run_projector(settings), 20)
    async with redis_of(settings) as redis:
        await redis.delete("no-kafka:current", "no-kafka:last")


def test_redis_client_reads_its_files_at_once(certificates: Certificates) -> None:
    settings = settings_from(
        redis_url="rediss://127.0.0.1:1/0",
        redis_ssl_certfile=certificates.client,
        redis_ssl_keyfile=certificates.client_key,
        redis_ssl_keyfile_password="wr0ng",
    )
    with pytest.raises(ValueError, match=r"TIERSTREAM_REDIS_SSL_CERTFILE=.* password is wrong"):
        connect_redis(settings)
