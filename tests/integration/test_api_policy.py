"""The policy in force over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from config.settings import Settings
from scoring.policy import Policy, Tier
from tests.harness.api import Rest, serving

pytestmark = pytest.mark.always


async def test_policy_is_told_with_the_keys_of_its_file(settings: Settings) -> None:
    own = Policy(version="own-2", currency="CNY", tiers=(Tier("gold", min_score=60), Tier("rest")))
    async with serving(settings, Rest(policy=own)) as api:
        answer = await api.http.get("/v1/policy")
        assert msgspec.json.decode(answer.content, type=Policy) == own
        assert (await api.http.get("/v1/policy?x=1")).status_code == 422


async def test_without_a_policy_or_kafka_a_problem_says_so(settings: Settings) -> None:
    async with serving(settings, Rest()) as api:
        answer = await api.http.get("/v1/policy")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "no-policy")
    async with serving(settings, Rest(kafka_is_away=True)) as api:
        answer = await api.http.get("/v1/policy")
        assert answer.status_code == 503
        assert answer.json()["type"].endswith(":kafka-unavailable")


async def test_policy_is_read_once_for_many_requests(settings: Settings) -> None:
    rest = Rest(policy=Policy(version="first"))
    async with serving(settings, rest) as api:
        assert (await api.http.get("/v1/policy")).json()["version"] == "first"
        rest.policy = Policy(version="second")
        assert (await api.http.get("/v1/policy")).json()["version"] == "first"
