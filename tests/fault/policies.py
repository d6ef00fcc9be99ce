"""Policies of an episode, drawn from its seed."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.support.traffic import PLAIN, SHOP, Traffic


def episode_traffic(seed: int) -> Traffic:
    """What customers do, and under which policies: every other seed has what shops really send."""
    return SHOP if seed % 2 else PLAIN


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
