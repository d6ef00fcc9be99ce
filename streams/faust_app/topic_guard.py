"""Refuses topics that are not those whose offsets and state we have.

An offset counts the records of one topic. When the topic is deleted and created anew, or loses
records, the same number stands for other records: reading on would skip some and take others for
repetitions. So each committed offset carries the ids of all topics, and a worker that finds another
id ends. It never moves an offset by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka.structs import TopicPartition

from streams.faust_app.topic_identity import TopicState, short_id

_MISSING_LOOKS = 3
"""A broker that has just come back may not know all topics yet."""

_ADOPT = (
    "if that is meant, stop all workers and run 'tierstream topics adopt {topic}', which goes on "
    "with it from its first record"
)
_GIVE_UP = (
    "if they can be given up, stop all workers and run 'tierstream topics adopt {topic}', which "
    "goes on with its first record"
)
_NO_WAY_ON = (
    "what was made from the former one cannot be gone on with: bring it back, or begin anew with "
    "another TIERSTREAM_APP_ID and TIERSTREAM_TOPIC_PREFIX"
)


class TopicChanged(RuntimeError):
    """A topic is not the one that was worked with; one sentence that says what to do."""


class TopicGuard:
    """Knows the topics of a process, and what they were when it began.

    Args:
        inputs: labels by name of the topics that may get more partitions, and that an operator may
            adopt when they were created anew. A label names the topic beside a committed offset.
        outputs: the same for topics that are only written; their number of partitions is for ever.
        kept: the same for topics that must stay as they are, because state was made from them.
    """

    def __init__(
        self,
        inputs: Mapping[str, str] | None = None,
        outputs: Mapping[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        self._inputs = frozenset(inputs or ())
        self._kept = frozenset(kept or ())
        self._labels = {**(inputs or {}), **(outputs or {}), **(kept or {})}
        self._names = {label: name for name, label in self._labels.items()}
        self._known: dict[str, TopicState] = {}
        self._missing: dict[str, int] = {}
        self._short_ids: dict[str, str] = {}
        self._metadata = ""

    @property
    def names(self) -> frozenset[str]:
        """The topics to look at."""
        return frozenset(self._labels)

    @property
    def read_names(self) -> frozenset[str]:
        """The topics that may have committed offsets."""
        return self._inputs | self._kept

    @property
    def metadata(self) -> str:
        """What to commit beside every offset: the ids of all topics; empty where there are none.

        Not only the id of the topic that is read: with a topic Kafka deletes its committed offsets,
        and only those of the others remember which topic it was.
        """
        return self._metadata

    def label(self, topic: str) -> str:
        """What a topic is called beside a committed offset."""
        return self._labels[topic]

    def short_topic_id(self, topic: str) -> str:
        """The first characters of the id of a topic that this process reads; empty for none."""
        return self._short_ids.get(topic, "")

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; 0 if it was not looked at."""
        known = self._known.get(topic)
        return 0 if known is None else known.partitions

    def look(self, found: Mapping[str, TopicState]) -> bool:
        """Compare what a broker says with what was seen first.

        Returns:
            whether an input has got more partitions.

        Raises:
            TopicChanged: a topic was created anew, has another number of partitions, or is gone.
        """
        has_grown = False
        for name, state in found.items():
            self._missing.pop(name, None)
            known = self._known.setdefault(name, state)
            if known.topic_id and state.topic_id and known.topic_id != state.topic_id:
                raise TopicChanged(self._made_anew(name, known.topic_id, state.topic_id))
            if known.partitions != state.partitions:
                self._recount(name, known, state)
                has_grown = True
        for name in self.names - found.keys():
            self._missing[name] = self._missing.get(name, 0) + 1
            if self._missing[name] >= _MISSING_LOOKS:
                raise TopicChanged(f"topic {name} is gone; {self._remedy(name)}")
        self._note_ids()
        return has_grown

    def check_topic_ids(self, metadata: str) -> None:
        """Compare the ids beside a committed offset with those of the topics there are.

        An offset without ids was committed when the broker had none, and is taken as it is.

        Raises:
            TopicChanged: some topic had another id.
        """
        for label, committed_id in decode_topic_ids(metadata).items():
            name = self._names.get(label, "")
            present = self._known.get(name)
            if present is not None and present.topic_id not in ("", committed_id):
                raise TopicChanged(self._made_anew(name, committed_id, present.topic_id))

    def out_of_range(self, tp: TopicPartition, offset: int, begin: int, end: int) -> TopicChanged:
        """What to raise for an offset at which the partition has no record."""
        place = f"{tp.topic}/{tp.partition}"
        if offset < begin:
            return TopicChanged(
                f"records {offset} to {begin - 1} of {place} were removed before they were read; "
                f"{_GIVE_UP.format(topic=tp.topic)}"
            )
        return TopicChanged(
            f"{place} ends at {end}, before position {offset} up to which it was read: it has "
            f"lost records or was made anew; {self._remedy(tp.topic)}"
        )

    def _recount(self, name: str, known: TopicState, state: TopicState) -> None:
        if name not in self._inputs or state.partitions < known.partitions:
            raise TopicChanged(
                f"topic {name} has {state.partitions} partitions and had {known.partitions}; "
                f"{_NO_WAY_ON}"
            )
        self._known[name] = known._replace(partitions=state.partitions)

    def _made_anew(self, name: str, former_id: str, present_id: str) -> str:
        return (
            f"topic {name} was deleted and made anew: its id was {former_id} and is {present_id}; "
            f"{self._remedy(name)}"
        )

    def _remedy(self, name: str) -> str:
        return _NO_WAY_ON if name in self._kept else _ADOPT.format(topic=name)

    def _note_ids(self) -> None:
        ids = {
            self._labels[name]: state.topic_id
            for name, state in self._known.items()
            if state.topic_id and name in self._labels
        }
        self._metadata = encode_topic_ids(ids)
        self._short_ids = {name: short_id(state.topic_id) for name, state in self._known.items()}


def encode_topic_ids(ids: Mapping[str, str]) -> str:
    """Ids of topics by their labels, as text; some hundred bytes of ASCII."""
    return " ".join(f"{label}={topic_id}" for label, topic_id in sorted(ids.items()))


def decode_topic_ids(metadata: str) -> dict[str, str]:
    """The ids that `encode_topic_ids` has written; none in any other text."""
    parts = (part.partition("=") for part in metadata.split(" "))
    return {label: topic_id for label, _, topic_id in parts if topic_id}
