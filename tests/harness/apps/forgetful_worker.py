"""A `tierstream worker` that knows no topics when it first shares out the group's partitions.

So it is with a leader of the group whose broker has just started.
"""

from __future__ import annotations

from typing import Any

from faust.assignor.partition_assignor import PartitionAssignor

from cli.main import app

_assign = PartitionAssignor.assign


def _forgets_once(self: PartitionAssignor, cluster: Any, member_metadata: Any) -> Any:
    PartitionAssignor.assign = _assign  # type: ignore[method-assign]
    cluster._partitions.clear()
    return _assign(self, cluster, member_metadata)


def main() -> None:
    """Run the worker."""
    PartitionAssignor.assign = _forgets_once  # type: ignore[method-assign]
    app(["worker"])


if __name__ == "__main__":
    main()
