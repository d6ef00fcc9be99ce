"""The shapes of answers that are not records of somebody else."""

from __future__ import annotations

SHAPES: tuple[type, ...] = ()
