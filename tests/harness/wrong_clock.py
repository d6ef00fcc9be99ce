"""A wall clock that is wrong for one program alone, by libfaketime; it may be set while it runs."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.harness.kafka import in_ci

_PACKAGE = "libfaketime"
_PLACES = ("lib/*/faketime", "lib/faketime", "lib64/faketime", "local/lib/faketime")


class WrongClock:
    """The wall clock of who runs with `variables`. Its monotonic clock stays right.

    Args:
        file: where what it shows is written; it does not exist yet.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_off(0)

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment that bends a program's clock."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set_off(self, seconds: float) -> None:
        """Let the clock be so far ahead, or behind."""
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+f}\n")
        written.replace(self._file)  # never half written


def _library() -> Path:
    """libfaketime, installed first if it is missing and this is root; otherwise the test skips."""
    found = _installed()
    if found is None and os.getuid() == 0:
        with Path(tempfile.gettempdir(), "tierstream-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of the tests want it, too
            found = _installed() or _install()
    if found is not None:
        return found
    reason = f"{_PACKAGE} is missing: apt-get install {_PACKAGE}"
    if in_ci():
        pytest.fail(f"CI needs a wrong clock; {reason}", pytrace=False)
    pytest.skip(reason)


def _installed() -> Path | None:
    usr = Path("/usr")
    files = (file for place in _PLACES for file in usr.glob(f"{place}/libfaketimeMT.so*"))
    return next(files, None)


def _install() -> Path | None:
    """From Debian's or Ubuntu's packages; elsewhere nothing happens."""
    apt = ["apt-get", "-q", "-y"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--no-install-recommends", _PACKAGE]):
        try:
            subprocess.run(
                [*apt, *step], env=environment, check=True, capture_output=True, timeout=300
            )
        except (OSError, subprocess.SubprocessError):
            return None
    return _installed()
