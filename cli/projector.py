"""`tierstream projector`: keep the view in Redis up to date."""

from __future__ import annotations

import asyncio

from cli.common import operator_server, process_metrics, stop_signals, warn_of_unknown_variables
from cli.errors import one_sentence
from config.settings import Settings, load_settings


def projector() -> None:
    """Carry profiles and changes from Kafka into Redis, until stopped.

    Start several for speed or safety: they share the partitions. If Redis is away, only the view
    is delayed. All settings are environment variables, see docs/operations.md.
    """
    from serving.view.redis import ViewError
    from streams.runtime.http_server import HttpServerError
    from streams.runtime.logs import configure_logging

    with one_sentence(ViewError, HttpServerError):
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    import structlog

    from serving.projector.metrics import MetricsMeter
    from serving.projector.run import projector_health, run_projector

    log = structlog.get_logger(__name__)
    warn_of_unknown_variables(log)
    stop = stop_signals()
    metrics = process_metrics(settings, "projector")
    health = projector_health(settings)
    async with operator_server(settings, metrics, health) as server:
        log.info("projector starts", http_port=server.port)
        await run_projector(settings, meter=MetricsMeter(metrics), health=health, stop=stop)
    log.info("projector ends")
