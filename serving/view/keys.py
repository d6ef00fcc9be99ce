"""The keys of the view in Redis.

All begin with the same prefix, whose text in braces (the hash tag) puts them into one slot of a
Redis Cluster: scripts may make keys, and pipelines and set operations work, there as elsewhere.

A view is stored in a *generation*. Readers and the projector use the one that the key `current`
names, so a rebuild can fill another generation beside it and then change that key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from serving.view.contacts import KINDS

REMOVALS_KEPT_MS = 20 * 3_600_000
"""How long Kafka surely keeps the null record of an erased customer: by default 24 hours
(`delete.retention.ms`). A view that was behind for longer may have missed an erasure."""

FORM = "8"
"""The version of a generation's keys. One of another version is rebuilt, not written to."""

ONE_OF = ("tier", "stage", "segment", "level", "churn_answer", "owner", "rf", "unowned")
"""Facets of which a customer has one value: the profile's field of that name, but for ``rf``, which
is the digits R and F (``53``), and ``unowned``, which is ``true`` for who has no account manager
under a policy that asks for one. The tier comes first: falls are summed by it."""

FACETS = (*ONE_OF, "tag")
"""What customers can be filtered by: for each value there is a set of customer ids. A customer has
any number of tags."""

FILTERS = ("tier", "stage", "segment")
"""Facets by which the counts of all axes are kept apart."""

RANKS = ("score", "spend", "next_fall", "needed", "health", "complaints", "promised")
"""What customers can be sorted by; a customer whose profile has no such value is not in the rank.

- ``score``: the RFM score, 0 to 100.
- ``spend``: `monetary`, in the policy's currency.
- ``next_fall``: `keeps_until`, in milliseconds since 1970.
- ``needed``: `next_tier.order_amount_needed`, in the policy's currency.
- ``health``: `health.score`, 0 to 100.
- ``complaints``: open complaints, at least one; open tickets of any kind under a policy that keeps
  no `satisfaction`.
- ``promised``: the earliest `due_at` of `promises`, in milliseconds since 1970.
"""


@dataclass(frozen=True, slots=True)
class GenerationKeys:
    """Keys of one generation.

    Attributes:
        base: what they all begin with.
    """

    base: str

    @property
    def positions(self) -> str:
        """Hash with the stored offsets of `customer-profiles`.

        ``next:<partition>`` is the offset of the first record it lacks, ``current:<partition>``
        when it last lacked none (milliseconds since 1970); ``form`` is its `FORM`.
        """
        return f"{self.base}positions"

    def customer(self, customer_id: str) -> str:
        """Hash: the plain fields of a customer's profile, its tags, and its record's offset."""
        return f"{self.base}customer:{customer_id}"

    def profile(self, customer_id: str) -> str:
        """String: a customer's profile, the JSON as it came."""
        return f"{self.base}profile:{customer_id}"

    def timeline(self, customer_id: str) -> str:
        """List: what happened to a customer, by sequence: the number, a space and JSON.

        Scripts add keys ``timeline:erased:<number>`` by themselves: hashes with the times at which
        customers were erased.
        """
        return f"{self.base}timeline:{customer_id}"

    def trend(self, customer_id: str) -> str:
        """Hash: of each month (``2026-01``), what its last profile says (`serving.view.trend`).

        The field ``from`` has the same of where the months begin.
        """
        return f"{self.base}trend:{customer_id}"

    def all_of(self, customer_id: str) -> tuple[str, ...]:
        """All keys that are about one customer alone."""
        names = (self.customer, self.profile, self.timeline, self.trend)
        return tuple(name(customer_id) for name in names)

    def same(self, contact: str) -> str:
        """Set: ids of the customers who share a contact (`serving.view.contacts`), at least two.

        Scripts add keys ``contact:<digits>`` by themselves: hashes with the customer of each
        contact that only one has.
        """
        return f"{self.base}same:{contact}"

    def shared(self, kind: str) -> str:
        """Sorted set: contacts of a kind, by how many customers share each."""
        return f"{self.base}shared:{KINDS[kind]}"

    def members(self, facet: str, value: str) -> str:
        """Set: ids of the customers whose ``facet`` is ``value``."""
        return f"{self.base}{facet}:{value}"

    def rank(self, name: str) -> str:
        """Sorted set: ids of the customers, by the value that ``name`` of `RANKS` stands for."""
        return f"{self.base}rank:{name}"

    def counts(self, facet: str) -> str:
        """Sorted set: the values of ``facet``, by how many customers have each, none with 0.

        So it is for each of the axes (`serving.view.axes`).
        """
        return f"{self.base}counts:{facet}"

    def counts_among(self, axis: str, filter_: str, value: str) -> str:
        """As `counts`, of the customers whose ``filter_``, one of `FILTERS`, is ``value``."""
        return f"{self.base}counts:{axis}:{filter_}:{value}"

    def sums(self, facet: str) -> str:
        """Hash: sums of the customers of each value of ``facet``, none that is 0.

        A field is one of `MEASURES`, a colon and the value. For ``fall`` the value is when the
        customers fall (milliseconds since 1970), a space and the tier they lose.
        """
        return f"{self.base}sums:{facet}"


