"""Neither the judge nor the oracle takes anything from the product, or from what takes from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.each import for_each

_ROOT = Path(__file__).parents[2]
_PRODUCT = {"scoring", "handlers", "config", "words", "streams", "serving"}
_OURS = ("tests.fault.judge", "tests.fault.evidence", "tests.harness.life", "tests.oracle")
_FILES = sorted(
    [
        *(_ROOT / "tests/fault/judge").rglob("*.py"),
        *(_ROOT / "tests/oracle").rglob("*.py"),
        _ROOT / "tests/fault/evidence.py",
        _ROOT / "tests/harness/life.py",
    ]
)


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            assert node.module is not None
            yield node.module
        elif isinstance(node, ast.Name | ast.Attribute):
            # No way round the import statement either.
            name = node.id if isinstance(node, ast.Name) else node.attr
            assert name not in ("__import__", "import_module")


def test_there_is_something_to_look_at() -> None:
    names = {file.relative_to(_ROOT).as_posix() for file in _FILES}
    assert {"tests/fault/judge/case.py", "tests/oracle/partition.py"} <= names


@for_each("file", _FILES)
def test_the_judge_and_the_oracle_import_nothing_of_the_product(file: Path) -> None:
    for name in _imported(file):
        assert name.partition(".")[0] not in _PRODUCT, f"{file} imports {name}"
        assert not name.startswith("tests.") or name.startswith(_OURS), f"{file} imports {name}"
