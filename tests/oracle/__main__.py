"""Prints what the oracle makes of a file: `python -m tests.oracle EVENTS.jsonl --policy FILE`."""

import argparse
import dataclasses
import json
import sys
import tomllib
from pathlib import Path

from tests.oracle import run
from tests.oracle.times import parse_rfc3339


def _instant(text: str) -> int:
    at_ms = parse_rfc3339(text)
    if at_ms is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no RFC 3339 time with an offset")
    return at_ms


def main() -> None:
    """Reads the arguments, runs the file, prints the result as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("events", type=Path)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--until", type=_instant, default=None)
    parser.add_argument("--live-from", type=_instant, default=None)
    parser.add_argument("--live", action="store_true", help="the clock follows clock.tick records")
    parser.add_argument("--no-final-fire", action="store_true")
    given = parser.parse_args()
    result = run(
        given.events.read_bytes().split(b"\n"),
        tomllib.loads(given.policy.read_text(encoding="utf-8")),
        mode="live" if given.live else "replay",
        until_ms=given.until,
        live_from_ms=given.live_from,
        final_fire=not given.no_final_fire,
    )
    sys.stdout.write(json.dumps(dataclasses.asdict(result), indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
