"""The virtual environment of a Python peer: its own locked packages, apart from ours."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from devtools.servers.jar_cache import cache_folder, only_one

FOLDER = Path(__file__).parent
_UV = Path(sys.executable).parent / "uv"
_INSTALL_S = 900.0


class EnvironmentFailed(RuntimeError):
    """The packages of a peer could not be installed; the message ends with what uv said."""


def lock_file(name: str) -> Path:
    """The pinned packages of a peer."""
    return FOLDER / name / "requirements.lock"


def python_of(name: str, tell: Callable[[str], None]) -> Path:
    """The interpreter of a peer's environment, which is made when its lock file is new.

    Raises:
        EnvironmentFailed: uv ended with an error.
    """
    lock = lock_file(name)
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache_folder() / f"peer-{name}-{key}"
    python = folder / "bin" / "python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with only_one(folder.with_suffix(".lock")):
        if not (folder / "complete").exists():
            tell(f"installing {name} into an environment of its own")
            _uv("venv", "--clear", "--python", sys.executable, str(folder))
            _uv("pip", "install", "--python", str(python), "--require-hashes", "-r", str(lock))
            (folder / "complete").touch()
    return python


def locked_versions(name: str, packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of some packages in a peer's lock file."""
    found = {}
    for line in lock_file(name).read_text().splitlines():
        package, _, rest = line.partition("==")
        if package in packages:
            found[package] = rest.split()[0]
    return found


def _uv(*arguments: str) -> None:
    with tempfile.TemporaryFile("w+") as log:
        done = subprocess.run(
            [str(_UV), "--quiet", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=_INSTALL_S,
            check=False,
        )
        if done.returncode != 0:
            log.seek(0)
            raise EnvironmentFailed(f"uv {arguments[0]} failed:\n{log.read()[-2_000:]}")
