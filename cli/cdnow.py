"""`tierstream cdnow`: the real purchases that come with the program, as a file of events."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from cli.errors import one_sentence
from devtools.traffic.cdnow import purchases


def cdnow(
    out: Annotated[Path, typer.Argument(metavar="EVENTS.jsonl", help="File to write.")],
) -> None:
    """Write the 69,659 purchases of the CDNOW log as events, for backtest or replay."""
    with one_sentence(), out.open("wb") as file:
        lines = [orjson.dumps(event) + b"\n" for event in purchases()]
        file.writelines(lines)
    typer.echo(f"{len(lines):,} events written to {out}")
