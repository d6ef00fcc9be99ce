"""What the handler of an order event says of it, for the evaluation that follows."""

from __future__ import annotations

from typing import NamedTuple

from handlers.dormancy import CameBack


class Effect(NamedTuple):
    """`reason` names the event in a tier change; `reduces` is true for what lowers value."""

    reason: str = "order"
    reduces: bool = False
    came_back: CameBack | None = None
    unmatched: int = 0
