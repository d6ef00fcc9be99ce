"""What runs: the release, and whether its core is compiled or plain Python."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from handlers import partition


def release() -> str:
    """The version of the installed program; ``unknown`` in a checkout that was not installed."""
    try:
        return version("tierstream")
    except PackageNotFoundError:
        return "unknown"


def build() -> str:
    """``compiled`` if the core was compiled when the package was built, ``plain`` if not."""
    return "plain" if str(partition.__file__).endswith(".py") else "compiled"
