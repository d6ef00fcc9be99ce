"""What the projector tells about its work; the command line ties it to the metrics."""

from __future__ import annotations


class ViewMeter:
    """Receives figures and forgets them; override what is to be shown. All must return at once."""

    def of_changes(self, _topic: str, /) -> ViewMeter:
        """The meter for the changes of a topic."""
        return self

    def records(self, outcome: str, count: int) -> None:
        """What became of records.

        They were ``applied``, ``removed``, ``coalesced``, ``skipped``, ``unreadable``, or ``lost``
        since they were removed from the topic before they were read.
        """

    def applied_in(self, seconds: float) -> None:
        """A batch was acknowledged by Redis after this time, retries included."""

    def delay(self, seconds: float) -> None:
        """Age of the oldest record that Redis lacks; 0 when it lacks none."""

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Offsets between what was applied and the end of the partition."""

    def left(self, topic: str, partition: int) -> None:
        """The partition went to another process."""

    def retried(self) -> None:
        """Redis did not answer, or could not take what was sent."""

    def rewound(self) -> None:
        """The place in the topic had to be taken anew from Redis."""
