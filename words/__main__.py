"""`python -m words`: brings `zh.po` in step with the sources. Run at the top of a checkout."""

from __future__ import annotations

import sys
from pathlib import Path

from words.extraction import refresh
from words.language import Language

if __name__ == "__main__":
    missing = refresh(Path.cwd(), Language.ZH)
    sys.stdout.write(f"words/zh.po: {missing} messages have no text yet\n")
