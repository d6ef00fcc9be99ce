"""Policies of an episode, drawn from its seed."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.support.traffic import PLAIN, PRACTICE, SHOP, Traffic


def episode_traffic(seed: int) -> Traffic:
    """What customers do, and under which policies: of odd seeds what shops really send.

    Of the even ones every other has what account managers and members live by.
    """
    return SHOP if seed % 2 else (PLAIN, PRACTICE, PRACTICE, PLAIN)[seed // 2 % 4]


def episode_policy(seed: int, number: int, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The policy with this number, from 1. Later ones keep the base currency of the first.

    Windows are long enough for what the load places in the past.
    """
    random = Random(f"policy {seed} {number}")
    policy = episode_traffic(seed).policy(random, windows_days=(30, 90, 365))
    policy["version"] = f"p{number}"
    if base is not None:
        policy["timezone"] = base["timezone"]
    return policy
