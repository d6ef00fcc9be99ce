"""How `make test` shares the tests among its processes.

Tests that start servers wait more than they compute. Two processes take these first, one at a time
each; whatever only computes fills the time in which they wait. Who has nothing left helps others.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

CLUSTERS = (
    "tests/fault/test_changed_topics.py",
    "tests/fault/test_faults.py",
    "tests/fault/test_full_disk.py",
    "tests/side_by_side/test_course.py",
)
"""Files that start a cluster of their own, once for all of their tests."""
SERVERS = (*CLUSTERS, "tests/integration/", "tests/client/test_consumer.py")
_PROCESSES_FOR_SERVERS = 2


def unit_of(test: str) -> str:
    """What is not divided among processes: the file of a cluster's tests, else the test itself."""
    path = test.partition("::")[0]
    return path if path in CLUSTERS else test


def starts_servers(unit: str) -> bool:
    """Whether a unit waits more than it computes."""
    return unit.startswith(SERVERS)


class ServersApart(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives each process what suits it, the largest units first; and anything when that is done."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        serves = self.nodes.index(node) < _PROCESSES_FOR_SERVERS
        suitable = (unit for unit in self.workqueue if starts_servers(unit) == serves)
        unit = next(suitable, None)
        if unit is not None:
            self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)
