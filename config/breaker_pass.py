"""Which bad records a breaker lets pass: up to which offset of which input partitions."""

from __future__ import annotations

import re
from typing import NamedTuple

_PASS = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,6})@([0-9]{1,19})", re.ASCII)


class BreakerPass(NamedTuple):
    """Records of a partition before an offset are not counted; the topic is as it was written."""

    topic: str
    partition: int
    offset: int


def parse_breaker_pass(text: str) -> list[BreakerPass]:
    """Passes such as ``orders/3@120000``, separated by commas; spaces are dropped.

    Raises:
        ValueError: one is written otherwise, or a partition is named twice.
    """
    passes = []
    for written in filter(None, (part.strip() for part in text.split(","))):
        match = _PASS.fullmatch(written)
        if match is None:
            raise ValueError("is no list of topic/partition@offset, such as orders/3@120000")
        passes.append(BreakerPass(match[1], int(match[2]), int(match[3])))
    if len({(one.topic, one.partition) for one in passes}) < len(passes):
        raise ValueError("names a partition twice")
    return passes


def checked_pass(text: str) -> str:
    """The text, if it is one that `parse_breaker_pass` reads."""
    parse_breaker_pass(text)
    return text
