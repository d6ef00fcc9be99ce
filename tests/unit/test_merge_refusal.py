"""Whether a merge is impossible, also where its record is read again and others are further on."""

from __future__ import annotations

import pytest

from handlers.events import CustomerMerged
from handlers.merge.routing import merge_refusal
from handlers.state.customer import Away, Customer, MergedInto, merged_customer, new_customer
from handlers.state.store import CustomerStore


def is_refused(at: int, into: Customer) -> bool:
    """Whether a merge of "cid" into another is refused at an offset of the log."""
    store = CustomerStore()
    store.put(into)
    merge = CustomerMerged("m", "customer.merged", "cid", 0, b"", None, None, into.customer_id)
    return merge_refusal(store, new_customer("cid"), merge, at) is not None


@pytest.mark.parametrize(("at", "refused"), [(20, False), (21, True), (29, True), (30, False)])
def test_a_merge_that_was_undone_leads_in_a_circle_only_while_it_lasted(
    at: int, refused: bool
) -> None:
    ana = new_customer("ana")
    ana.away = [Away(since=21, until=30, into="cid")]
    assert is_refused(at, ana) == refused


@pytest.mark.parametrize(("at", "refused"), [(20, False), (21, True), (99, True)])
def test_a_merge_that_stands_leads_in_a_circle_from_its_record_on(at: int, refused: bool) -> None:
    ana = merged_customer(new_customer("ana"), MergedInto("cid", offset=21, number=1))
    assert is_refused(at, ana) == refused
