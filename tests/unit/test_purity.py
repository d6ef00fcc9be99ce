"""The pure core calls nothing that could give two answers to one question.

The import contracts keep modules out; this keeps out the few built-in calls that need no import,
and the clock that comes with `datetime`.
"""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support.each import for_each

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(file for top in ("scoring", "handlers") for file in (ROOT / top).rglob("*.py"))
FORBIDDEN = {
    *("open", "print", "input", "exec", "eval", "__import__", "breakpoint"),
    # `hash` of a text and `id` differ from one process to the next
    *("hash", "id"),
    *("now", "utcnow", "today", "time_ns", "monotonic"),
}
# Zone rules come from the locked `tzdata` package, the same on every machine.
ALLOWED = {"scoring/calendar.py": ["file.open()"]}


def impure_calls(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name in FORBIDDEN:
                found.append(f"line {node.lineno}: {ast.unparse(called)}()")
    return found


@for_each("file", FILES)
def test_the_core_reads_no_clock_and_touches_no_file(file: Path) -> None:
    found = [call.partition(": ")[2] for call in impure_calls(file.read_text())]
    assert found == ALLOWED.get(str(file.relative_to(ROOT)), [])


def test_an_impure_call_would_be_found() -> None:
    assert impure_calls("import datetime\nx = datetime.datetime.now()\nopen('x')") == [
        "line 2: datetime.datetime.now()",
        "line 3: open()",
    ]
