"""The Lua files of the view are all in use, and know the same names as the program."""

from __future__ import annotations

import re
from pathlib import Path

import serving.view
from scoring.dormancy import LEVELS
from serving.view import lua

FOLDER = Path(serving.view.__file__).parent
SCRIPTS = [value for name, value in vars(lua).items() if name.isupper() and isinstance(value, str)]


def test_every_lua_file_is_part_of_a_script() -> None:
    unused = [
        file.name
        for file in FOLDER.glob("*.lua")
        if not any(_code(file.read_text())[-1] in _code(script) for script in SCRIPTS)
    ]
    assert unused == []


def test_no_script_has_a_placeholder_or_an_include_left() -> None:
    left = re.compile("#include|FACETS|RANKS|FILTERS|MEASURES|AXES")
    assert [script for script in SCRIPTS if left.search(script)] == []


def test_the_scripts_know_every_level() -> None:
    levels = "{" + ", ".join(f"'{level}'" for level in LEVELS) + "}"
    for script in (lua.APPLY_LEVELS, lua.FORGET_CUSTOMERS):
        assert levels in script


def _code(script: str) -> list[str]:
    return [line for line in script.splitlines() if line and not line.startswith("--")]
