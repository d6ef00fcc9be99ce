"""How `make test` shares the tests among its processes.

Tests that start servers wait more than they compute. They are two queues, of which each runs one
by one as it would without us: Apache Kafka, and all other servers. What only computes fills the
time in which these wait, test by test, in whichever process is free.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

ON_APACHE_KAFKA = (
    "tests/fault/test_changed_topics.py",
    "tests/fault/test_faults.py",
    "tests/fault/test_full_disk.py",
    "tests/integration/test_compose_kafka.py",
    "tests/integration/test_kafka_cluster_id.py",
    "tests/integration/test_lost_assignment.py",
    "tests/integration/test_supervised_worker.py",
    "tests/integration/test_topic_identity.py",
    "tests/side_by_side/test_course.py",
)
ON_SERVERS = ("tests/integration/", "tests/client/test_consumer.py")
KAFKA, SERVERS = "Apache Kafka", "other servers"


def queue_of(test: str) -> str:
    """The queue that a test stands in, by its name: all that is known where work is shared out.

    What needs no server is a queue of its own. Where a test stands decides how long all take
    together, not what comes out: each has servers or topics of its own.
    """
    if test.startswith(ON_APACHE_KAFKA):
        return KAFKA
    if test.startswith(ON_SERVERS):
        return KAFKA if "[kafka" in test else SERVERS
    return test


class TwoQueuesOfServers(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives a queue to one process as a whole, the longest first, so both start at once."""

    def _split_scope(self, nodeid: str) -> str:
        return queue_of(nodeid)
