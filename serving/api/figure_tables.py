"""Makes the documents of figures from what the view counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal

from scoring.timestamps import rfc3339
from serving.api.figure_models import (
    Completeness,
    CsatRow,
    Distribution,
    FallDay,
    FallTable,
    FigureDay,
    FigureHistory,
    FigureRow,
    FigureTable,
    Grid,
    GridCell,
    KnownAttribute,
    NpsRow,
    RateRow,
    SatisfactionRow,
)
from serving.view.axes import SCALE, SEVERAL
from serving.view.figures_reader import Counts, Falls, Figures, Sums, amount_text, known_names
from serving.view.history import DayFigures

_DIGITS = (5, 4, 3, 2, 1)
_PROMOTERS = ("9", "10")
_PASSIVES = ("7", "8")


def figure_table(facet: str, figures: Figures) -> FigureTable:
    """Figures by the values of a facet."""
    return FigureTable(facet, _figure_row(None, figures.total, figures), _figure_rows(figures))


def _figure_rows(figures: Figures) -> list[FigureRow]:
    rows = sorted(figures.by_value.items(), key=lambda row: (-row[1].spend, row[0]))
    return [_figure_row(value, sums, figures) for value, sums in rows]


def figure_history(
    facet: str, days: Mapping[date, DayFigures], first_day: date, last_day: date
) -> FigureHistory:
    """The figures of the days of a period that are known."""
    found = []
    for day, kept in days.items():
        if first_day <= day <= last_day:
            figures = kept.figures(facet)
            total = _figure_row(None, figures.total, figures)
            row = FigureDay(day.isoformat(), rfc3339(kept.at_ms), total, _figure_rows(figures))
            found.append(row)
    known_from = min(days, default=None)
    return FigureHistory(facet, None if known_from is None else known_from.isoformat(), found)


def _figure_row(value: str | None, sums: Sums, figures: Figures) -> FigureRow:
    return FigureRow(
        value=value,
        customers=sums.customers,
        customers_share=share(sums.customers, figures.total.customers),
        spend=amount_text(sums.spend, figures.decimals),
        spend_share=share(sums.spend, figures.total.spend),
        orders=sums.orders,
        mean_order=_mean_amount(sums.spend, sums.orders, figures.decimals),
        orders_ever=sums.orders_ever,
        spend_ever=amount_text(sums.spend_ever, figures.decimals),
        points=sums.points,
    )


def _mean_amount(amount: int, orders: int, decimals: int) -> str | None:
    if not orders:
        return None
    mean = Decimal(amount).scaleb(-SCALE) / orders
    return str(mean.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN))


def share(part: int, whole: int) -> float | None:
    """A part of a whole, six decimals; None of a whole that is not above zero."""
    return round(part / whole, 6) if whole > 0 else None


def grid(figures: Figures) -> Grid:
    """The recency-frequency grid, from the figures by ``rf``."""
    cells = []
    for r in _DIGITS:
        for f in _DIGITS:
            sums = figures.by_value.get(f"{r}{f}", Sums())
            cells.append(
                GridCell(
                    r=r,
                    f=f,
                    customers=sums.customers,
                    customers_share=share(sums.customers, figures.total.customers),
                    spend=amount_text(sums.spend, figures.decimals),
                    spend_share=share(sums.spend, figures.total.spend),
                )
            )
    total = figures.total
    return Grid(total.customers, amount_text(total.spend, figures.decimals), cells)


def distribution(axis: str, counts: Counts, prefix: str) -> Distribution:
    """A distribution; of an axis with a prefix the values that begin so, without it."""
    values = {
        value.removeprefix(prefix): count
        for value, count in counts.values.items()
        if value.startswith(prefix)
    }
    without = None if axis in SEVERAL else counts.customers - sum(counts.values.values())
    if axis == "known":
        values = known_names(counts)
    return Distribution(axis, counts.customers, without, values)


def rate_row(value: str | None, found: Mapping[str, Counts], referral_tag: str | None) -> RateRow:
    """Rates from the counts of ``orders_ever``, and of ``tag`` if a tag is asked for."""
    orders = found["orders_ever"]
    buyers = sum(count for band, count in orders.values.items() if band != "0")
    repeat_buyers = buyers - orders.values.get("1", 0)
    referrers = None if referral_tag is None else found["tag"].values.get(referral_tag, 0)
    return RateRow(
        value=value,
        customers=orders.customers,
        buyers=buyers,
        repeat_buyers=repeat_buyers,
        conversion=share(buyers, orders.customers),
        repeat_rate=share(repeat_buyers, buyers),
        referrers=referrers,
        referral_rate=None if referrers is None else share(referrers, orders.customers),
    )


def satisfaction_row(value: str | None, found: Mapping[str, Counts]) -> SatisfactionRow:
    """Satisfaction from the counts of ``csat`` and ``nps``."""
    csat, nps = found["csat"].values, found["nps"].values
    answers, asked = sum(csat.values()), sum(nps.values())
    total = sum(int(score) * count for score, count in csat.items())
    promoters, passives = _sum_of(nps, _PROMOTERS), _sum_of(nps, _PASSIVES)
    detractors = asked - promoters - passives
    return SatisfactionRow(
        value=value,
        customers=found["csat"].customers,
        csat=CsatRow(answers, round(total / answers, 2) if answers else None, _by_score(csat)),
        nps=NpsRow(
            asked,
            promoters,
            passives,
            detractors,
            round(100 * (promoters - detractors) / asked, 1) if asked else None,
            _by_score(nps),
        ),
    )


def _sum_of(values: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(values.get(name, 0) for name in names)


def _by_score(values: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(values.items(), key=lambda entry: int(entry[0])))


def fall_table(
    falls: Falls, first_day: date, last_day: date, zone: tzinfo, timezone: str
) -> FallTable:
    """The falls of a period by local day and tier."""
    sums: dict[tuple[date, str], tuple[int, int]] = {}
    for fall in falls.falls:
        day = datetime.fromtimestamp(fall.at_ms / 1_000, UTC).astimezone(zone).date()
        customers, spend = sums.get((day, fall.tier), (0, 0))
        sums[day, fall.tier] = (customers + fall.customers, spend + fall.spend)
    return FallTable(
        first_day=first_day.isoformat(),
        last_day=last_day.isoformat(),
        timezone=timezone,
        customers=sum(fall.customers for fall in falls.falls),
        spend=amount_text(sum(fall.spend for fall in falls.falls), falls.decimals),
        days=[
            FallDay(day.isoformat(), tier, customers, amount_text(spend, falls.decimals))
            for (day, tier), (customers, spend) in sorted(sums.items())
        ],
    )


def completeness(found: Mapping[str, Counts]) -> Completeness:
    """What is known of customers, from the counts of ``known``, ``known_count`` and ``as_of``."""
    customers = found["known"].customers
    known = known_names(found["known"])
    months = found["as_of"].values
    return Completeness(
        customers=customers,
        mean_known=round(sum(known.values()) / customers, 2) if customers else None,
        attributes=[
            KnownAttribute(name, count, share(count, customers)) for name, count in known.items()
        ],
        known=_by_score(found["known_count"].values),
        as_of=dict(sorted(months.items(), reverse=True)),
    )
