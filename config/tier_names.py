"""Names of tiers in the sections of a policy: as the keys of a table, or in a list `tiers`."""

from __future__ import annotations

from collections.abc import Collection

from config.toml_table import TomlTable

_LONGEST = 64


def tier_keys(table: TomlTable, known: Collection[str]) -> list[str]:
    """The keys of a table by tier that are tiers; every other one is noted as wrong."""
    for name in table.names():
        if name not in known:
            table.wrong(name, "is no tier of this policy")
    return [name for name in table.names() if name in known]


def listed_tiers(table: TomlTable, known: Collection[str]) -> tuple[str, ...] | None:
    """The tiers that the key `tiers` lists; None without it, which means all."""
    tiers = table.texts("tiers", len(known), _LONGEST)
    if not table.has("tiers"):
        return None
    if not tiers:
        table.wrong("tiers", "must name a tier, or be left out")
    for name in tiers:
        if name not in known:
            table.wrong("tiers", f"{name!r} is no tier of this policy")
    return tiers
