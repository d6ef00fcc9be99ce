"""Programs from Debian's or Ubuntu's packages, installed for a test that needs one."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.harness.kafka import in_ci

_Found = TypeVar("_Found")


def needed(package: str, find: Callable[[], _Found | None], purpose: str) -> _Found:
    """What ``find`` finds, after installing the package if it is missing and this is root.

    Otherwise the test skips, or fails in CI, which needs ``purpose``.
    """
    found = find()
    if found is None and os.getuid() == 0:
        with Path(tempfile.gettempdir(), "tierstream-apt.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of the tests want it, too
            found = find()
            if found is None and _install(package):
                found = find()
    if found is not None:
        return found
    reason = f"{package} is missing: apt-get install {package}"
    if in_ci():
        pytest.fail(f"CI needs {purpose}; {reason}", pytrace=False)
    pytest.skip(reason)


def _install(package: str) -> bool:
    """Whether it is installed now; elsewhere than on Debian or Ubuntu nothing happens."""
    apt = ["apt-get", "-q", "-y"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "--no-install-recommends", package]):
        try:
            subprocess.run(
                [*apt, *step], env=environment, check=True, capture_output=True, timeout=300
            )
        except (OSError, subprocess.SubprocessError):
            return False
    return True
