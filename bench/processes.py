"""CPU time, memory and cores of processes, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, to 10 ms.

    Raises:
        FileNotFoundError: the process ended, or this is no Linux.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def tree_cpu_seconds(pid: int) -> float:
    """User and system time of a process and all it started, also of what has ended and was awaited.

    Raises:
        FileNotFoundError: the process is gone, or this is no Linux.
    """
    children: dict[int, list[int]] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(") ")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            spent[int(folder.name)] = sum(map(int, fields[11:15])) / _TICKS_PER_S
    if pid not in spent:
        raise FileNotFoundError(f"/proc/{pid}/stat")
    total, waiting = 0.0, [pid]
    while waiting:
        found = waiting.pop()
        total += spent[found]
        waiting += children.get(found, [])
    return total


def busy_seconds() -> float:
    """CPU time that all processes of this machine have used since it started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _, _, irq, soft_irq, _ = map(int, fields)
    return (user + nice + system + irq + soft_irq) / _TICKS_PER_S


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM.

    Raises:
        FileNotFoundError: as above.
    """
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


def peak_resident_bytes(pid: int) -> int:
    """The most memory a process ever had in RAM.

    Raises:
        FileNotFoundError: as above.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * 1024
    raise ValueError(f"/proc/{pid}/status has no VmHWM")


def pin(pid: int, core: int) -> None:
    """Let a process, with all threads it has and will have, run on one core only.

    Raises:
        OSError: the core does not exist, or is not ours to give.
    """
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})
