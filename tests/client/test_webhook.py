from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from devtools.servers.ports import free_ports
from tests.client.builders import SECRET, alert, endpoint, put_aside
from tierstream_client import (
    DeadLetterFile,
    DeadLettersFull,
    EndpointDown,
    Patience,
    Webhook,
    verify,
)

QUICK = Patience(attempts=3, first_wait_s=0.001, max_wait_s=0.002, timeout_s=0.5, given_up_in_row=3)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    return tmp_path / "dead-letters.jsonl"


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def webhook(session: aiohttp.ClientSession, url: str, letters: Path) -> Webhook:
    return Webhook(session, url, SECRET, DeadLetterFile(letters), QUICK)


async def test_an_alert_arrives_signed_as_it_was_written(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    async with endpoint(204) as receiver:
        await webhook(session, receiver.url, letters).send(alert())
    ((headers, body),) = receiver.got
    assert body == alert().value
    assert headers["content-type"] == "application/cloudevents+json"
    verify(SECRET, headers, body, int(time.time()))
    assert put_aside(letters) == []


@pytest.mark.parametrize("failure", [500, 503, 429, 408, 425, 0])
async def test_what_may_pass_is_tried_again_under_the_same_id(
    session: aiohttp.ClientSession, letters: Path, failure: int
) -> None:
    async with endpoint(failure, failure, 200) as receiver:
        await webhook(session, receiver.url, letters).send(alert())
    assert receiver.ids == ["ana-1"] * 3
    assert put_aside(letters) == []


async def test_an_answer_that_does_not_come_is_tried_again(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    async with endpoint(200) as receiver:
        receiver.pauses_s = [2 * QUICK.timeout_s]
        await webhook(session, receiver.url, letters).send(alert())
    assert receiver.ids == ["ana-1"] * 2
    assert put_aside(letters) == []


async def test_a_pause_that_is_asked_for_is_kept(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    async with endpoint(503, 200, retry_after="1") as receiver:
        began_s = time.monotonic()
        await webhook(session, receiver.url, letters).send(alert())
        assert time.monotonic() - began_s >= 1


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422, 301, 307])
async def test_what_is_refused_is_put_aside_at_once(
    session: aiohttp.ClientSession, letters: Path, status: int
) -> None:
    async with endpoint(status, location="/elsewhere") as receiver:
        await webhook(session, receiver.url, letters).send(alert())
    assert len(receiver.got) == 1
    (letter,) = put_aside(letters)
    assert letter["reason"] == f"HTTP {status}"
    assert letter["event"] == json.loads(alert().value)
    assert letter["topic"] == "dormancy-alerts"


async def test_what_fails_at_every_attempt_is_put_aside_and_the_next_goes_on(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    async with endpoint(500, 500, 500, 200) as receiver:
        hook = webhook(session, receiver.url, letters)
        await hook.send(alert("ana"))
        await hook.send(alert("ben"))
    assert receiver.ids == ["ana-1"] * 3 + ["ben-1"]
    assert [one["reason"] for one in put_aside(letters)] == ["HTTP 500, after 3 attempts"]


async def test_an_endpoint_that_is_down_stops_it_instead_of_filling_the_file(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    (nobody,) = free_ports()
    hook = webhook(session, f"http://127.0.0.1:{nobody}/", letters)
    await hook.send(alert("ana"))
    await hook.send(alert("ben"))
    with pytest.raises(EndpointDown, match="none of 3 alerts in a row"):
        await hook.send(alert("cem"))
    assert len(put_aside(letters)) == 2


async def test_a_full_file_stops_it_and_loses_nothing(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    async with endpoint(400) as receiver:
        file = DeadLetterFile(letters, max_bytes=400)
        hook = Webhook(session, receiver.url, SECRET, file, QUICK)
        await hook.send(alert("ana"))
        with pytest.raises(DeadLettersFull, match="beyond 400 bytes"):
            await hook.send(alert("ben"))
    assert len(put_aside(letters)) == 1


async def test_a_wrong_secret_shows_at_the_start(
    session: aiohttp.ClientSession, letters: Path
) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        Webhook(session, "http://127.0.0.1/", "hunter2", DeadLetterFile(letters))
