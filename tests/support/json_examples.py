"""Brings the outputs shown in the documents up to date with the worked example.

`python -m tests.support.json_examples` writes each that is another now, found by its id, anew.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from cli.backtest.files import Line, OutputFiles
from cli.backtest.run import Backtest, BacktestOptions
from config.policy_file import load_policy
from handlers.decode.decode import Limits
from scoring.timestamps import parse_rfc3339

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests/example/events.jsonl"
EXAMPLE_UNTIL = "2026-01-01T00:00:00Z"
PROFILE_EXAMPLE = ROOT / "tests/example/profile-events.jsonl"
PROFILE_POLICY = ROOT / "examples/profile_policy.toml"
PROFILE_UNTIL = "2026-03-01T00:00:00Z"
PAGES = (ROOT / "README.md", ROOT / "README.zh-CN.md", ROOT / "docs/guide.md")

_WIDTH = 105
_FILL = 72
_FENCE = re.compile(r"(?<=```json\n).*?(?=```)", re.DOTALL)


def outputs_of(folder: Path, events: Path, until: str, policy: Path | None = None) -> list[Any]:
    """Everything the events of an example give, without a file by the default policy."""
    until_ms = parse_rfc3339(until)
    options = BacktestOptions(load_policy(policy), "tierstream", 300_000, Limits(), until_ms)
    with OutputFiles(folder) as files:
        lines = (Line(n, raw) for n, raw in enumerate(events.read_bytes().splitlines(), 1))
        Backtest(options, files).run(lines, lambda _: None)
    written = [line for file in folder.iterdir() for line in file.read_bytes().splitlines()]
    return [json.loads(line) for line in written]


def known_outputs(folder: Path) -> list[Any]:
    """What the examples of the documents may show."""
    return [
        *outputs_of(folder / "documented-example", EXAMPLE, EXAMPLE_UNTIL),
        *outputs_of(folder / "documented-profile", PROFILE_EXAMPLE, PROFILE_UNTIL, PROFILE_POLICY),
    ]


def rendered(value: Any, indent: int = 0, lead: int = 0) -> str:
    """JSON for a reader: what fits a line stands on one, but for the envelope and its data."""
    flat = json.dumps(value, ensure_ascii=False)
    is_outer = isinstance(value, dict) and {"data", "customer_id"} & set(value)
    if not value or not isinstance(value, dict | list):
        return flat
    if not is_outer and indent + lead + len(flat) < _WIDTH:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, dict) and not is_outer and _is_plain(value):
        words = [f"{json.dumps(name)}: {json.dumps(held)}," for name, held in value.items()]
        return f"{{\n{_filled(words, inner)}\n{' ' * indent}}}"
    if isinstance(value, list):
        body = ",\n".join(inner + rendered(one, indent + 2) for one in value)
        return f"[\n{body}\n{' ' * indent}]"
    body = ",\n".join(
        f'{inner}"{name}": {rendered(held, indent + 2, len(name) + 4)}'
        for name, held in value.items()
    )
    return f"{{\n{body}\n{' ' * indent}}}"


def _is_plain(value: dict[str, Any]) -> bool:
    return not any(isinstance(held, dict | list) for held in value.values())


def _filled(words: list[str], inner: str) -> str:
    """The words in as few lines as hold them; the last comma is none."""
    lines = [inner + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= _FILL:
            lines[-1] += f" {word}"
        else:
            lines.append(inner + word)
    return "\n".join(lines).removesuffix(",")


def _renewed(shown: str, by_id: dict[str, Any]) -> str:
    example = json.loads(shown)
    now = by_id.get(example.get("id", ""))
    return shown if now is None or now == example else rendered(now) + "\n"


def main() -> None:
    """Write the documents anew."""
    with tempfile.TemporaryDirectory() as folder:
        by_id = {one["id"]: one for one in known_outputs(Path(folder)) if "id" in one}
    for page in PAGES:
        text = page.read_text("utf-8")
        page.write_text(_FENCE.sub(lambda found: _renewed(found[0], by_id), text), "utf-8")


if __name__ == "__main__":
    main()
