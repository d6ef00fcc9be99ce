"""How `make test` shares the tests among its processes.

Tests that start servers wait more than they compute. Two processes take these first, one at a time
each; whatever only computes fills the time in which they wait. Who has nothing left helps others.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

DIVIDED = ("tests/integration/", "tests/simulator/")
"""Where tests are long, and need nothing that only their file has."""
SERVERS = (
    "tests/client/test_consumer.py",
    "tests/fault/test_changed_topics.py",
    "tests/fault/test_faults.py",
    "tests/fault/test_full_disk.py",
    "tests/integration/",
    "tests/side_by_side/test_course.py",
)
_PROCESSES_FOR_SERVERS = 2


def unit_of(test: str) -> str:
    """What one process does as a whole: a file, which makes its data only once; or a long test."""
    return test if test.startswith(DIVIDED) else test.partition("::")[0]


def starts_servers(unit: str) -> bool:
    """Whether a unit waits more than it computes."""
    return unit.startswith(SERVERS)


class ServersApart(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives each process what suits it as long as there is any, and then anything."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        serves = self.nodes.index(node) < _PROCESSES_FOR_SERVERS
        suitable = (unit for unit in self.workqueue if starts_servers(unit) == serves)
        unit = next(suitable, None)
        if unit is not None:
            self.workqueue.move_to_end(unit, last=False)
        super()._assign_work_unit(node)