@dataclass(frozen=True, slots=True)
class ViewKeys:
    """Keys of a view.

    Attributes:
        prefix: what they all begin with, from the settings, with a hash tag.
    """

    prefix: str

    @property
    def current(self) -> str:
        """String: the current generation."""
        return f"{self.prefix}current"

    @property
    def last(self) -> str:
        """Counter: the newest generation ever started."""
        return f"{self.prefix}last"

    @property
    def rebuilding(self) -> str:
        """String that expires: the generation a rebuild is filling; while it is there, it may."""
        return f"{self.prefix}rebuilding"

    @property
    def discarded(self) -> str:
        """Set: generations to delete, unless they are being filled."""
        return f"{self.prefix}discarded"

    @property
    def history(self) -> str:
        """Hash: the figures at the end of each day (`serving.view.history`), by day (UTC).

        It belongs to no generation: a rebuild could not make it again.
        """
        return f"{self.prefix}history"

    def generation(self, number: str) -> GenerationKeys:
        """The keys of one generation."""
        return GenerationKeys(f"{self.prefix}{number}:")


@dataclass(frozen=True, slots=True)
class ChangesKeys:
    """Keys that the changes of both topics have.

    Scripts add keys ``seen:<number>`` by themselves: hashes with the newest sequence of each
    customer.

    Attributes:
        base: what their keys begin with.
    """

    base: str

    @property
    def positions(self) -> str:
        """Hash with the stored offsets of the topic.

        ``next:<partition>`` is the offset of the first record it lacks, ``current:<partition>``
        when it last lacked none, ``newest`` the newest ``effective_at`` of all. If records were
        removed from the topic before they were read, ``gone:<partition>`` is when the first one
        after them was written, and ``gap:<partition>`` when they were missed, until that one
        comes. All times are in milliseconds since 1970.
        """
        return f"{self.base}positions"


@dataclass(frozen=True, slots=True)
class MovesKeys(ChangesKeys):
    """Keys of the moves between tiers."""

    @property
    def days(self) -> str:
        """Sorted set: the days that have moves (``2026-01-31``), by their ordinal."""
        return f"{self.base}days"

    def day(self, day: date) -> str:
        """Hash: how often each move was made on a day (UTC).

        A field is a JSON list of the tier left, the tier reached and the reason.
        """
        return f"{self.base}day:{day.isoformat()}"

    def spend(self, day: date) -> str:
        """Hash: what the customers who made each move on a day spent in the window, summed.

        A field is ``high:`` or ``low:`` (`serving.view.axes.MEASURES`) and the move.
        """
        return f"{self.base}spend:{day.isoformat()}"


@dataclass(frozen=True, slots=True)
class LevelsKeys(ChangesKeys):
    """Keys of the dormancy levels."""

    def reached(self, level: str) -> str:
        """Sorted set: customers by when they reached ``level``, in milliseconds since 1970."""
        return f"{self.base}reached:{level}"


def moves_keys(generation: GenerationKeys) -> MovesKeys:
    """The keys of the moves in a generation."""
    return MovesKeys(f"{generation.base}moves:")


def levels_keys(generation: GenerationKeys) -> LevelsKeys:
    """The keys of the levels in a generation."""
    return LevelsKeys(f"{generation.base}levels:")
