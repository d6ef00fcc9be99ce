"""Check 9: who ends by itself says why in one sentence and fails; who is asked to end succeeds."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

from tests.fault.evidence import Evidence
from tests.harness.life import ProcessLife

_ASKING = "terminate"
"""The kind of fault that is a SIGTERM."""
_VISITS, _GUEST = ("storm", "crowd"), "guest"
"""Guests come and go during these; they are asked to, or killed."""
_START_UP_S = 15.0
"""Until a process has its signal handlers."""
_AFTERMATH_S = 10.0
"""How long after another fault a stop may fail because of it."""
_LONGEST_SENTENCE = 1_000
_FEWEST_WORDS = 4


def check_exits(evidence: Evidence) -> Iterator[str]:
    """Ends that are not as they must be."""
    if not evidence.processes:
        yield "there are no processes, so nothing was tried"
    for life in evidence.processes:
        problem = _problem(evidence, life)
        if problem is not None:
            name = f"{life.name} (pid {life.pid}), ended at {life.ended_s or 0.0:.1f} s,"
            yield f"{name} {problem}: {life.last_line!r}"


def _problem(evidence: Evidence, life: ProcessLife) -> str | None:
    code = life.exit_code
    if code is None or code == -signal.SIGKILL:
        return None
    asked = _was_asked(evidence, life)
    if code == 0:
        return None if asked else "ended by itself with exit code 0"
    if code < 0:
        lived_s = (life.ended_s or life.started_s) - life.started_s
        if code == -signal.SIGTERM and asked and lived_s < _START_UP_S:
            return None
        return f"died of signal {-code}"
    if asked and not _is_amid_faults(evidence, life):
        return f"was asked to end, but ended with exit code {code}"
    if not _is_clear_sentence(life.last_line):
        return f"ended with exit code {code} and no clear sentence"
    return None


def _was_asked(evidence: Evidence, life: ProcessLife) -> bool:
    """Whether it got a SIGTERM: as a fault, or when the episode was over."""
    ended_s = life.ended_s if life.ended_s is not None else float("inf")
    over_s = evidence.healed_s if evidence.drained_s is None else evidence.drained_s
    return ended_s >= over_s or any(
        (
            fault.kind == _ASKING
            and fault.target == life.name
            and life.started_s <= fault.began_s <= ended_s
        )
        or (
            fault.kind in _VISITS
            and life.name.startswith(_GUEST)
            and fault.began_s <= life.started_s <= fault.ended_s
        )
        for fault in evidence.faults
    )


def _is_amid_faults(evidence: Evidence, life: ProcessLife) -> bool:
    ended_s = life.ended_s if life.ended_s is not None else float("inf")
    return any(
        fault.kind not in (_ASKING, *_VISITS)
        and fault.began_s <= ended_s <= fault.ended_s + _AFTERMATH_S
        for fault in evidence.faults
    )


def _is_clear_sentence(line: str) -> bool:
    """Whether a last line says what happened: more than a code, and no part of a traceback."""
    message = line
    if line.startswith("{"):
        try:
            parsed = json.loads(line)
        except ValueError:
            return False
        if parsed.get("level") not in ("critical", "error"):
            return False
        message = str(parsed.get("message", ""))
    elif not line.startswith("tierstream: "):
        return False
    return len(message) <= _LONGEST_SENTENCE and len(message.split()) >= _FEWEST_WORDS
