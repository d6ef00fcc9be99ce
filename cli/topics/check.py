"""Looks at each topic, as `tierstream doctor` does."""

from __future__ import annotations

from cli.doctor import Finding
from cli.doctor.cluster import look_at_cluster
from cli.doctor.topic_settings import topic_findings
from config.settings import Settings
from streams.kafka.topics import all_topics


async def check_all(settings: Settings) -> list[Finding]:
    """What there is to say about the topics, in their order.

    Raises:
        BrokerUnreachable: no broker answers.
        SettingsError: a certificate or key file cannot be used.
    """
    cluster = await look_at_cluster(settings)
    return [
        finding
        for topic in all_topics(settings)
        for finding in topic_findings(settings, topic, cluster)
    ]
