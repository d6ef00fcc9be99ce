"""The customary names of the 125 RFM codes, read from the packaged table."""

from __future__ import annotations

import csv
from importlib import resources


def load_segments() -> dict[int, str]:
    """Segment by the three digits as one number: `555` is `Champions`."""
    text = resources.files(__package__).joinpath("rfm_segments.csv").read_text("utf-8")
    return {int(row["rfm"]): row["segment"] for row in csv.DictReader(text.splitlines())}


SEGMENTS = load_segments()
