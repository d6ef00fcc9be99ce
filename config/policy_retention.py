"""The optional section `[retention]` of a policy."""

from __future__ import annotations

from config.toml_table import TomlTable
from scoring.policy import RetentionPolicy

_MOST_DAYS = 36_500
_KEYS = ("inactive_days", "notice_days")


def read_retention(root: TomlTable) -> RetentionPolicy | None:
    """After how long customers are erased who are inactive; None without the section."""
    table = root.optional_table("retention")
    if table is None:
        return None
    for key in _KEYS:
        if not table.has(key):
            table.wrong(key, f"is missing, a whole number from 1 to {_MOST_DAYS}")
    found = [table.optional_integer(key, 1, _MOST_DAYS) for key in _KEYS]
    table.finish()
    inactive, notice = (days or 1 for days in found)
    return RetentionPolicy(inactive, notice)
