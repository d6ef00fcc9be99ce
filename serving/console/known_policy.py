"""The policy as pages know it: what tiers are called, their order, the currency."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import msgspec
from babel.dates import format_date
from typing_extensions import override

from scoring.policy import Policy
from scoring.rules import PROSPECT
from serving.console.client import ApiClient, ApiProblem
from words import Language, Words
from words.naming import Naming

_KEPT_S = 30.0
_TRIED_AGAIN_S = 5.0


@dataclass(slots=True)
class KnownPolicy:
    """The policy that the API told last; one for all visitors, since each may read it."""

    policy: Policy | None = None
    _next_s: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def refresh(self, api: ApiClient) -> None:
        """Ask the API if it is time to; without an answer, what was known stays."""
        async with self._turn:
            await self._refresh(api, time.monotonic())

    async def _refresh(self, api: ApiClient, now_s: float) -> None:
        if now_s < self._next_s:
            return
        self._next_s = now_s + _TRIED_AGAIN_S
        try:
            self.policy = msgspec.convert(await api.get("/v1/policy"), Policy)
        except (ApiProblem, msgspec.ValidationError):
            return
        self._next_s = now_s + _KEPT_S


class PolicyWords(Words):
    """The words of a language, with the names and the currency of the policy where it is known.

    Args:
        language: of the reader.
        known: the policy, if any.
    """

    def __init__(self, language: Language, known: KnownPolicy) -> None:
        super().__init__(language)
        self._known = known

    @property
    def policy(self) -> Policy | None:
        """The policy; None while none is known."""
        return self._known.policy

    @property
    def naming(self) -> Naming | None:
        """Names for sentences; None while no policy is known."""
        policy = self._known.policy
        return None if policy is None else Naming(self, policy)

    @property
    def tiers(self) -> list[str]:
        """The policy's tiers from the best down; none while no policy is known."""
        policy = self._known.policy
        return [] if policy is None else [tier.name for tier in policy.tiers]

    def tier(self, name: str) -> str:
        """What people call a tier."""
        naming = self.naming
        if naming is not None:
            called = naming.tier(name)
            return called if name in (called, PROSPECT) else f"{name} · {called}"
        return self.term("stage", PROSPECT) if name == PROSPECT else name

    def month(self, month: str) -> str:
        """A month such as `2026-03`: `Mar 2026`, `2026年3月`."""
        form = "y年M月" if self.language is Language.ZH else "MMM y"
        day = date(int(month[:4]), int(month[5:7]), 1)
        return format_date(day, form, locale=self.locale)

    def action(self, name: str | None) -> str:
        """What people call an action."""
        naming = self.naming
        return name or "" if naming is None or name is None else naming.action(name)

    @override
    def money(self, amount: str | Decimal, currency: str | None = None) -> str:
        """An amount; without a currency, in that of the policy."""
        policy = self._known.policy
        own = None if policy is None else policy.currency
        return super().money(amount, currency or own)
