"""A folder for servers, and a watcher that cleans up when this process dies.

A process killed with SIGKILL runs no clean-up of its own. So each workspace has a small shell that
reads a pipe whose other end only this process holds. When the pipe closes, for whatever reason, the
shell kills the process groups that were registered and removes the folder. Unlike PR_SET_PDEATHSIG
this does not depend on which thread started the server, and it works outside Linux too.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

_WATCH = """
groups=" "
while read -r verb group; do
  case $verb in
    add) groups="$groups$group " ;;
    drop) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
rm -rf -- "$1"
"""
_WATCHER_EXIT_TIMEOUT_S = 5.0


class Workspace:
    """A temporary folder, removed with every process group in it when its owner ends.

    Args:
        name: shows in the folder's name and in `ps`, to tell several servers apart.
    """

    def __init__(self, name: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=f"tierstream-{name}-"))
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, f"tierstream-guardian-{name}", str(self.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        atexit.register(self.close)

    def guard(self, group: int) -> None:
        """Register a process group, to be killed when this process ends.

        Raises:
            OSError: the watcher is gone.
            ValueError: the workspace is closed.
        """
        self._pipe().write(f"add {group}\n".encode("ascii"))

    def release(self, group: int) -> None:
        """Unregister a process group that has ended; its number may soon be another's."""
        with contextlib.suppress(OSError, ValueError):  # without a watcher there is nobody to tell
            self._pipe().write(f"drop {group}\n".encode("ascii"))

    def close(self) -> None:
        """Kill what is still guarded and remove the folder. Harmless when repeated."""
        atexit.unregister(self.close)
        with contextlib.suppress(OSError, ValueError):
            self._pipe().close()
        try:
            self._watcher.wait(_WATCHER_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._watcher.kill()
            self._watcher.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    def _pipe(self) -> IO[bytes]:
        pipe = self._watcher.stdin
        if pipe is None or pipe.closed:
            raise ValueError("the workspace is closed")
        return pipe
