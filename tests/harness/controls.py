"""What the rig tells a process under test: its clock's error, and where to die or freeze.

A small file that both map into memory, so that a look at it costs nothing and needs no thread. It
belongs to a place, not to a process: who follows there reads it too. Imported before anything else
in the process under test, so it imports next to nothing itself.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
from pathlib import Path

VARIABLE = "TIERSTREAM_TEST_CONTROLS"
"""The environment variable with the file's path."""

POINTS = (
    "after_forward",  # ingest: the log has the events, the inputs are not acked
    "after_apply",  # engine: state in memory, nothing written
    "after_outputs",
    "after_claim",  # a new owner has said so in the changelog, and has written nothing else there
    "amid_flush",  # one partition's batch is acked, those of others are not
    "after_state",
    "after_profiles",
    "after_meta",  # the checkpoint is written, nothing is acked
    "before_commit",
    "after_commit",
    "amid_restore",
    "before_forwarding",  # what goes on to another customer is in memory only, and the marker too
    "amid_forwarding",  # a part of it is in the log of another partition
    "after_forwarding",  # all of it is, and who was merged has no marker yet
    "after_marker",  # the marker of who was merged is written, and that the profile is gone is not
    "after_erasure",  # the same of who was erased
)
"""Where a process can be told to die or to freeze."""

_FORMAT = struct.Struct("<qq")
_NOWHERE = 0
_SIGNALS = (signal.SIGKILL, signal.SIGSTOP)


class Controls:
    """The file of one place.

    Args:
        file: made if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            file.write_bytes(bytes(_FORMAT.size))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _FORMAT.size)

    @property
    def offset_ms(self) -> int:
        """By how much the wall clock of the process is wrong."""
        return self._read()[0]

    @offset_ms.setter
    def offset_ms(self, offset_ms: int) -> None:
        self._memory[:8] = struct.pack("<q", offset_ms)

    @property
    def is_armed(self) -> bool:
        """Whether it still has to come to its point."""
        return self._read()[1] != _NOWHERE

    def arm(self, point: str, number: signal.Signals) -> None:
        """Have the process send itself a signal, SIGKILL or SIGSTOP, at this point, once."""
        assert number in _SIGNALS
        told = POINTS.index(point) + 1
        self._memory[8:] = struct.pack("<q", told if number == signal.SIGKILL else -told)

    def disarm(self) -> None:
        """Take it back."""
        self._memory[8:] = struct.pack("<q", _NOWHERE)

    def reach(self, point: str) -> None:
        """Called by the process under test where it is at a point."""
        told = self._read()[1]
        if told == _NOWHERE or POINTS[abs(told) - 1] != point:
            return
        self.disarm()
        number = signal.SIGKILL if told > 0 else signal.SIGSTOP
        os.write(2, f"sends itself {number.name} {point}\n".encode())
        os.kill(os.getpid(), number)

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()

    def _read(self) -> tuple[int, int]:
        offset_ms, number = _FORMAT.unpack(self._memory[:])
        return offset_ms, number
