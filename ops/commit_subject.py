"""Refuse a commit whose subject does not stand on its own: the `commit-msg` hook.

A subject is what `git log --oneline` shows: it says what is now true, without the diff beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

MAX_LENGTH = 72
MIN_WORDS = 3
_AUTOSQUASH = ("fixup!", "squash!", "amend!")


def subject_of(message: str) -> str:
    """The first line that is neither blank nor one of git's comments; empty if there is none."""
    lines = (line.strip() for line in message.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


def fault_of(message: str) -> str | None:
    """Why a commit message is refused, as one sentence; None if it is fine.

    Merges and `fixup!` commits pass, since git writes their subjects.
    """
    subject = subject_of(message)
    if subject.startswith(("Merge ", *_AUTOSQUASH)):
        return None
    if not subject:
        return "the subject is empty"
    if len(subject) > MAX_LENGTH:
        return f"the subject has {len(subject)} characters, {MAX_LENGTH} are allowed"
    if subject.endswith("."):
        return "the subject ends with a full stop"
    if len(subject.split()) < MIN_WORDS:
        return f"the subject says too little: it needs {MIN_WORDS} words or more"
    return None


def main(path: Path) -> int:
    """Check the file with the message that git hands to the hook; the exit code."""
    fault = fault_of(path.read_text("utf-8"))
    if fault is None:
        return 0
    sys.stderr.write(f"commit refused: {fault} (see CONTRIBUTING.md, Commits)\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
