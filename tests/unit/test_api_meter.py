"""What the API tells of its work, as metrics."""

from __future__ import annotations

from serving.api.metrics import ApiMetricsMeter
from streams.runtime.metrics import Metrics


def test_what_the_api_tells_is_shown() -> None:
    metrics = Metrics()
    meter = ApiMetricsMeter(metrics)
    meter.answered("/v1/customers/{customer_id}", 200, 0.002)
    meter.answered("/v1/customers/{customer_id}", 404, 0.001)
    meter.streams(2)
    meter.streams(1)
    meter.streamed("tier-changes", 5)
    meter.cut("slow")
    value = metrics.registry.get_sample_value
    route = {"route": "/v1/customers/{customer_id}"}
    assert value("tierstream_api_requests_total", {**route, "status": "404"}) == 1
    assert value("tierstream_api_request_duration_seconds_sum", route) == 0.003
    assert value("tierstream_api_streams") == 1
    assert value("tierstream_api_streamed_events_total", {"topic": "tier-changes"}) == 5
    assert value("tierstream_api_streams_cut_total", {"reason": "slow"}) == 1
