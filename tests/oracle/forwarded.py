"""What goes on to another customer: the way it takes, and how it comes back where it cannot end."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.customer import Customer
from tests.oracle.policy import Policy

MOST_HOPS = 64


@dataclass(frozen=True)
class Merge:
    """For which id another was left, and the how-manieth time."""

    into: str
    number: int


@dataclass(frozen=True)
class Hop:
    """An id that was passed, and the how-manieth time it was left."""

    customer_id: str
    number: int


@dataclass(frozen=True)
class Way:
    """Where something goes, the ids it has passed, and, on the way back, the one left last."""

    into: str
    passed: tuple[Hop, ...] = ()
    back_from: Hop | None = None

    def shown(self) -> dict[str, Any]:
        """As the log has it: fields that say nothing are left out by none, so all are there."""
        return {
            "into": self.into,
            "via": [[hop.customer_id, hop.number] for hop in self.passed],
            "back": None if self.back_from is None else [*_pair(self.back_from)],
        }


@dataclass(frozen=True)
class Transfer:
    """Everything kept of somebody who was merged, as it left, under the policy it left."""

    way: Way
    customer: Customer
    policy: Policy
    event_id: str
    at_ms: int


@dataclass(frozen=True)
class Followed:
    """An event told of somebody who was merged; what it says is in its own record."""

    way: Way


Forwarded = Transfer | Followed


def next_way(customer_id: str, merge: Merge | None, way: Way) -> Way | None:
    """On from somebody who is gone (`merge` is None for the erased); None where it ends here.

    Forward as long as a merge leads somewhere new; else back by the steps it came.
    """
    if merge is not None:
        here = Hop(customer_id, merge.number)
        if here not in way.passed and here != way.back_from and len(way.passed) < MOST_HOPS:
            return Way(merge.into, (*way.passed, here))
    if not way.passed:
        return None
    last = way.passed[-1]
    return Way(last.customer_id, way.passed[:-1], back_from=last)


def _pair(hop: Hop) -> tuple[str, int]:
    return hop.customer_id, hop.number
