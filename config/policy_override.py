"""The optional section `[override]` of a policy: tiers by hand."""

from __future__ import annotations

from config.toml_table import TomlTable
from scoring.policy import OverridePolicy


def read_override(root: TomlTable) -> OverridePolicy | None:
    """Whether tiers by hand need somebody's approval; None without the section."""
    table = root.optional_table("override")
    if table is None:
        return None
    declared = OverridePolicy(approval=table.boolean("approval", default=False))
    table.finish()
    return declared
