"""The settings `[alerts]`: who gets alerts, and how."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from flows.settings_section import Section

VARIABLE = re.compile(r"\$\{\w+\}")
"""`${NAME}`: the place of an environment variable."""

MAIL_SERVER = re.compile(r"smtps?://.")
"""The beginning of a mail server's address."""


class AlertSettings(Section):
    """Who gets alerts about a night that failed, is partial or has a quarantined crawl.

    In every address `${NAME}` is an environment variable.
    """

    webhook: str = Field(default="", description="An address that is sent JSON, as Slack's webhooks take it.")
    smtp: str = Field(default="", description="`smtp://user:${PASSWORD}@host:587`, or `smtps://…`.")
    mail_from: str = Field(default="", description="The sender of mails.")
    mail_to: list[str] = Field(default_factory=list, description="Who gets mails.")
    apprise: list[str] = Field(default_factory=list, description="Addresses as Apprise writes them.")
    ping: str = Field(default="", description="The address of a dead man's switch, requested every night.")
    timeout_s: float = Field(default=10.0, gt=0, description="Time for each of them to answer.")
    stale_hours: float = Field(
        default=36.0, gt=0, description="Hours after which `status --check` calls a store stale."
    )

    @field_validator("webhook", "ping")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and not re.match(r"https?://.", value) and not VARIABLE.match(value):
            raise ValueError("it must be an address that starts with http:// or https://")
        return value

    @field_validator("smtp")
    @classmethod
    def _mail_server(cls, value: str) -> str:
        if value and not MAIL_SERVER.match(value) and not VARIABLE.match(value):
            raise ValueError("it must be an address such as smtp://user:${PASSWORD}@mail.example:587")
        if (password := urlsplit(value).password) and not VARIABLE.fullmatch(password):
            raise ValueError("its password is written ${PASSWORD}, the name of an environment variable")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.smtp) != bool(self.mail_to) or bool(self.smtp) != bool(self.mail_from):
            raise ValueError("mails need `smtp`, `mail_from` and `mail_to`")
        return self
