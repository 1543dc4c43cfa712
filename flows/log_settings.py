"""The settings `[logs]`: how log lines are written, and where the metrics go."""

from __future__ import annotations

from pathlib import PurePosixPath

from pydantic import Field, field_validator

from flows.settings_section import Section


class LogSettings(Section):
    """Log lines and metrics."""

    as_json: bool = Field(default=False, description="Whether log lines are JSON, one object a line.")
    keep: int = Field(default=30, ge=1, description="Logs of crawls that are kept of each store.")
    metrics: str = Field(default="", description="A file for node_exporter's textfile collector.")

    @field_validator("metrics")
    @classmethod
    def _textfile(cls, value: str) -> str:
        path = PurePosixPath(value)
        if value and not (path.is_absolute() and path.suffix == ".prom"):
            raise ValueError("it must be an absolute path such as /var/lib/node_exporter/lookalike.prom")
        return value
