"""Check 7: after faults are healed, the lag is back under 100 within 60 s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.fault.evidence import Evidence, FaultSpan, Sample

LAG_UNDER = 100
LONGEST_S = 60.0


@dataclass(frozen=True)
class Recovery:
    """Faults that overlap, or begin before the lag is back, and how long it took after the last.

    Attributes:
        kinds: of the faults.
        healed_s: the end of the last, in seconds since the episode began.
        seconds: until the first sample with little lag; None if there is none.
    """

    kinds: tuple[str, ...]
    healed_s: float
    seconds: float | None


def recoveries(evidence: Evidence) -> list[Recovery]:
    """Each recovery of an episode, in order.

    A fault that begins before the lag is back, and within the time allowed for that, belongs to the
    faults before it: nobody can say what the time between is due to.
    """
    found: list[Recovery] = []
    cluster: list[FaultSpan] = []
    for fault in sorted(evidence.faults, key=lambda each: each.began_s):
        if cluster:
            recovery = _recovery(cluster, evidence.samples)
            limit_s = recovery.healed_s + min(recovery.seconds or LONGEST_S, LONGEST_S)
            if fault.began_s > limit_s:
                found.append(recovery)
                cluster = []
        cluster.append(fault)
    if cluster:
        found.append(_recovery(cluster, evidence.samples))
    return found


def _recovery(cluster: Sequence[FaultSpan], samples: Sequence[Sample]) -> Recovery:
    healed_s = max(fault.ended_s for fault in cluster)
    back_s = next(
        (each.at_s for each in samples if each.at_s >= healed_s and each.lag < LAG_UNDER), None
    )
    kinds = tuple(fault.kind for fault in cluster)
    return Recovery(kinds, healed_s, None if back_s is None else back_s - healed_s)


def check_recovery(evidence: Evidence) -> Iterator[str]:
    """Recoveries that took too long, or never came."""
    if not evidence.samples:
        yield "there are no samples, so nobody can say how long a recovery took"
        return
    for recovery in recoveries(evidence):
        what = f"after {' and '.join(recovery.kinds)}, healed at {recovery.healed_s:.1f} s,"
        if recovery.seconds is None:
            yield f"{what} the lag was never under {LAG_UNDER} again"
        elif recovery.seconds > LONGEST_S:
            yield (
                f"{what} the lag was under {LAG_UNDER} only {recovery.seconds:.1f} s later, at "
                f"most {LONGEST_S:.0f} s are allowed"
            )
    if evidence.drained_s is None:
        yield "the deployment was never drained after the last fault"
    if evidence.restored_s is None:
        yield "no fresh worker restored everything at the end"
