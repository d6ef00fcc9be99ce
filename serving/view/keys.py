"""The names of everything the view keeps in Redis.

All begin with the same prefix, whose text in braces (the hash tag) puts them into one slot of a
Redis Cluster: scripts may make keys, and pipelines and set operations work, there as elsewhere.

A view is built in a *generation*. Readers and the projector follow a pointer to the current one,
so a rebuild can fill another generation beside it and then move the pointer.
"""

from __future__ import annotations

from dataclasses import dataclass

FORM = "2"
"""The form of a generation's keys. One of another form is made anew, not written to."""

ONE_OF = ("tier", "stage", "segment", "level")
"""Facets of which a customer has one value, the profile's field of that name."""

FACETS = (*ONE_OF, "tag")
"""What customers are told apart by: for each value there is a set of customer ids. A customer has
any number of tags."""

RANKS = ("score", "spend", "next_fall", "needed", "health")
"""What customers are ordered by; where a profile says nothing, a customer is not in the rank.

- ``score``: the RFM score, 0 to 100.
- ``spend``: `monetary`, in the policy's currency.
- ``next_fall``: `keeps_until`, in milliseconds since 1970.
- ``needed``: `next_tier.order_amount_needed`, in the policy's currency.
- ``health``: `health.score`, 0 to 100.
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
        """Hash with how far the generation has come in each partition of the topic.

        ``next:<partition>`` is the offset of the first record it lacks, ``current:<partition>``
        when it last lacked none (milliseconds since 1970); ``form`` is its `FORM`.
        """
        return f"{self.base}positions"

    def customer(self, customer_id: str) -> str:
        """Hash: the plain fields of a customer's profile, its tags, and where its record stood."""
        return f"{self.base}customer:{customer_id}"

    def profile(self, customer_id: str) -> str:
        """String: a customer's profile, the JSON as it came."""
        return f"{self.base}profile:{customer_id}"

    def members(self, facet: str, value: str) -> str:
        """Set: ids of the customers whose ``facet`` is ``value``."""
        return f"{self.base}{facet}:{value}"

    def rank(self, name: str) -> str:
        """Sorted set: ids of the customers, by the value that ``name`` of `RANKS` stands for."""
        return f"{self.base}rank:{name}"

    def counts(self, facet: str) -> str:
        """Sorted set: the values of ``facet``, by how many customers have each, none with 0."""
        return f"{self.base}counts:{facet}"


@dataclass(frozen=True, slots=True)
class ViewKeys:
    """Keys of a view.

    Attributes:
        prefix: what they all begin with, from the settings, with a hash tag.
    """

    prefix: str

    @property
    def current(self) -> str:
        """String: the generation that readers follow."""
        return f"{self.prefix}current"

    @property
    def last(self) -> str:
        """Counter: the newest generation ever begun."""
        return f"{self.prefix}last"

    @property
    def rebuilding(self) -> str:
        """String that expires: the generation a rebuild is filling, and its right to do so."""
        return f"{self.prefix}rebuilding"

    @property
    def discarded(self) -> str:
        """Set: generations to delete, unless they are being filled."""
        return f"{self.prefix}discarded"

    def generation(self, number: str) -> GenerationKeys:
        """The keys of one generation."""
        return GenerationKeys(f"{self.prefix}{number}:")
