"""The settings `[scale]` and `[telemetry]`: other machines that help, and who is told of each step."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from flows.settings_section import Section


class ScaleSettings(Section):
    """A Dask cluster that embeds photos and builds shards of the index."""

    scheduler: str = Field(
        default="", description="Address of a Dask scheduler; empty for this machine only."
    )
    wait_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds to wait for the scheduler and its workers before going on alone.",
    )
    task_s: float = Field(
        default=1800.0,
        gt=0,
        description="Seconds in which no task ends before this machine goes on alone.",
    )

    @field_validator("scheduler")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"(tcp|tls|ws|wss)://[^\s/@]+:\d+", value):
            raise ValueError("it must be an address such as tcp://scheduler.example:8786")
        return value


class TelemetrySettings(Section):
    """OpenTelemetry: a span for each night, crawl, embedding, build and publication."""

    otlp: str = Field(default="", description="Address of an OTLP/HTTP receiver; empty for none.")
    timeout_s: float = Field(default=10.0, gt=0, description="Time for one delivery.")

    @field_validator("otlp")
    @classmethod
    def _address(cls, value: str) -> str:
        # It is shown in reports, so it holds no secret; and `/v1/traces` is put behind it.
        if value and not re.fullmatch(r"https?://[^\s@?#]+", value):
            raise ValueError(
                "it must be an address without a password or a query, such as http://localhost:4318"
            )
        return value
