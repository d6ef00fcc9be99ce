"""`tierstream` of a release that there is not yet: it has a further format.

Of each customer it also counts, from that format on, how often the state was changed.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import msgpack

from handlers.state import formats
from handlers.state.format_fields import since

NEXT = formats.NEWEST + 1


def install() -> None:
    """Be that release, in this process; before other modules look at the formats."""
    formats.NEWEST = NEXT
    from handlers.state import customer as states

    class NextCustomer(states.Customer, array_like=True):
        """A customer with one more field."""

        changes: Annotated[int, since(NEXT)] = 0

    module: Any = states
    module.Customer = NextCustomer
    module._decoder = msgpack.Decoder(NextCustomer)

    from handlers.partition_core import Counted, PartitionCore

    put = PartitionCore.put

    def put_counted(
        core: PartitionCore, offset: int, customer: states.Customer, was: Counted
    ) -> None:
        if core.meta.format >= NEXT and isinstance(customer, NextCustomer):
            customer.changes += 1
        put(core, offset, customer, was)

    core: Any = PartitionCore
    core.put = put_counted


if __name__ == "__main__":
    install()
    from cli.main import main

    main()
