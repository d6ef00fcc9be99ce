"""The applications that are compared: how each is started, and what it leaves."""

from __future__ import annotations

import json
import os
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from config.policy_file import check_policy
from config.settings import Settings
from devtools.servers.ports import free_ports
from handlers.state.customer import unpack
from streams.changelog import read_state
from streams.kafka.headers import META_KEY
from streams.kafka.topics import changelog_name, create_topics, topic_name
from streams.policy_log import ensure_policy
from tests.fault.evidence import RawRecord
from tests.fault.taking import take_topics
from tests.side_by_side.orders import TIERS, Change, Figures

PARTITIONS = 4

_APP_ID = "tiers"
_PREFIX = "shop."

Records = Mapping[int, Sequence[RawRecord]]
"""Of one topic, by partition."""


class Left(NamedTuple):
    """What an application left behind."""

    figures: dict[str, Figures]
    most_orders: dict[str, int]
    told: dict[str, list[Change]]


class Contender(ABC):
    """An application under comparison.

    Attributes:
        name: for people.
        program: what is run for each worker.
        orders: the input topic.
        chain: the topics that an order goes through, each to be committed.
    """

    name: str
    program: Sequence[str]
    orders: str
    chain: Sequence[str]

    @abstractmethod
    async def prepare(self) -> None:
        """Make what must be there before a worker starts."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """The variables of a worker."""

    @abstractmethod
    async def left(self) -> Left:
        """Read what it knows, as a fresh worker restores it, and what it told."""

    def is_ready(self, log: str) -> bool:
        """Whether a worker with this log has taken its partitions: in both it is Faust's word."""
        return "Worker ready" in log


class Tierstream(Contender):
    """The product, as an operator runs it."""

    name = "Tierstream"
    program = (sys.executable, "-m", "cli.main", "worker")

    def __init__(self, bootstrap_servers: str, folder: Path, session_s: int) -> None:
        self._session_s = session_s
        self._policy_file = folder / "policy.toml"
        self._policy_file.write_text(_policy())
        self._settings = Settings(
            kafka_bootstrap_servers=bootstrap_servers,
            app_id=_APP_ID,
            topic_prefix=_PREFIX,
            partitions=PARTITIONS,
        )
        self.orders = topic_name(self._settings, "orders")
        self.chain = (self.orders, topic_name(self._settings, "customer-events"))

    async def prepare(self) -> None:
        """Topics and the policy."""
        await create_topics(self._settings)
        tiers = [{"name": name, "min_frequency": least} for name, least in TIERS[:-1]]
        policy = {"version": "side-by-side", "tiers": [*tiers, {"name": TIERS[-1][0]}]}
        await ensure_policy(self._settings, check_policy(policy))

    def environment(self) -> dict[str, str]:
        """Its settings are its defaults, but for the session timeout."""
        [port] = free_ports()
        settings = {
            "kafka_bootstrap_servers": self._settings.kafka_bootstrap_servers,
            "app_id": _APP_ID,
            "topic_prefix": _PREFIX,
            "partitions": PARTITIONS,
            "policy_file": self._policy_file,
            "session_timeout": f"{self._session_s}s",
            "http_port": port,
            "log_format": "json",
        }
        return _inherited() | {f"TIERSTREAM_{k.upper()}": str(v) for k, v in settings.items()}

    async def left(self) -> Left:
        """The state by the rule of a restore, the changes by the rule of a consumer."""
        servers = self._settings.kafka_bootstrap_servers
        changes = topic_name(self._settings, "tier-changes")
        names = {name: name for name in (changelog_name(self._settings), changes)}
        topics = await take_topics(servers, names, PARTITIONS)
        figures = {}
        for number in range(PARTITIONS):
            state = await read_state(self._settings, number)
            for customer_id, packed in state.store.packed():
                ledger = unpack(packed).ledger
                figures[customer_id] = Figures(ledger.frequency, ledger.monetary)
        most: dict[str, int] = defaultdict(int)
        for record in _all(topics[changelog_name(self._settings)]):
            if record.key != META_KEY and record.value is not None:
                customer = unpack(record.value)
                most[customer.customer_id] = max(
                    most[customer.customer_id], customer.ledger.frequency
                )
        return Left(figures, most, _by_sequence(topics[changes]))


