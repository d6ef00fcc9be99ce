"""A wall clock that is wrong for one program alone, by libfaketime; it may be set while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.harness.debian import needed

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
    return needed(_PACKAGE, _installed, "a wrong clock")


def _installed() -> Path | None:
    usr = Path("/usr")
    files = (file for place in _PLACES for file in usr.glob(f"{place}/libfaketimeMT.so*"))
    return next(files, None)
