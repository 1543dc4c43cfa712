"""The settings `[schedule]` and `[prefect]`: when the night runs, and on which server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import Field, field_validator

from flows.maintain_settings import Cron
from flows.settings_section import Section


class ScheduleSettings(Section):
    """When the night runs, for `lookalike deploy`."""

    cron: Cron = Field(default="0 3 * * *", description="Minute, hour, day of month, month, day of week.")
    timezone: str = Field(default="UTC", description="The IANA time zone the cron line is read in.")

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "UTC" and value not in available_timezones():
            raise ValueError("it must be a time zone such as 'UTC' or 'Europe/Berlin'")
        return value


class PrefectSettings(Section):
    """The Prefect server that `lookalike deploy` and `lookalike nightly` start."""

    port: int = Field(default=4200, ge=1, le=65535, description="Its port: the first free one from this one.")
    database: str = Field(
        default="", description="`postgresql://…`; an SQLite file in `.prefect` beside the settings if empty."
    )
    keep_days: int = Field(default=60, ge=1, description="Days that the history of runs is kept.")

    @field_validator("database")
    @classmethod
    def _postgresql(cls, value: str) -> str:
        if value and not re.match(r"postgresql(\+asyncpg)?://.", value):
            raise ValueError("it must be an address such as postgresql://user:${PASSWORD}@localhost/prefect")
        if (password := urlsplit(value).password) and not re.fullmatch(r"\$\{\w+\}", password):
            raise ValueError("its password is written ${PASSWORD}, the name of an environment variable")
        return value
