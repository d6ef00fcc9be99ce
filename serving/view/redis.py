"""The Redis client, which of its errors are outages, and retrying during one."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from pydantic import SecretStr
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - the name that the library gives it
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError,  # noqa: A004 - as above
)
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from config.settings import Settings
from streams.kafka.security import tls_context


class ViewError(RuntimeError):
    """The view cannot be written or read; the message is one sentence for an operator."""


_CONNECT_TIMEOUT_S = 3.0
_ANSWER_TIMEOUT_S = 10.0
_CONNECTIONS_MAX = 8

_PASSING_ERRORS = (
    ClusterDownError,
    ConnectionError,
    MovedError,  # by the replica or the former owner of a slot, until that is the primary again
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
)

# Refusals that pass, as Redis words them; inside of a script they come wrapped in another error.
_PASSING = re.compile(
    r"(?:^|[\s-])(?:BUSY|CLUSTERDOWN|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|OOM|READONLY|TRYAGAIN)\b"
)


def connect_redis(
    settings: Settings,
    *,
    connections_max: int = _CONNECTIONS_MAX,
    answer_timeout_s: float = _ANSWER_TIMEOUT_S,
) -> Redis:
    """A client for the Redis of the settings; it connects when it is first used.

    It does not retry by itself: only its caller knows how long waiting makes sense.

    Args:
        settings: of the deployment.
        connections_max: connections at a time; a caller who needs one more waits.
        answer_timeout_s: how long to wait for an answer, or for a connection.

    Raises:
        SettingsError: a certificate or key file cannot be used.
    """
    options: dict[str, Any] = {
        "username": settings.redis_username,
        "password": _plain(settings.redis_password),
        "socket_connect_timeout": min(_CONNECT_TIMEOUT_S, answer_timeout_s),
        "socket_timeout": answer_timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": connections_max,
        "timeout": answer_timeout_s,
        "protocol": 2,
    }
    if settings.redis_address.scheme == "rediss":
        options |= _tls_options(settings)
    return Redis.from_pool(BlockingConnectionPool.from_url(settings.redis_url, **options))


def is_outage(error: BaseException) -> bool:
    """Whether to retry later: Redis does not answer, is starting, full, or not the primary."""
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return False
    if isinstance(error, _PASSING_ERRORS):
        return True
    return isinstance(error, RedisError) and bool(_PASSING.search(str(error)))


def explained(error: RedisError, settings: Settings) -> ViewError:
    """The error as a sentence with the address and what to check, without credentials."""
    redis = f"Redis at {settings.redis_address.place}"
    if isinstance(error, AuthenticationError):
        return ViewError(
            f"{redis} refuses the user or the password; check REDIS_URL, "
            "TIERSTREAM_REDIS_USERNAME and TIERSTREAM_REDIS_PASSWORD"
        )
    if isinstance(error, NoPermissionError | AuthorizationError):
        return ViewError(f"{redis} does not let this user do what the view needs: {error}")
    if isinstance(error, MovedError):
        return ViewError(
            f"{redis} is a node of a cluster whose slot {error.slot_id}, which the view needs, is "
            f"at {error.host}:{error.port}; name that primary in REDIS_URL"
        )
    if is_outage(error):
        return ViewError(f"{redis} does not answer: {error}")
    return ViewError(f"{redis} refuses what the view asks: {error}")


def _tls_options(settings: Settings) -> dict[str, Any]:
    # Loading the files once here finds what is wrong with them, and says so in our words.
    tls_context(
        "TIERSTREAM_REDIS_SSL",
        settings.redis_ssl_cafile,
        settings.redis_ssl_certfile,
        settings.redis_ssl_keyfile,
        settings.redis_ssl_keyfile_password,
    )
    files = {
        "ssl_ca_certs": settings.redis_ssl_cafile,
        "ssl_certfile": settings.redis_ssl_certfile,
        "ssl_keyfile": settings.redis_ssl_keyfile,
    }
    options: dict[str, Any] = {name: str(path) for name, path in files.items() if path is not None}
    # With None, OpenSSL would ask for the password of an encrypted key on the terminal.
    options["ssl_password"] = _plain(settings.redis_ssl_keyfile_password) or ""
    options["ssl_min_version"] = ssl.TLSVersion.TLSv1_2
    return options


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


T = TypeVar("T")

_WAIT_FIRST_S = 0.2
_WAIT_MAX_S = 5.0

_log = structlog.get_logger(__name__)


async def retry_outages(
    attempt: Callable[[], Awaitable[T]],
    *,
    stop: Callable[[RetryCallState], bool],
    sleep: Callable[[float], Awaitable[None]],
    on_outage: Callable[[], None],
) -> T:
    """Repeat ``attempt`` while Redis is in an outage, with pauses that grow to five seconds.

    Args:
        attempt: what to do; repeating it must be harmless.
        stop: whether to give up and raise the outage's error.
        sleep: waits for so many seconds.
        on_outage: called after every failed attempt.

    Returns:
        What ``attempt`` returned.
    """

    def note(state: RetryCallState) -> None:
        on_outage()
        error = state.outcome.exception() if state.outcome is not None else None
        _log.warning(
            "waiting for Redis",
            attempt=state.attempt_number,
            reason=f"{type(error).__name__}: {error}",
        )

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_outage),
        wait=wait_random_exponential(multiplier=_WAIT_FIRST_S, max=_WAIT_MAX_S),
        stop=stop,
        sleep=sleep,
        before_sleep=note,
        reraise=True,
    )

    async def once() -> T:
        return await attempt()

    return await retrying(once)


async def within_startup(settings: Settings, attempt: Callable[[], Awaitable[T]]) -> T:
    """Do something with Redis; retry during an outage, but no longer than the startup timeout.

    Raises:
        RedisError: Redis refuses, or the outage goes on.
    """
    give_up = stop_after_delay(settings.startup_timeout.seconds)

    def stop(state: RetryCallState) -> bool:
        return give_up(state)

    return await retry_outages(attempt, stop=stop, sleep=asyncio.sleep, on_outage=_ignore)


def _ignore() -> None:
    """The log has the outage already."""
