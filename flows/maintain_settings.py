"""The settings `[maintain]`: when the upkeep runs, and how long what is no longer served is kept."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from flows.settings_section import Section


def _five_fields(value: str) -> str:
    fields = value.split()
    if len(fields) != 5 or not all(re.fullmatch(r"[0-9A-Za-z*/,#-]+", field) for field in fields):
        raise ValueError("it must be five fields, like '0 3 * * *' for every night at three")
    return value


Cron = Annotated[str, AfterValidator(_five_fields)]
"""Minute, hour, day of month, month, day of week."""

Days = Annotated[int, Field(ge=1)]


class MaintainSettings(Section):
    """Weekly upkeep. Nothing that is served is ever deleted, however short these times are."""

    cron: Cron = Field(default="0 12 * * 0", description="When it runs, in the time zone of [schedule].")
    versions_days: Days = Field(default=7, description="Days that replaced files are kept.")
    pages_days: Days = Field(default=90, description="Days that a page is kept after a newer one.")
    photos_days: Days = Field(default=90, description="Days that the photos of a removed product are kept.")
    offers_days: Days = Field(default=730, description="Days that the prices of a removed product are kept.")
    crawls_days: Days = Field(default=365, description="Days that the record of a crawl is kept.")
    rejects_days: Days = Field(default=90, description="Days that a reject is kept.")