class PlainFaust(Contender):
    """`tests.side_by_side.plain_faust`, with Faust's default settings or tuned ones."""

    program = (
        *(sys.executable, "-m", "faust", "-A", "tests.side_by_side.plain_faust"),
        *("worker", "--without-web", "-l", "info"),
    )

    def __init__(
        self, bootstrap_servers: str, folder: Path, session_s: int, *, tuned: bool
    ) -> None:
        self._session_s = session_s
        self.name = f"plain Faust, {'tuned' if tuned else 'defaults'}"
        self._servers = bootstrap_servers
        self._folder = folder
        self._tuned = tuned
        self._changes = f"{_PREFIX}tier-changes"
        self._changelog = f"{_APP_ID}-customers-changelog"
        self.orders = f"{_PREFIX}orders"
        self.chain = (self.orders,)

    async def prepare(self) -> None:
        """The topics; with its defaults Faust makes the changelog itself."""
        topics = [NewTopic(name, PARTITIONS, 1) for name in (self.orders, self._changes)]
        if self._tuned:
            compacted = {"cleanup.policy": "compact"}
            topics.append(NewTopic(self._changelog, PARTITIONS, 1, topic_configs=compacted))
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        await admin.start()
        try:
            await admin.create_topics(topics)
        finally:
            await admin.close()

    def environment(self) -> dict[str, str]:
        """What `plain_faust` reads."""
        broker = ";".join(f"kafka://{server}" for server in self._servers.split(","))
        settings = {
            "APP_ID": _APP_ID,
            "BROKER": broker,
            "SESSION_S": str(self._session_s),
            "PARTITIONS": str(PARTITIONS),
            "FOLDER": str(self._folder / "faust-data"),
            "ORDERS": self.orders,
            "CHANGES": self._changes,
            "TUNED": "1" if self._tuned else "",
        }
        return _inherited() | {f"SIDE_BY_SIDE_{name}": value for name, value in settings.items()}

    async def left(self) -> Left:
        """The state is the last record of each customer, as Faust restores it.

        Its tier changes have nothing by which a consumer could tell a repetition.
        """
        names = {name: name for name in (self._changelog, self._changes)}
        topics = await take_topics(self._servers, names, PARTITIONS)
        figures: dict[str, Figures] = {}
        most: dict[str, int] = defaultdict(int)
        for record in _all(topics[self._changelog]):
            assert record.key is not None
            assert record.value is not None
            customer_id, found = json.loads(record.key), json.loads(record.value)
            minor = int(Decimal(found["monetary"]) * 100)
            figures[customer_id] = Figures(found["frequency"], minor)
            most[customer_id] = max(most[customer_id], found["frequency"])
        told: dict[str, list[Change]] = defaultdict(list)
        for record in _all(topics[self._changes]):
            change = json.loads(record.value or b"")
            told[change["customer_id"]].append((change["previous_tier"], change["tier"]))
        return Left(figures, most, told)


def contenders(bootstrap_servers: str, folder: Path, session_s: int) -> dict[str, Contender]:
    """All of them, by the names of the command line.

    Args:
        bootstrap_servers: of the broker.
        folder: for files.
        session_s: silence after which the group takes a worker for dead, the same for all.
    """
    return {
        "tierstream": Tierstream(bootstrap_servers, folder, session_s),
        "faust": PlainFaust(bootstrap_servers, folder, session_s, tuned=False),
        "faust-tuned": PlainFaust(bootstrap_servers, folder, session_s, tuned=True),
    }


def _policy() -> str:
    tiers = [f'[[tiers]]\nname = "{name}"\nmin_frequency = {least}\n' for name, least in TIERS[:-1]]
    return f'version = "side-by-side"\n{"".join(tiers)}[[tiers]]\nname = "{TIERS[-1][0]}"\n'


def _by_sequence(changes: Records) -> dict[str, list[Change]]:
    """By the rule for consumers: drop what is not greater than the last sequence."""
    told: dict[str, list[Change]] = defaultdict(list)
    last: dict[str, int] = {}
    for record in _all(changes):
        data = json.loads(record.value or b"")["data"]
        customer_id = data["customer_id"]
        if data["sequence"] > last.get(customer_id, 0):
            last[customer_id] = data["sequence"]
            told[customer_id].append((data["previous_tier"], data["tier"]))
    return told


def _all(records: Records) -> list[RawRecord]:
    """Partition by partition; a customer is in one only."""
    return [record for number in sorted(records) for record in records[number]]


def _inherited() -> dict[str, str]:
    ours = ("TIERSTREAM_", "KAFKA_", "REDIS_", "SIDE_BY_SIDE_", "FAUST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
