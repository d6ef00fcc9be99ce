"""Reads a customer's id from the standard input and writes the explanation to the output."""

from __future__ import annotations

import asyncio
import logging
import sys

import msgspec

from cli.errors import EXPECTED
from cli.explain.state import NothingToExplain, explained
from config.environment import load_settings
from serving.api.explain_process import FOUND, NOTHING


def main() -> int:
    """Explain one customer; how it went."""
    logging.disable(logging.CRITICAL)
    customer_id = sys.stdin.buffer.read().decode()
    try:
        why = asyncio.run(explained(load_settings(), customer_id))
    except NothingToExplain as reason:
        sys.stderr.write(f"{reason}\n")
        return NOTHING
    except (*EXPECTED, TimeoutError) as error:
        sys.stderr.write(f"{error or type(error).__name__}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(why))
    return FOUND


if __name__ == "__main__":
    sys.exit(main())
