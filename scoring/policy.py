"""The policy as it is declared: one frozen document, the same in a TOML file and in the log.

`scoring.rules.Rules` is its compiled form. `config.policy_file` reads and checks the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct, field

from scoring.since import since


class Cutoffs(Struct, frozen=True, forbid_unknown_fields=True):
    """Four ascending cut-offs for each measure: days, orders, and base currency in major units."""

    mode: Literal["fixed"] = "fixed"
    recency_days: tuple[int, ...] = (30, 60, 120, 240)
    frequency: tuple[int, ...] = (2, 4, 8, 16)
    monetary: tuple[str, ...] = ("50", "150", "400", "1000")


class Weights(Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the three digits in the score, as decimal text; at least one above zero."""

    recency: str = "1"
    frequency: str = "1"
    monetary: str = "1"


class AttributeCondition(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a tier asks of an attribute; bounds are decimal text, `present` asks for any value."""

    min: str | None = None
    max: str | None = None
    is_in: tuple[str, ...] | None = field(default=None, name="in")
    not_in: tuple[str, ...] | None = None
    present: bool = False


class Dimension(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A digit from 1 to 5 beside R, F and M in the score, by cut-offs or by values."""

    name: str
    source: Literal["attribute", "satisfaction"]
    attribute: str | None = None
    cutoffs: tuple[str, ...] = ()
    values: dict[str, int] = field(default_factory=dict)
    weight: str = "1"
    default: int = 1


class Tier(Struct, frozen=True, forbid_unknown_fields=True):
    """A tier and the conditions that must all hold for it."""

    name: str
    label: dict[str, str] = field(default_factory=dict)
    action: str | None = None
    min_score: int | None = None
    min_r: int | None = None
    min_f: int | None = None
    min_m: int | None = None
    min_frequency: int | None = None
    min_monetary: str | None = None
    max_recency_days: int | None = None
    min_orders_ever: Annotated[int | None, since(3)] = None
    min_spend_ever: Annotated[str | None, since(3)] = None
    action_down: Annotated[str | None, since(3)] = None
    attributes: Annotated[dict[str, AttributeCondition], since(3)] = field(default_factory=dict)
    min_dimensions: Annotated[dict[str, int], since(3)] = field(default_factory=dict)


class Movement(Struct, frozen=True, forbid_unknown_fields=True):
    """How a customer falls who no longer qualifies for the tier: grace and soft landing.

    Who rose stays `hold_days`; of a fall `warn_days` before it is told, without it never.
    """

    grace_days: int = 30
    soft_landing: bool = True
    hold_days: Annotated[int, since(3)] = 0
    warn_days: Annotated[int | None, since(3)] = None


class Cadence(Struct, frozen=True, forbid_unknown_fields=True):
    """Multipliers of a customer's own mean gap between orders, clamped to days."""

    at_risk: str = "1.5"
    dormant: str = "3"
    churned: str = "6"
    min_days: int = 14
    max_days: int = 365


class Probability(Struct, frozen=True, forbid_unknown_fields=True):
    """The MBG/NBD model of all customers, and the probabilities at which levels are reached.

    All but the days are decimal text; `r`, `alpha`, `a` and `b` are in units of `unit_days`.
    """

    r: str
    alpha: str
    a: str
    b: str
    unit_days: int = 7
    at_risk: str = "0.7"
    dormant: str = "0.4"
    churned: str = "0.1"
    min_days: int = 14
    max_days: int = 730


class DormancyActions(Struct, frozen=True, forbid_unknown_fields=True):
    """The `action` of each alert, for marketing automation; any may be null."""

    at_risk: str | None = "care_message"
    dormant: str | None = "wake_up_offer"
    churned: str | None = "win_back_survey"
    reactivated: str | None = "welcome_back"
    returned: str | None = "welcome_back_browse"


class Dormancy(Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds after which a silent customer is at risk, dormant and churned."""

    mode: Literal["fixed", "cadence", "probability"] = "fixed"
    at_risk_days: int = 60
    dormant_days: int = 90
    churned_days: int = 180
    cadence_min_orders: int = 3
    cadence: Cadence = field(default_factory=Cadence)
    actions: DormancyActions = field(default_factory=DormancyActions)
    probability_min_orders: Annotated[int, since(3)] = 1
    probability: Annotated[Probability | None, since(3)] = None


class Satisfaction(Struct, frozen=True, forbid_unknown_fields=True):
    """How many of the newest answers, and of the newest resolutions, a mean is taken over."""

    answers: int = 10
    resolutions: int = 10


class Health(Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the parts of the health score as decimal text, and what open tickets cost it."""

    recency: str = "1"
    frequency: str = "1"
    monetary: str = "0"
    level: str = "1"
    satisfaction: str = "1"
    support: str = "1"
    complaint_cost: int = 50
    ticket_cost: int = 10


TagKind = Literal["attribute", "age", "count", "orders", "order_share", "top", "measure", "answer"]


class TagRule(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One declared tag. Its kind says which of the other fields matter."""

    tag: str
    kind: TagKind
    of: str | None = None
    """The attribute, the measure, or a name from the list of its kind."""
    values: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    events: tuple[str, ...] = ()
    activity: str | None = None
    days: int | None = None
    at_least: str | None = None
    at_most: str | None = None
    min_orders: int = 3
    amount: str | None = None
    hours: tuple[int, int] | None = None
    top: int = 3
    half_life_days: int = 30
    view_weight: int = 1
    purchase_weight: int = 5
    survey: Annotated[Literal["churn"] | None, since(3)] = None
    """The survey whose answers make tags."""
    label: Annotated[dict[str, str], since(3)] = field(default_factory=dict)


class Holdout(Struct, frozen=True, forbid_unknown_fields=True):
    """The share of customers in the holdout group, as decimal text, and the salt of its hash."""

    share: str
    salt: str


class Activity(Struct, frozen=True, forbid_unknown_fields=True):
    """Points for an activity, and how often it gives them on one business day and in all."""

    points: int
    per_day: int | None = None
    in_all: int | None = None


class PointsPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Points for each major unit of the base currency, by tier, and for activities.

    Rates and amounts are decimal text; without `expire_after_days` points never expire. With `per`,
    or one in `pers` for the tier, there are so many points for each full amount of it. `warn_days`
    before points expire there is a reminder.
    """

    rate: str = "1"
    rates: dict[str, str] = field(default_factory=dict)
    min_amount: str = "0"
    expire_after_days: int | None = None
    activities: dict[str, Activity] = field(default_factory=dict)
    per: Annotated[str | None, since(3)] = None
    pers: Annotated[dict[str, str], since(3)] = field(default_factory=dict)
    warn_days: Annotated[int | None, since(3)] = None
    warn_action: Annotated[str | None, since(3)] = None


class Occasion(Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder so many business days ahead of a date; without `tiers` for everybody."""

    days_ahead: int = 7
    action: str | None = None
    tiers: tuple[str, ...] | None = None


class Holiday(Struct, frozen=True, forbid_unknown_fields=True):
    """A holiday: `MM-DD` of every year or `YYYY-MM-DD`; without `tiers` for all but prospects.

    With `calendar` a `month` and `day` of the Chinese calendar instead of `dates`.
    """

    name: str
    dates: tuple[str, ...] = ()
    days_ahead: int = 7
    action: str | None = None
    tiers: tuple[str, ...] | None = None
    calendar: Annotated[Literal["lunar"] | None, since(3)] = None
    month: Annotated[int | None, since(3)] = None
    day: Annotated[int | Literal["last"] | None, since(3)] = None


class Silence(Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder so many business days after the last interaction."""

    days: int
    action: str | None = None


class Refresh(Struct, frozen=True, forbid_unknown_fields=True):
    """A reminder so many business days after the last `profile.updated`."""

    days: int
    action: str | None = None
    tiers: tuple[str, ...] | None = None


class SurveyAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """A survey that is due so many business days after something; without `tiers` for everybody."""

    days: int
    survey: Literal["csat", "nps"] = "csat"
    action: str | None = None
    tiers: tuple[str, ...] | None = None


class SurveysPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """When to ask a customer: `cadence` is by tier; `rest_days` between two surveys."""

    rest_days: int = 30
    after_ticket: SurveyAsk | None = None
    after_order: SurveyAsk | None = None
    cadence: dict[str, SurveyAsk] = field(default_factory=dict)


class Escalation(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to tell so many hours after a stage of a ticket was due."""

    after_hours: int
    to: str


class TicketTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """Hours to the response to a ticket and to its resolution, and whom to tell after each.

    For the kind, severities and tiers that it names; without them for all.
    """

    kind: str | None = None
    severity: tuple[int, ...] | None = None
    tiers: tuple[str, ...] | None = None
    response_hours: int | None = None
    resolution_hours: int | None = None
    escalate: tuple[Escalation, ...] = ()


class ServiceHours(Struct, frozen=True, forbid_unknown_fields=True):
    """The only hours that count for tickets: weekdays from 1 (Monday), local times `HH:MM`."""

    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5)
    opens: str = field(default="00:00", name="from")
    closes: str = field(default="24:00", name="to")
    closed: tuple[str, ...] = ()
    """Dates that do not count at all."""


class VisitsPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Activities that are contacts, and by tier after how many business days the next is due."""

    activities: tuple[str, ...]
    days: dict[str, int]


class CarePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Reminders to care for a customer; `checkin` is by tier.

    `leap_day` stands for 29 February in common years.
    """

    leap_day: Literal["02-28", "03-01"] = "02-28"
    birthday: Occasion | None = None
    anniversary: Occasion | None = None
    holidays: tuple[Holiday, ...] = ()
    checkin: dict[str, Silence] = field(default_factory=dict)
    profile_refresh: Refresh | None = None
    surveys: Annotated[SurveysPolicy | None, since(3)] = None
    tickets: Annotated[tuple[TicketTerms, ...], since(3)] = ()
    hours: Annotated[ServiceHours | None, since(3)] = None
    visits: Annotated[VisitsPolicy | None, since(3)] = None
    owner_attribute: Annotated[str | None, since(3)] = None
    """The attribute that names the account manager."""


class OverridePolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """Tiers by hand: whether somebody else must approve them."""

    approval: bool = False


class Quiet(Struct, frozen=True, forbid_unknown_fields=True):
    """Quiet hours by the local clock, such as `21:00` to `09:00`."""

    from_: str = field(name="from")
    to: str


class Cap(Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many messages in so many business days."""

    messages: int
    days: int


class ContactPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """When and how often a customer is contacted; `priority` and `exempt` name types of outputs."""

    quiet: Quiet | None = None
    caps: tuple[Cap, ...] = ()
    priority: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


class RetentionPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """After how many inactive days it is told, and after how many more a customer is erased."""

    inactive_days: int
    notice_days: int


DEFAULT_TIERS = (
    Tier(
        "A",
        {"en": "VIP", "zh": "高价值客户"},
        "dedicated_service",
        min_score=70,
    ),
    Tier("B", {"en": "Core", "zh": "中等价值客户"}, "upgrade_offer", min_score=40),
    Tier("C", {"en": "Basic", "zh": "低价值客户"}, "nurture"),
)


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """What people call an action, by language."""

    label: dict[str, str] = field(default_factory=dict)


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything analysts tune. `version` is named in every output."""

    version: str = "default-1"
    timezone: str = "UTC"
    currency: str = "USD"
    window_days: int = 365
    count_orders: Literal["placed", "paid"] = "placed"
    loyal_min_orders: int = 4
    currency_rates: dict[str, str] = field(default_factory=dict)
    cutoffs: Cutoffs = field(default_factory=Cutoffs)
    weights: Weights = field(default_factory=Weights)
    tiers: tuple[Tier, ...] = DEFAULT_TIERS
    movement: Movement = field(default_factory=Movement)
    dormancy: Dormancy = field(default_factory=Dormancy)
    satisfaction: Satisfaction | None = None
    health: Health | None = None
    holdout: Holdout | None = None
    tags: tuple[TagRule, ...] | None = None
    points: PointsPolicy | None = None
    care: CarePolicy | None = None
    consent: Annotated[Literal["opt_out", "opt_in"], since(3)] = "opt_out"
    amounts: Annotated[Literal["required", "optional"], since(3)] = "required"
    """Whether an order must tell its amount; without one it counts 0.00."""
    override: Annotated[OverridePolicy | None, since(3)] = None
    dimensions: Annotated[tuple[Dimension, ...], since(3)] = ()
    """Beside R, F and M in the score."""
    audience: Annotated[dict[str, str] | None, since(3)] = None
    """Whom types of outputs are for, where not by default; None: outputs do not say it."""
    contact: Annotated[ContactPolicy | None, since(3)] = None
    retention: Annotated[RetentionPolicy | None, since(3)] = None
    actions: Annotated[dict[str, Action] | None, since(3)] = None
    """By the name that tiers, levels and reminders give them; an action needs none of it."""
