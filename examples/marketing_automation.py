"""Sends each dormancy alert to a webhook, once: what a marketing automation would run.

    python examples/marketing_automation.py --brokers kafka:9092 --url https://crm.example/alerts

The secret comes from the variable WEBHOOK_SECRET: `whsec_` and 24 or more random bytes in base64.
Customers who must not be contacted (`suppressed`) are left out, and what is for staff. It stops
cleanly at SIGTERM, and resumes when it is started again with the same `--state` folder.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import aiohttp
from aiokafka.errors import KafkaError

from tierstream_client import (
    Alert,
    AlertConsumer,
    DeadLetterFile,
    DeadLettersFull,
    EndpointDown,
    MemoryFile,
    MemoryUnusable,
    PositionGone,
    TopicMissing,
    Webhook,
)

_log = logging.getLogger("marketing_automation")

_FAILURES = (
    *(DeadLettersFull, EndpointDown, MemoryUnusable, PositionGone, TopicMissing),
    *(KafkaError, OSError, ValueError),
)


async def forward(given: argparse.Namespace, secret: str) -> None:
    """Read, send, remember, until SIGTERM or SIGINT."""
    given.state.mkdir(parents=True, exist_ok=True)
    letters = DeadLetterFile(given.state / "dead-letters.jsonl")
    with MemoryFile(given.state / "memory.sqlite") as memory:
        async with (
            aiohttp.ClientSession() as session,
            AlertConsumer(given.brokers, given.topics, memory) as consumer,
        ):
            webhook = Webhook(session, given.url, secret, letters)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, consumer.stop)

            async def send(alert: Alert) -> None:
                if alert.suppressed is None and alert.audience != "staff":
                    await webhook.send(alert)

            await consumer.run(send)


def main() -> int:
    """Read the arguments and run; the exit code."""
    parser = argparse.ArgumentParser(description="Send each dormancy alert to a webhook, once.")
    parser.add_argument("--brokers", required=True, help="host:port of some brokers")
    parser.add_argument("--url", required=True, help="of the webhook")
    parser.add_argument("--topics", nargs="+", default=["dormancy-alerts"])
    parser.add_argument("--state", type=Path, default=Path("marketing-automation"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(forward(given, os.environ.get("WEBHOOK_SECRET", "")))
    except _FAILURES as error:
        _log.critical("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
