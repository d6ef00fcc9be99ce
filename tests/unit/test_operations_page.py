"""docs/operations.md tells every setting and every metric, as the program has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from config.settings import Settings, variable_names
from streams.runtime.metrics import Metrics
from tests.support.each import for_each

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()


def table(heading: str) -> list[str]:
    """The rows below the two heading rows of the table in a section."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def default(value: object) -> str:
    if value is None or value == "":
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_settings_are_told_with_their_defaults_and_meanings() -> None:
    assert table("Settings") == [
        row(
            " or ".join(f"`{variable}`" for variable in variable_names(name)),
            default(field.default),
            str(field.description),
        )
        for name, field in Settings.model_fields.items()
    ]


def test_metrics_are_told_with_their_labels_and_meanings() -> None:
    assert table("Metrics") == [
        row(
            f"`{declared.name}`",
            declared.kind,
            ", ".join(f"`{label}`" for label in declared.labels) or "none",
            declared.meaning,
        )
        for declared in Metrics().declarations
    ]


RULES = [
    rule
    for group in yaml.safe_load((ROOT / "ops/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
SECTIONS = dict(
    part.split("\n", 1)
    for part in PAGE.split("\n## When an alert fires\n")[1].split("\n## ")[0].split("\n### ")[1:]
)


def test_every_alert_has_a_section_and_there_are_no_others() -> None:
    assert list(SECTIONS) == [rule["alert"] for rule in RULES]


@for_each("rule", RULES)
def test_a_runbook_says_what_an_alert_means_and_what_to_check_and_do(rule: dict[str, Any]) -> None:
    text = SECTIONS[rule["alert"]].lower()
    assert text.strip().startswith("**meaning.**")
    steps = r"\*\*check\.\*\*.*\*\*action\.\*\*|\*\*check and action\*\*"
    assert re.search(steps, text, re.DOTALL)
    link = f"docs/operations.md#{rule['alert'].lower()}"
    assert rule["annotations"]["runbook_url"] == link


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert [target for target in targets if not (ROOT / "docs" / target).exists()] == []


def test_variables_named_in_the_text_exist() -> None:
    known = {variable for name in Settings.model_fields for variable in variable_names(name)}
    named = set(re.findall(r"TIERSTREAM_[A-Z_]+[A-Z]", PAGE))
    assert named <= known | {"TIERSTREAM_COMPILE"}, "which setup.py reads"
