"""A `tierstream worker` whose rules have faults, the same ones at each start."""

from __future__ import annotations

import sys

from cli.main import app
from tests.support.poison import poison_everywhere


def main(places: str) -> None:
    """Run the worker."""
    with poison_everywhere(*places.split(",")):
        app(["worker"])


if __name__ == "__main__":
    main(sys.argv[1])
