"""The JSON documents of figures: what customers have together, and how they are distributed."""

from __future__ import annotations

from msgspec import Struct, field


class FigureRow(Struct, frozen=True):
    """What some customers have together; amounts are decimal text in the policy's currency."""

    value: str | None
    """The value of the facet; null for all customers together."""
    customers: int
    customers_share: float | None
    """Of all customers, 0 to 1; null if there are none."""
    spend: str
    """The value of their counted orders in the window."""
    spend_share: float | None
    """Of the spend of all customers; null if that is not above zero."""
    orders: int
    """Their counted orders in the window."""
    mean_order: str | None
    """Spend by orders, rounded half-even; null without orders."""
    orders_ever: int
    spend_ever: str
    points: int
    """The points they hold together."""


class FigureTable(Struct, frozen=True):
    """Figures by the values of a facet, the highest spend first."""

    by: str
    total: FigureRow
    """Of all customers, also those without a value."""
    rows: list[FigureRow]


class GridCell(Struct, frozen=True):
    """A cell of the recency-frequency grid."""

    r: int
    f: int
    customers: int
    customers_share: float | None
    spend: str
    spend_share: float | None


class Grid(Struct, frozen=True):
    """The grid of the digits R and F, from (5, 5) down; empty cells are there, too."""

    customers: int
    """All customers, also those without digits."""
    spend: str
    cells: list[GridCell]


class Distribution(Struct, frozen=True):
    """How many customers have each value of an axis, the most first."""

    axis: str
    customers: int
    """All customers for whom the filter holds."""
    without: int | None
    """Those without a value; null on an axis with several values a customer."""
    values: dict[str, int]


class RateRow(Struct, frozen=True):
    """What share of some customers bought, bought again and recommended."""

    value: str | None
    customers: int
    buyers: int
    """Customers with a counted order ever."""
    repeat_buyers: int
    """Customers with at least two."""
    conversion: float | None
    """Buyers by customers; null if there are none."""
    repeat_rate: float | None
    """Repeat buyers by buyers; null if there are none."""
    referrers: int | None
    """Customers with the tag that the request names; null without one."""
    referral_rate: float | None
    """Referrers by customers."""


class Rates(Struct, frozen=True):
    """Rates of all customers, and by the values of a facet."""

    by: str
    total: RateRow
    rows: list[RateRow]


class CsatRow(Struct, frozen=True):
    """The newest CSAT answer of each customer."""

    answers: int
    mean: float | None
    """Rounded to two decimals; null without answers."""
    scores: dict[str, int]


class NpsRow(Struct, frozen=True):
    """The newest NPS answer of each customer."""

    answers: int
    promoters: int
    """Answers of 9 and 10."""
    passives: int
    detractors: int
    """Answers from 0 to 6."""
    score: float | None
    """Promoters less detractors, in percent of the answers, one decimal; null without answers."""
    scores: dict[str, int]


class SatisfactionRow(Struct, frozen=True):
    """How satisfied some customers are, by the newest answer of each."""

    value: str | None
    customers: int
    csat: CsatRow
    nps: NpsRow


class SatisfactionTable(Struct, frozen=True):
    """Satisfaction of all customers, and by the values of a facet."""

    by: str
    total: SatisfactionRow
    rows: list[SatisfactionRow]


class FallDay(Struct, frozen=True):
    """Customers of a tier who fall on a day if nothing happens, and what they spend."""

    day: str
    tier: str
    """The tier they lose."""
    customers: int
    spend: str


class FallTable(Struct, frozen=True):
    """Falls due by local day, both ends included; days without any are left out."""

    first_day: str = field(name="from")
    last_day: str = field(name="to")
    timezone: str
    customers: int
    spend: str
    days: list[FallDay]


class KnownAttribute(Struct, frozen=True):
    """How many customers have an attribute."""

    name: str
    customers: int
    share: float | None


class Completeness(Struct, frozen=True):
    """How much is known of customers, and since when their profiles stand."""

    customers: int
    mean_known: float | None
    """Attributes known of a customer, of those in `attributes`; two decimals."""
    attributes: list[KnownAttribute]
    known: dict[str, int]
    """Customers by how many of these attributes are known of them."""
    as_of: dict[str, int]
    """Customers by the month (UTC) in which their profile last changed, the newest first."""


class FigureDay(Struct, frozen=True):
    """The figures at the end of a day; of today, of now."""

    day: str
    as_of: str
    """The instant they are of: earlier than the end of the day if no projector ran then."""
    total: FigureRow
    rows: list[FigureRow]


class FigureHistory(Struct, frozen=True):
    """The figures of days (UTC); those that are not known are left out."""

    by: str
    known_from: str | None
    """The first day that is known, also outside of the period; null without any."""
    days: list[FigureDay]


FIGURE_MODELS: tuple[type, ...] = (
    FigureTable,
    Grid,
    Distribution,
    Rates,
    SatisfactionTable,
    FallTable,
    Completeness,
    FigureHistory,
)
