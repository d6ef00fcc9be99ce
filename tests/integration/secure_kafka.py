"""Apache Kafka with listeners that ask for a login."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from devtools.servers.broker import brokers_known
from devtools.servers.guardian import Workspace
from devtools.servers.jar_cache import java_program, kafka_jars
from devtools.servers.kafka_jars import _properties
from devtools.servers.ports import free_ports
from devtools.servers.server_process import ServerProcess, wait_until_ready
from tests.integration.certificates import Certificates

USER, PASSWORD = "tierstream", "opens-kafka"
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class SecureKafka:
    """``host:port`` of the listener of each protocol."""

    sasl_ssl: str
    sasl_plaintext: str
    ssl: str


@contextmanager
def secure_kafka(certificates: Certificates) -> Iterator[SecureKafka]:
    """A broker that speaks SASL_SSL, SASL_PLAINTEXT, and SSL with a client's certificate."""
    java, classpath = java_program(), f"{kafka_jars(None)}/*"
    plain, controller, sasl_ssl, sasl_plaintext, ssl = free_ports(5)
    workspace = Workspace("secure-kafka")
    try:
        ports = {"SASL_SSL": sasl_ssl, "SASL_PLAINTEXT": sasl_plaintext, "SSL": ssl}
        properties = _properties(0, [plain], [controller], workspace.path)
        properties |= _secured(properties, ports, certificates)
        file = workspace.path / "node.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        scram = [
            argument
            for mechanism in _MECHANISMS[1:]
            for argument in ("-S", f"{mechanism}=[name={USER},password={PASSWORD}]")
        ]
        tool = [java, "-cp", classpath, "kafka.tools.StorageTool"]
        subprocess.run(
            # In one word: an id may begin with a dash.
            [*tool, "format", f"--cluster-id={cluster}", "-c", str(file), *scram],
            check=True,
            capture_output=True,
        )
        process = ServerProcess(
            "Apache Kafka with logins",
            [java, "-Xmx384m", "-cp", classpath, "kafka.Kafka", str(file)],
            port=plain,
            workspace=workspace,
        )
        process.launch()
        wait_until_ready([process], lambda: brokers_known(plain) >= 1, 60.0)
        yield SecureKafka(**{name.lower(): f"127.0.0.1:{port}" for name, port in ports.items()})
        process.kill()
    finally:
        workspace.close()


def _secured(
    properties: dict[str, str], ports: dict[str, int], certificates: Certificates
) -> dict[str, str]:
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    secured = {
        "listeners": f"{properties['listeners']},{listeners}",
        "advertised.listeners": f"{properties['advertised.listeners']},{listeners}",
        "listener.security.protocol.map": ",".join(
            [properties["listener.security.protocol.map"], *(f"{name}:{name}" for name in ports)]
        ),
        "sasl.enabled.mechanisms": ",".join(_MECHANISMS),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
        "listener.name.ssl.ssl.client.auth": "required",
    }
    for listener in ("sasl_ssl", "sasl_plaintext"):
        for mechanism in _MECHANISMS:
            module = _PLAIN_MODULE if mechanism == "PLAIN" else _SCRAM_MODULE
            user = f' user_{USER}="{PASSWORD}"' if mechanism == "PLAIN" else ""
            name = f"listener.name.{listener}.{mechanism.lower()}.sasl.jaas.config"
            secured[name] = f"{module} required{user};"
    return secured
