"""A disk of a few megabytes in memory, which can be filled."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Self

_BLOCK_BYTES = 1 << 20
_MOUNT_TIMEOUT_S = 30


class NoSmallDisk(RuntimeError):
    """This user or this system cannot mount one."""


class SmallDisk:
    """A file system of its own at a folder; use it in a `with` statement.

    Args:
        folder: an empty one.
        size_mib: how much it holds.
    """

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        self._size_mib = size_mib
        self._ballast = folder / "ballast"

    def __enter__(self) -> Self:
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size_mib}m", "tmpfs"]
        try:
            _run([*command, str(self.folder)])
        except (OSError, subprocess.SubprocessError) as error:
            raise NoSmallDisk(f"only root can mount a small disk: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        _run(["umount", "--lazy", str(self.folder)])

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("wb", buffering=0) as file:
            size_bytes = _BLOCK_BYTES
            while size_bytes:
                try:
                    file.write(bytes(size_bytes))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size_bytes //= 2

    def empty(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_MOUNT_TIMEOUT_S)
