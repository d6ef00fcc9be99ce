"""Policies of an episode, drawn from its seed, and as files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from tests.support.histories import random_policy


def episode_policy(seed: int, number: int, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The policy with this number, from 1. Later ones keep the base currency of the first.

    Windows are long enough for what the load places in the past.
    """
    random = Random(f"policy {seed} {number}")
    policy = random_policy(random, windows_days=(30, 90, 365))
    policy["version"] = f"p{number}"
    if base is not None:
        policy["timezone"] = base["timezone"]
    return policy


def write_policy(policy: Mapping[str, Any], file: Path) -> Path:
    """A policy as a file."""
    file.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in policy.items()))
    return file


def _toml(value: Any) -> str:
    """A value in TOML, tables inline."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
