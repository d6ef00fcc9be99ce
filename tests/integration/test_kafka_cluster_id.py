"""The random id of a local cluster may begin with any character that it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.servers import BrokerUnavailable, kafka_jars
from devtools.servers.jar_cache import java_program
from devtools.servers.jar_cache import kafka_jars as cached_jars
from devtools.servers.ports import free_ports
from tests.harness.kafka import skip_without_java


@pytest.mark.kafka
def test_a_cluster_id_that_begins_with_a_dash_is_no_option(tmp_path: Path) -> None:
    try:
        java, classpath = java_program(), f"{cached_jars()}/*"
    except BrokerUnavailable as reason:
        skip_without_java(reason)
        raise  # never reached: the line above ends the test
    client_port, controller_port = free_ports(2)
    properties = kafka_jars._properties(0, [client_port], [controller_port], tmp_path)
    file = tmp_path / "node.properties"
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    kafka_jars._format(java, classpath, "-bcdefghijklmnopqrstuA", file)
    (written,) = tmp_path.glob("**/meta.properties")
    assert "cluster.id=-bcdefghijklmnopqrstuA" in written.read_text()
