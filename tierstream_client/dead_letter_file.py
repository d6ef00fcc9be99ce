"""Alerts that a webhook did not accept, kept for a person to look at."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tierstream_client.alert import Alert

_MAX_BYTES = 256 * 1024 * 1024


class DeadLettersFull(RuntimeError):
    """The file has reached its size limit; the message is one sentence."""


class DeadLetterFile:
    """A file with one JSON object a line: `reason`, `failed_at`, `topic`, `event`.

    Args:
        path: created with the first line.
        max_bytes: its size limit; nothing is written beyond it, and the program must stop.
    """

    def __init__(self, path: Path, max_bytes: int = _MAX_BYTES) -> None:
        self._path = path
        self._max_bytes = max_bytes

    def add(self, alert: Alert, reason: str, failed_at: str) -> None:
        """Append an alert; it is on the disk when this returns.

        Raises:
            DeadLettersFull: it would exceed the size limit.
            OSError: the file cannot be written.
        """
        entry = {
            "reason": reason,
            "failed_at": failed_at,
            "topic": alert.topic,
            "event": json.loads(alert.value),
        }
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._path.open("ab") as file:
            if file.tell() + len(line) > self._max_bytes:
                raise DeadLettersFull(
                    f"{self._path} would grow beyond {self._max_bytes} bytes: move it away"
                )
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
