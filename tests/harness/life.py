"""What is noted of a process under test."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessLife:
    """One process from its start to its end.

    Attributes:
        name: of its place; those who follow each other there share it.
        exit_code: negative for a signal; None if it was still running when evidence was taken.
        last_line: the last it wrote, or rather where it says why it ended.
    """

    name: str
    pid: int
    started_s: float
    ended_s: float | None
    exit_code: int | None
    last_line: str
