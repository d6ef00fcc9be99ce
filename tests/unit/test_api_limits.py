"""How often somebody may ask, and who."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.api.auth import Access
from serving.api.middleware import address_of
from serving.api.problems import Problem
from serving.api.rate_limit import RateLimiter
from serving.api.token_file import TokenFile
from serving.api.tokens import Token, digest_of


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(10, 20, 100, clock)
    assert [limiter.take("ana") for _ in range(20)] == [0.0] * 20
    assert limiter.take("ana") == pytest.approx(0.1)
    assert limiter.take("ana") == pytest.approx(0.1), "to ask in vain costs nothing"
    clock.now_s += 0.1
    assert limiter.take("ana") == 0.0
    assert limiter.take("ana") > 0
    clock.now_s += 3_600
    assert [limiter.take("ana") for _ in range(21)][-2:] == [0.0, pytest.approx(0.1)]


def test_callers_do_not_drink_from_each_others_buckets() -> None:
    limiter = RateLimiter(1, 1, 100, Clock())
    assert limiter.take("ana") == 0.0
    assert limiter.take("ben") == 0.0
    assert limiter.take("ana") > 0


def test_of_more_callers_than_are_remembered_the_longest_silent_is_forgotten() -> None:
    limiter = RateLimiter(1, 1, 3, Clock())
    for caller in ("ana", "ben", "cai", "ana", "dan"):
        limiter.take(caller)
    assert len(limiter) == 3
    assert limiter.take("ana") > 0, "she spoke after ben"
    assert limiter.take("ben") == 0.0


def test_a_rate_of_zero_is_no_bound_and_remembers_nobody() -> None:
    limiter = RateLimiter(0, 0, 3, Clock())
    assert {limiter.take("ana") for _ in range(1_000)} == {0.0}
    assert len(limiter) == 0


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::9", 1), "2001:db8:1:2::/64"),
        (("x" * 100, 1), "x" * 64),
        (None, "none"),
    ],
)
def test_an_address_is_what_one_host_has(client: object, address: str) -> None:
    assert address_of({"client": client}) == address


@pytest.fixture
def access(tmp_path: Path) -> Access:
    file = tmp_path / "tokens.toml"
    kept = [
        Token("crm", digest_of("one"), frozenset(("read",))),
        Token("dpo", digest_of("two"), frozenset(("erase",))),
    ]
    file.write_text("\n".join(token.toml() for token in kept))
    return Access(TokenFile(file), RateLimiter(1, 2, 10, Clock()), lambda: 0)


def test_a_token_may_what_its_scopes_say(access: Access) -> None:
    assert access.admit("Bearer one", "read").name == "crm"
    assert access.admit("bearer  two ", "erase").name == "dpo"
    with pytest.raises(Problem) as refused:
        access.admit("Bearer one", "erase")
    assert refused.value.status == 403
    assert 'error="insufficient_scope", scope="erase"' in refused.value.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "one", "Bearer", "Bearer ", "Basic one", "Bearer three", "Bearer\0one"],
)
def test_who_has_no_good_token_is_asked_for_one(access: Access, authorization: str | None) -> None:
    with pytest.raises(Problem) as refused:
        access.admit(authorization, "read")
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer realm=")


def test_a_token_that_asks_too_often_is_told_when_again(access: Access) -> None:
    for _ in range(2):
        access.admit("Bearer one", "read")
    with pytest.raises(Problem) as refused:
        access.admit("Bearer one", "read")
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "1"
    assert access.admit("Bearer two", "erase").name == "dpo"


def test_without_tokens_anyone_reads_and_nobody_erases() -> None:
    access = Access(None, RateLimiter(1, 1, 10, Clock()), lambda: 0)
    caller = access.admit(None, "read")
    assert caller.sees_attributes
    assert access.still_admits(caller)
    with pytest.raises(Problem) as refused:
        access.admit(None, "erase")
    assert refused.value.status == 403
