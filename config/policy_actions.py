"""The optional `[actions]` of a policy: what people call the actions that it names."""

from __future__ import annotations

from typing import Any

import msgspec

from config.toml_table import TomlTable
from scoring.policy import Action, Policy

_NAMES_ONE = frozenset({"action", "action_down", "warn_action"})
"""Keys of a policy, at any depth, under which an action stands."""


def read_actions(root: TomlTable) -> dict[str, Action] | None:
    """What the actions are called, by their names; None if the policy does not say."""
    declared = root.optional_table("actions")
    if declared is None:
        return None
    found = {}
    for name in declared.names():
        table = declared.table(name)
        found[name] = Action(table.table("label").text_map())
        table.finish()
    return found


def actions_of(policy: Policy) -> set[str]:
    """The actions that the tiers, levels and reminders of a policy name."""
    document = msgspec.to_builtins(policy)
    return {name for name in document["dormancy"]["actions"].values() if name} | _named(document)


def _named(part: Any) -> set[str]:
    if isinstance(part, list | tuple):
        return set().union(*map(_named, part))
    if not isinstance(part, dict):
        return set()
    found = {value for key, value in part.items() if key in _NAMES_ONE and isinstance(value, str)}
    return found.union(*map(_named, part.values()))
