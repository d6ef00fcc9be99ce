"""What a measurement found, for people or for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table


def show_facts(title: str, facts: Mapping[str, float], *, as_json: bool) -> None:
    """Print figures by their names: one JSON document, or a table."""
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    table = Table(title=title, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in facts.items():
        table.add_row(name, f"{value:,}")
    Console(highlight=False).print(table)
