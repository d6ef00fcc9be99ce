"""Random histories and the policies that go with them: plain, of shops, of practice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.histories import History, random_policy
from tests.support.practice_histories import PracticeHistory, random_practice_policy
from tests.support.shop_histories import ShopHistory, random_shop_policy


@dataclass(frozen=True)
class Traffic:
    """Histories and policies that go together."""

    history: type[History]
    policy: Callable[..., dict[str, Any]]
    """Of a `Random`, and what `random_policy` takes beside it."""


PLAIN = Traffic(History, random_policy)
SHOP = Traffic(ShopHistory, random_shop_policy)
PRACTICE = Traffic(PracticeHistory, random_practice_policy)


def traffic_of(random: Random) -> Traffic:
    """Mostly what shops really send, with what account managers tell or without."""
    return random.choice([PLAIN, SHOP, SHOP, PRACTICE, PRACTICE])
