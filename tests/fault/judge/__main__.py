"""Judges an episode from its file: `python -m tests.fault.judge EVIDENCE_FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fault.evidence import Evidence
from tests.fault.judge import judge


def main(arguments: list[str]) -> int:
    """Write figures, then what is wrong; 0 when all is well, 1 when not, 2 without a file."""
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        sys.stderr.write("usage: python -m tests.fault.judge EVIDENCE_FILE\n")
        return 2
    judgement = judge(Evidence.load(Path(arguments[0])))
    for name, value in judgement.figures.items():
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        sys.stdout.write(f"{name:24} {shown}\n")
    for problem in judgement.problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write("all is well\n" if not judgement.problems else "")
    return 1 if judgement.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
