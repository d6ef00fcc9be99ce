"""The profiles of a checkpoint, each made when it is written and not all at once before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from handlers.outputs import Output
from handlers.partition import Partition


class CheckpointProfiles(Collection[Output]):
    """The profiles of customers who changed before a checkpoint; iterating makes them.

    A profile must not be ahead of the outputs. Who changed again since the checkpoint began is
    therefore left out, and is written with the next one: of a profile only the newest counts. If
    the worker ends before, its successor finds a state ahead of the checkpoint, or applies the
    change again, and writes the profile either way.

    Args:
        partition: whose customers they are, as of the beginning of the checkpoint.
        customer_ids: the customers, in the order of writing.
        overdue: those who were left out last time. Their profiles are made now, so that one who
            never stops changing is written, too.

    Attributes:
        left_out: the customers who were left out so far.
    """

    def __init__(
        self, partition: Partition, customer_ids: Sequence[str], overdue: Collection[str] = ()
    ) -> None:
        self.left_out: set[str] = set()
        self._partition = partition
        self._customer_ids = customer_ids
        self._made = {
            customer_id: partition.profile(customer_id)
            for customer_id in customer_ids
            if customer_id in overdue
        }

    def __len__(self) -> int:
        return len(self._customer_ids) - len(self.left_out)

    def __iter__(self) -> Iterator[Output]:
        partition, made = self._partition, self._made
        for customer_id in self._customer_ids:
            if customer_id in made:
                profile = made[customer_id]
            elif customer_id in partition.stale_profiles:
                self.left_out.add(customer_id)
                continue
            else:
                profile = partition.profile(customer_id)
            if profile is not None:
                yield profile

    def __contains__(self, found: object) -> bool:
        return any(profile == found for profile in self)
