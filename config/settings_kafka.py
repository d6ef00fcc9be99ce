"""The settings of Kafka: the brokers, the login, the topics we create, the consumer group."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from config import field_checks
from config.durations import Duration
from config.settings_section import (
    UNLESS_ASKED,
    AnyDuration,
    CredentialSettings,
    Upper,
    between,
    check_key_pair,
    refuse_files,
)

_FILES = ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_keyfile_password")


class KafkaSettings(CredentialSettings):
    """How Kafka is reached and used."""

    kafka_bootstrap_servers: Annotated[str, AfterValidator(field_checks.bootstrap_servers)] = Field(
        default="127.0.0.1:9092", description="`host:port` of some brokers, separated by commas."
    )
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper
    ] = Field(
        default="PLAINTEXT",
        description="Protocol of the Kafka connections: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or "
        "`SASL_SSL`; `SSL` means TLS, `SASL` a login.",
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Upper] = Field(
        default="PLAIN",
        description="SASL mechanism of the login: `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.",
    )
    sasl_username: str | None = Field(default=None, description="User for Kafka.")
    sasl_password: SecretStr | None = Field(default=None, description="Password for Kafka.")
    ssl_cafile: Path | None = Field(
        default=None,
        description="PEM file with the authorities that may sign the brokers' certificates; "
        "unset: those of the system.",
    )
    ssl_certfile: Path | None = Field(
        default=None,
        description="PEM file with the client certificate, if the brokers require one.",
    )
    ssl_keyfile: Path | None = Field(
        default=None,
        description="PEM file with the key of the client certificate; unset: it is in the same "
        "file.",
    )
    ssl_keyfile_password: SecretStr | None = Field(
        default=None, description="Password of the encrypted key file."
    )
    producer_idempotence: bool = Field(
        default=True,
        description="Idempotent producers. Only the embedded broker of the demo needs them off.",
    )
    partitions: int = Field(
        default=4,
        ge=1,
        le=1_000,
        description="Number of partitions of every topic we create; it cannot be changed later.",
    )
    replication_factor: int = Field(
        default=1,
        ge=1,
        le=16,
        description="Replicas of every partition of the topics we create; 3 on a real cluster.",
    )
    session_timeout: Annotated[AnyDuration, between("1s", "30m")] = Field(
        default=Duration(30_000),
        description="Time without a heartbeat after which the group considers a worker dead and "
        "reassigns its partitions.",
    )
    rebalance_timeout: Annotated[AnyDuration, between("1s", "30m")] = Field(
        default=Duration(60_000),
        description="Time that workers have to finish their batches when partitions move.",
    )

    @property
    def kafka_servers(self) -> tuple[str, ...]:
        """`kafka_bootstrap_servers` one by one, as ``host:port``."""
        return tuple(self.kafka_bootstrap_servers.split(","))

    @property
    def kafka_uses_tls(self) -> bool:
        """Whether connections to Kafka are encrypted."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def kafka_uses_sasl(self) -> bool:
        """Whether we log in to Kafka with a user and a password."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        """Credentials, protocol and TLS files fit together."""
        protocol = self.security_protocol
        given = self.sasl_username is not None, self.sasl_password is not None
        if self.kafka_uses_sasl and not all(given):
            raise ValueError(
                f"TIERSTREAM_SECURITY_PROTOCOL={protocol} needs TIERSTREAM_SASL_USERNAME and "
                "TIERSTREAM_SASL_PASSWORD"
            )
        if not self.kafka_uses_sasl and any(given):
            raise ValueError(
                "TIERSTREAM_SASL_USERNAME and TIERSTREAM_SASL_PASSWORD would not be used with "
                f"TIERSTREAM_SECURITY_PROTOCOL={protocol}; it should be SASL_SSL"
            )
        if protocol == "SASL_PLAINTEXT" and not self.allow_insecure_credentials:
            raise ValueError(
                "TIERSTREAM_SECURITY_PROTOCOL=SASL_PLAINTEXT would send the Kafka password without "
                f"TLS; use SASL_SSL, or {UNLESS_ASKED}"
            )
        if not self.kafka_uses_tls:
            refuse_files(self, _FILES, f"TIERSTREAM_SECURITY_PROTOCOL={protocol} has no TLS")
        check_key_pair(self, "ssl")
        return self
