"""What a consumer remembers: the last sequence of each customer, and the next offsets.

Both change in one transaction, so that a crash leaves them as before an alert or as after it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from tierstream_client.alert import Alert

_SCHEMA = """
CREATE TABLE IF NOT EXISTS last_sequence (
    topic TEXT NOT NULL, customer_id TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (topic, customer_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS next_offset (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
"""
_RAISE_SEQUENCE = """
INSERT INTO last_sequence VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)
"""
_RAISE_OFFSET = """
INSERT INTO next_offset VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET offset = max(offset, excluded.offset)
"""
_BUSY_TIMEOUT_S = 5.0


class MemoryUnusable(RuntimeError):
    """The file cannot be used; the message is one sentence."""


class MemoryFile:
    """A memory in a SQLite file, for one process at a time.

    It holds about 60 bytes for each customer and topic.

    Args:
        path: created if it does not exist; two programs need two files.

    Raises:
        MemoryUnusable: it is another kind of file, or another process uses it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._database = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
            # Held until `close`: a second process would send everything a second time.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute("COMMIT")
            self._database.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise MemoryUnusable(f"{path} cannot be used as a memory: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def next_offset(self, topic: str, partition: int) -> int | None:
        """The next offset to read; None if nothing was read yet."""
        row = self._database.execute(
            "SELECT offset FROM next_offset WHERE topic = ? AND partition = ?", (topic, partition)
        ).fetchone()
        return None if row is None else int(row[0])

    def is_news(self, alert: Alert) -> bool:
        """Whether an alert is newer than the last one handled of its customer on its topic."""
        row = self._database.execute(
            "SELECT sequence FROM last_sequence WHERE topic = ? AND customer_id = ?",
            (alert.topic, alert.customer_id),
        ).fetchone()
        return row is None or alert.sequence > int(row[0])

    def note_done(self, alert: Alert) -> None:
        """Store that an alert was handled, and the offset after it; durable when this returns.

        Raises:
            MemoryUnusable: the file cannot be written.
        """
        self._write(
            (_RAISE_SEQUENCE, (alert.topic, alert.customer_id, alert.sequence)),
            (_RAISE_OFFSET, (alert.topic, alert.partition, alert.offset + 1)),
        )

    def note_position(self, topic: str, partition: int, next_offset: int) -> None:
        """Store the next offset to read.

        Raises:
            MemoryUnusable: the file cannot be written.
        """
        self._write((_RAISE_OFFSET, (topic, partition, next_offset)))

    def _write(self, *statements: tuple[str, tuple[str | int, ...]]) -> None:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            for statement, values in statements:
                self._database.execute(statement, values)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise MemoryUnusable(f"{self._path} cannot be written: {error}") from error
