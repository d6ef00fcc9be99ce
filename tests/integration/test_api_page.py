"""The commands of docs/api.md, run as they stand there."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from config.settings import Settings
from scoring.policy import Policy
from scoring.timestamps import rfc3339
from streams.kafka.topics import create_topics
from tests.harness.api import Rest, TokenBook, View, serving
from tests.harness.view import redis_of
from tests.support.documents import ROOT, fences

pytestmark = pytest.mark.always

PAGE = ROOT / "docs/api.md"
COMMANDS = [
    line for body in fences(PAGE, "sh") for line in body.splitlines() if line.startswith("curl")
]
DAY_MS = 86_400_000


@pytest.fixture
async def settings(settings: Settings) -> Settings:
    """Of a deployment whose topics exist."""
    await create_topics(settings)
    return settings


async def run(command: str, folder: Path, **variables: str) -> str:
    """What a command prints; curl must be satisfied with it."""
    (prelude,) = re.findall(r"^auth=.*$", PAGE.read_text("utf-8"), re.MULTILINE)
    quiet = command.replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
    if "-N" in command:
        quiet += " --max-time 5"
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f"{prelude}\n{quiet}"),
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **variables},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, errors = await process.communicate()
    timed_out = 28
    assert process.returncode in ((0, timed_out) if "-N" in command else (0,)), (command, errors)
    return answer.decode()


def test_the_page_has_an_example_of_everything() -> None:
    told = " ".join(COMMANDS)
    for what in ("explain", "tag=", "about-to-fall", "near-next", "reached", "changes", "DELETE"):
        assert what in told
    assert len(COMMANDS) >= 10


async def test_every_command_of_the_page_gets_an_answer(settings: Settings, tmp_path: Path) -> None:
    book = TokenBook(tmp_path / "tokens.toml")
    token, erase_token = book.add("crm", "read", "attributes"), book.add("dpo", "erase")
    soon = rfc3339(time.time_ns() // 1_000_000 + DAY_MS)
    async with redis_of(settings) as redis:
        tag = {"tag": "repeat_buyer", "since": soon}
        health = {"score": 70, "parts": {}}
        changes = {"tier": "A", "level": "at_risk", "score": 80, "keeps_until": soon, "owner": "li"}
        await View(redis, settings).put(("ana", {**changes, "tags": [tag], "health": health}))
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    change = json.dumps({"type": "tier.changed", "subject": "ana", "data": {"tier": "A"}})
    await producer.send_and_wait(f"{settings.topic_prefix}tier-changes", change.encode(), b"ana")
    await producer.stop()
    with_tokens = settings.model_copy(update={"api_token_file": book.path})
    rest = Rest(explanations={"ana": b'{"customer_id":"ana"}'}, policy=Policy(version="p1"))
    async with serving(with_tokens, rest) as api:
        variables = {
            "API": f"http://127.0.0.1:{api.port}",
            "TOKEN": token,
            "ERASE_TOKEN": erase_token,
        }
        for command in COMMANDS:
            answer = await run(command, tmp_path, **variables)
            if "> li.csv" in command:
                assert "\nana,,li,A," in (tmp_path / "li.csv").read_text("utf-8")
                continue
            if "-N" in command:
                assert "event: tier.changed" in answer
                continue
            document = json.loads(answer)
            if "customers?" in command or "about-to-fall" in command or "near" in command:
                assert [found["customer_id"] for found in document["customers"]] == ["ana"], command
        assert api.rest.erased == ["ben"]
