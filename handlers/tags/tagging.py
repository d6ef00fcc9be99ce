"""A customer's tags: how events and time change them, and the output about it."""

from __future__ import annotations

from collections.abc import Iterable

from handlers import outputs
from handlers.causes import OTHER, TIME
from handlers.context import Cause, Context
from handlers.effects import AppliedEvent
from handlers.events import ActivityRecorded, Browsed, ConsentChanged, Event, OrderPlaced
from handlers.outputs import TagsChanged, TagView
from handlers.state.customer import PROFILING, Customer, Tagged
from handlers.tags.kinds import Subject, verdict
from scoring.bounded.decayed_topk import Sketch, new_sketch
from scoring.bounded.rolling_counts import DayCounts
from scoring.rules import Rules
from scoring.tags import Tag, TagRules, TopTag, count_key, is_usable
from scoring.timestamps import rfc3339


def follow_tags(context: Context, customer: Customer, applied: AppliedEvent) -> None:
    """Count an accepted event, and evaluate the tags whose inputs it may have changed."""
    rules = context.rules
    declared, event, now_ms = rules.tags, applied.event, applied.now_ms
    assert declared is not None
    today = rules.calendar.day(now_ms)
    tagged = customer.tagged
    is_new = tagged is None
    if tagged is None:
        tagged = customer.tagged = Tagged()
    cause = applied.cause._replace(reason=OTHER)
    if type(event) is ConsentChanged and PROFILING in (event.purposes or ()):
        reevaluate_tags(context, customer, now_ms, cause)
        return
    weighed = []
    if not customer.refuses_profiling:
        weighed = _count(tagged, declared, event, rules.calendar.day(event.occurred_ms), today)
    evaluated = declared.tags if is_new else (*declared.touched_by(event.type), *weighed)
    if evaluated:
        _evaluate(context, Subject(customer, tagged, rules, today), evaluated, now_ms, cause)


def fire_tags(context: Context, customer: Customer, due_ms: int) -> None:
    """Evaluate the tags that time may change, if one is due today."""
    rules, tagged = context.rules, customer.tagged
    assert rules.tags is not None
    today = rules.calendar.day(due_ms)
    if tagged is None or tagged.due_day is None or tagged.due_day > today:
        return
    tagged.due_day = None
    cause = Cause(f"time:{due_ms}", (), TIME)
    _evaluate(context, Subject(customer, tagged, rules, today), rules.tags.timed, due_ms, cause)


def reevaluate_tags(context: Context, customer: Customer, now_ms: int, cause: Cause) -> None:
    """Evaluate all tags, under rules that may be new; without any rules they are dropped.

    Of who refuses profiling nothing is kept that such tags follow from.
    """
    rules = context.rules
    if rules.tags is None:
        customer.tagged = None
        return
    tagged = customer.tagged
    if tagged is None:
        tagged = customer.tagged = Tagged()
    today = rules.calendar.day(now_ms)
    tagged.due_day = None
    tagged.counts = {key: kept for key, kept in tagged.counts.items() if key in rules.tags.windows}
    for key, kept in tagged.counts.items():
        kept.trim(today - rules.tags.windows[key])
    if customer.refuses_profiling:
        tagged.counts, tagged.categories, tagged.channels = {}, None, None
    tagged.categories = _still_kept(tagged.categories, rules.tags.category)
    tagged.channels = _still_kept(tagged.channels, rules.tags.channel)
    subject = Subject(customer, tagged, rules, today)
    _evaluate(context, subject, rules.tags.tags, now_ms, cause, of_all=True)


def tags_due_ms(rules: Rules, customer: Customer) -> int | None:
    """The start of the day on which time alone may change a tag."""
    tagged = customer.tagged
    if tagged is None or tagged.due_day is None:
        return None
    return rules.calendar.start(tagged.due_day)


def tags_view(customer: Customer) -> list[TagView]:
    """The tags as the profile shows them."""
    return [] if customer.tagged is None else _views(customer.tagged.since)


def _count(tagged: Tagged, declared: TagRules, event: Event, day: int, today: int) -> list[TopTag]:
    """Count an event and add weight to its names; returns the tags of these names."""
    keys = [event.type]
    if type(event) is ActivityRecorded:
        keys.append(count_key(event.type, event.activity))
    for key in keys:
        days = declared.windows.get(key)
        if days is not None:
            kept = tagged.counts.get(key)
            if kept is None:
                kept = tagged.counts[key] = DayCounts()
            kept.add(day, today - days)
    weighed = []
    rule = declared.category
    if rule is not None and (names := _categories(event)):
        weight = rule.purchase_weight if type(event) is OrderPlaced else rule.view_weight
        tagged.categories = _weigh(tagged.categories, rule, names, weight, day)
        weighed.append(rule)
    rule, channel = declared.channel, event.channel
    if rule is not None and channel is not None and is_usable(channel):
        tagged.channels = _weigh(tagged.channels, rule, (channel,), 1, day)
        weighed.append(rule)
    return weighed


def _categories(event: Event) -> tuple[str, ...]:
    if type(event) is OrderPlaced:
        return event.items.categories
    if type(event) is Browsed and event.category is not None and is_usable(event.category):
        return (event.category,)
    return ()


def _weigh(
    sketch: Sketch | None, rule: TopTag, names: Iterable[str], weight: int, day: int
) -> Sketch:
    if sketch is None:
        sketch = new_sketch(rule.half_life_days, day)
    if weight:
        for name in names:
            sketch.add(name, weight, day)
    return sketch


def _still_kept(sketch: Sketch | None, rule: TopTag | None) -> Sketch | None:
    """The weights, unless they decayed with another half-life or are not needed any more."""
    if sketch is None or rule is None or sketch.half_life_days != rule.half_life_days:
        return None
    return sketch


def _evaluate(
    context: Context,
    subject: Subject,
    evaluated: Iterable[Tag],
    now_ms: int,
    cause: Cause,
    *,
    of_all: bool = False,
) -> None:
    """Evaluate tags, and report what changed.

    `of_all`: every rule is evaluated, so tags of rules that are gone are removed too.
    """
    tagged = subject.tagged
    true: set[str] = set()
    rule_names: set[str] = set()
    for tag in evaluated:
        found = verdict(tag, subject)
        true.update(found.tags)
        rule_names.add(tag.tag)
        until_day = found.until_day
        if until_day is not None and (tagged.due_day is None or until_day < tagged.due_day):
            tagged.due_day = until_day
    since = tagged.since
    gone = {
        name: since_ms
        for name, since_ms in since.items()
        if name not in true and (of_all or name.partition(":")[0] in rule_names)
    }
    new = {name: now_ms for name in true if name not in since}
    if not gone and not new:
        return
    for name in gone:
        del since[name]
    since.update(sorted(new.items()))
    _emit(context, subject.customer, new, gone, now_ms, cause)


def _emit(
    context: Context,
    customer: Customer,
    added: dict[str, int],
    removed: dict[str, int],
    now_ms: int,
    cause: Cause,
) -> None:
    data = TagsChanged(
        **context.head(customer, now_ms, cause.reason),
        late=cause.late,
        caused_by=list(cause.event_ids),
        added=_views(added),
        removed=_views(removed),
    )
    context.emit(outputs.PROFILE_CHANGES, outputs.TAGS_CHANGED, customer, cause.key, now_ms, data)


def _views(since: dict[str, int]) -> list[TagView]:
    return [TagView(tag, rfc3339(since_ms)) for tag, since_ms in sorted(since.items())]
