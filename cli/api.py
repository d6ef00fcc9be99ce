"""`tierstream api`: the view, changes as they happen, and erasure, over HTTP."""

from __future__ import annotations

import gc
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import uvloop

from cli.common import operator_server, process_metrics, stop_signals, warn_of_unknown_variables
from cli.errors import one_sentence
from config.settings import Settings, load_settings

if TYPE_CHECKING:
    from scoring.policy import Policy
    from serving.api.jobs import Erase, ReadPolicy
    from serving.api.run import Front


class Served(StrEnum):
    """What a process serves."""

    API = "api"
    CONSOLE = "console"
    BOTH = "api with console"


def api() -> None:
    """Serve customers, lists, statistics and changes over HTTP, until stopped.

    It listens on loopback by default, and elsewhere only with bearer tokens, see
    `tierstream api-token`. Metrics and probes are on the port for operators, as with the other
    processes. All settings are environment variables, see docs/api.md and docs/operations.md.
    """
    from serving.api.server import ApiServerError
    from serving.api.token_file import TokenFileError
    from streams.runtime.http_server import HttpServerError
    from streams.runtime.logs import configure_logging

    with one_sentence(ApiServerError, HttpServerError, TokenFileError):
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        uvloop.run(serve(settings, Served.BOTH if settings.api_console else Served.API))


async def serve(settings: Settings, served: Served) -> None:
    """Serve until told to stop."""
    import time

    import structlog

    from cli.explain.child_process import explain_in_child
    from serving.api.health import ApiHealth
    from serving.api.jobs import Ports
    from serving.api.metrics import ApiMetricsMeter
    from serving.api.run import run_api

    log = structlog.get_logger(__name__)
    warn_of_unknown_variables(log)
    stop = stop_signals()
    kind = "console" if served is Served.CONSOLE else "api"
    starts, ends = f"{kind} starts", f"{kind} ends"
    metrics = process_metrics(settings, kind)
    health = ApiHealth(time.monotonic)
    front = _front(served)
    # What is loaded by now stays: without it the collector has little to scan, and delays no
    # response for long.
    gc.collect()
    gc.freeze()
    async with operator_server(settings, metrics, health) as server:
        await run_api(
            settings,
            Ports(explain_in_child, _erase_with(settings), _policy_of(settings)),
            meter=ApiMetricsMeter(metrics),
            health=health,
            stop=stop,
            listening=lambda port: log.info(starts, port=port, http_port=server.port),
            front=front,
        )
    log.info(ends)


def _front(served: Served) -> Front | None:
    """The console before the API; the framework of its pages is loaded only where they are."""
    if served is Served.API:
        return None
    from serving.console.front import console_front

    return partial(console_front, serves_api=served is Served.BOTH)


def _erase_with(settings: Settings) -> Erase:
    """Writes the request to erase a customer, and does not wait until it is done."""
    import msgspec
    from aiokafka.errors import KafkaError

    from cli.erase.erase import erase
    from handlers.state.formats import NewerFormat
    from serving.api.jobs import KafkaUnavailable
    from streams.faust_app.producer import ProduceFailed
    from streams.kafka.clients import BrokerUnreachable
    from streams.kafka.topics import TopicsUnusable

    async def ask(customer_id: str) -> bytes:
        try:
            return msgspec.json.encode(await erase(settings, customer_id, wait_s=0))
        except (
            BrokerUnreachable,
            TopicsUnusable,
            NewerFormat,
            ProduceFailed,
            KafkaError,
        ) as error:
            raise KafkaUnavailable(str(error) or type(error).__name__) from error

    return ask


def _policy_of(settings: Settings) -> ReadPolicy:
    """Reads the policy in force."""
    from aiokafka.errors import KafkaError

    from handlers.state.formats import NewerFormat
    from serving.api.jobs import KafkaUnavailable
    from streams.kafka.clients import BrokerUnreachable
    from streams.kafka.topics import TopicsUnusable
    from streams.policy_log import policy_in_force

    async def read() -> Policy | None:
        try:
            return await policy_in_force(settings)
        except (BrokerUnreachable, TopicsUnusable, NewerFormat, KafkaError) as error:
            raise KafkaUnavailable(str(error) or type(error).__name__) from error

    return read
