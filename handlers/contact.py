"""Messages to a customer are weighed against the caps of the policy: some are not to be sent.

What goes out of one customer at one due instant, or by one event, is weighed together: first what
stands first in `priority`. The order in which it goes out stays.
"""

from __future__ import annotations

from msgspec.structs import replace

from handlers import outputs
from handlers.context import Context, Message
from handlers.outputs import Output, cloud_event
from handlers.state.customer import Customer
from handlers.suppression import FREQUENCY_CAP
from scoring.timestamps import rfc3339


def weigh(context: Context, customer: Customer) -> None:
    """Count the messages that have gone out since the last call, and cap what is too many."""
    messages, context.messages = context.messages, []
    rule = context.rules.contact
    assert rule is not None
    messages.sort(key=lambda each: rule.place(each.type_name, each.form))
    for each in messages:
        day = context.rules.calendar.day(
            each.effective_ms if each.not_before_ms is None else each.not_before_ms
        )
        exempt = rule.is_exempt(each.type_name, each.form)
        if exempt or rule.allows(customer.messages, day):
            customer.messages = rule.count(customer.messages, day)
        else:
            _cap(context, customer, each)


def keep_messages(context: Context, customer: Customer) -> None:
    """Keep the messages that the caps of rules that may be new ask for."""
    if customer.messages:
        rule = context.rules.contact
        customer.messages = [] if rule is None else rule.kept(customer.messages)


def _cap(context: Context, customer: Customer, message: Message) -> None:
    """Mark a message in the outbox as not to be sent."""
    who, data = customer.customer_id, replace(message.data, suppressed=FREQUENCY_CAP)
    at, type_name = rfc3339(message.effective_ms), message.type_name
    value = cloud_event(context.source, message.identity, type_name, who, at, data)
    topic = context.outbox[message.place].topic
    context.outbox[message.place] = Output(topic, who, value)
    tally = context.tally
    context.count(tally.suppressed, FREQUENCY_CAP)
    if topic == outputs.CARE_REMINDERS:
        context.count(tally.reminders, (type_name, ""), -1)
        if not tally.reminders[type_name, ""]:
            del tally.reminders[type_name, ""]
        context.count(tally.reminders, (type_name, FREQUENCY_CAP))
