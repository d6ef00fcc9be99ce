"""The round of a new policy: its customers are re-evaluated a few at a time, in order of their ids.

Who belongs to the round, and who of them are next, depends on the log alone: on the customers that
were known when the policy came, whatever became of them since. So a worker that restarts within a
round goes on as if it had not. Who was changed since the policy came had their turn before that, so
`Customer.applied` tells who still waits.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import msgpack
from msgspec.structs import replace

from handlers.causes import POLICY
from handlers.context import Cause
from handlers.state.customer import Customer
from handlers.state.ids_in_order import IdsInOrder
from handlers.state.partition_state import Former, Meta, Round
from handlers.state.store import CustomerStore
from scoring.policy import Policy
from scoring.rules import Rules

MAX_FORMERS = 4
"""Policies that customers of one round may come from."""
MAX_FORMER_BYTES = 256 * 1024
"""The size of these policies in the partition's own record."""


class Standing(NamedTuple):
    """The rules that a customer stands under, and how far time has come for it."""

    rules: Rules
    now_ms: int


class PolicyRound:
    """Whose turn it is under the newest policy, and who still waits; kept in `Meta.round`."""

    def __init__(self, meta: Meta, store: CustomerStore) -> None:
        self._meta = meta
        self._store = store
        self._ids: IdsInOrder | None = None
        self._former_rules: dict[int, Rules] = {}

    @property
    def is_on(self) -> bool:
        """Whether customers still wait for their turn."""
        return self._meta.round is not None

    @property
    def is_full(self) -> bool:
        """Whether customers of so many policies wait that by a further one all must go at once."""
        current = self._meta.round
        if current is None:
            return False
        size = sum(len(msgpack.encode(former.policy)) for former in current.formers)
        return len(current.formers) >= MAX_FORMERS or size > MAX_FORMER_BYTES

    @property
    def remaining(self) -> int:
        """How many customers are left, those included who had their turn by an event."""
        return len(self._all_ids()) if self.is_on else 0

    @property
    def cause(self) -> Cause:
        """What the evaluations of this round follow from."""
        return Cause(f"policy:{self._current.event_id}", (), POLICY)

    @property
    def is_quiet(self) -> bool:
        """Whether the policy of this round was published quietly."""
        return self._current.quiet

    def begin(
        self,
        offset: int,
        event_id: str,
        at_a_time: int,
        former: tuple[Policy, Rules],
        *,
        quiet: bool = False,
    ) -> None:
        """Begin anew for all customers known now.

        Args:
            offset: of the policy's record.
            event_id: of the same.
            at_a_time: how many customers each further record re-evaluates.
            former: the policy that was in force until now.
            quiet: what follows from the new policy alone is not to be acted on.
        """
        meta, (policy, rules) = self._meta, former
        before = () if meta.round is None else meta.round.formers
        formers = (*before, Former(offset, meta.clock_ms, policy))
        meta.round = Round(event_id, at_a_time, None, formers, quiet)
        self._former_rules[offset] = rules
        self._ids = None

    def next_ids(self) -> list[str]:
        """The ids that are next, as many as go at a time; take them, then say so by `pass_by`."""
        current = self._current
        ids, found = self._all_ids(), list[str]()
        while len(found) < current.at_a_time and (customer_id := ids.pop()) is not None:
            if self._was_known(customer_id, current.offset):
                found.append(customer_id)
        return found

    def pass_by(self, ids: list[str]) -> None:
        """These ids had their turn; if they are fewer than go at a time, the round is over."""
        current = self._current
        if len(ids) == current.at_a_time:
            self._meta.round = replace(current, after=ids[-1])
            return
        self._meta.round = None
        self._ids = None
        self._former_rules.clear()

    def rewind(self) -> None:
        """Go on from what `Meta.round` says, which was put back."""
        self._ids = None

    def waits(self, customer_id: str) -> bool:
        """Whether the turn of a known customer is still to come."""
        current = self._meta.round
        return current is not None and self._store.applied(customer_id) < current.offset

    def standing_of(self, customer: Customer) -> Standing | None:
        """How a customer stands whose turn is still to come; None for all others."""
        current = self._meta.round
        if current is None or customer.is_gone or not 0 <= customer.applied < current.offset:
            return None
        former = next(each for each in current.formers if customer.applied < each.offset)
        rules = self._former_rules.get(former.offset)
        if rules is None:
            rules = self._former_rules[former.offset] = Rules(former.policy)
        rules.format = self._meta.format
        return Standing(rules, max(customer.newest_ms, former.clock_ms))

    @property
    def _current(self) -> Round:
        assert self._meta.round is not None, "no round is on"
        return self._meta.round

    def _all_ids(self) -> IdsInOrder:
        if self._ids is None:
            after = self._current.after
            ids = self._store.unsorted_ids()
            self._ids = IdsInOrder(ids if after is None else [one for one in ids if one > after])
        return self._ids

    def _was_known(self, customer_id: str, offset: int) -> bool:
        """Whether a customer was known at an offset; a restored state may be from behind it."""
        store = self._store
        return store.applied(customer_id) < offset or store.first_offset(customer_id) <= offset
