"""A store as an entry in `lookalike.toml`, and the limits a crawl of it stays within."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

Strategy = Literal["shopify", "woocommerce", "sitemap", "listing"]
"""How a store is read; each is the name of the spider that does it."""

MiB = 1024 * 1024


class Limits(BaseModel):
    """What one crawl of one store may take, so that no store can fill a disk, a night or a memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_bytes: int = Field(
        default=16 * MiB,
        gt=0,
        description="Largest page, feed or sitemap, unpacked. 250 Shopify products are 2 to 5 MB.",
    )
    image_bytes: int = Field(default=20 * MiB, gt=0, description="Largest photo file.")
    image_pixels: int = Field(default=60_000_000, gt=0, description="Largest photo, width times height.")
    image_min_side: int = Field(
        default=32,
        ge=1,
        description="Shortest side of a photo, in pixels; smaller ones are spacers and icons.",
    )
    images_per_product: int = Field(default=8, ge=0, description="Photos kept of one product.")
    pages: int = Field(default=50_000, gt=0, description="Pages asked for; photos do not count.")
    seconds: float = Field(default=6 * 3600.0, gt=0, description="Time for one crawl of the store.")
    delay_s: float = Field(
        default=0.0,
        ge=0,
        description="Least time between two requests to one host; robots.txt may ask for more.",
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Time for one response.")
    connections: int = Field(default=8, ge=1, le=64, description="Requests at once to one host.")
    retries: int = Field(default=2, ge=0, le=10, description="Tries after a failed request.")
    retry_after_s: float = Field(
        default=300.0,
        ge=0,
        description="Longest pause a store may ask for by Retry-After; longer ones are cut.",
    )
    image_due_days: float = Field(
        default=30.0, ge=0, description="Days until a stored photo's address is asked for again."
    )
    suspicious_below: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of the last crawl's products, or of a field's coverage, that is suspicious.",
    )


class Store(BaseModel):
    """One store: where it is and how to read it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]*$",
        max_length=100,
        description="What the store is called here: lower-case letters, digits, dots and hyphens.",
    )
    url: str = Field(description="The store's front page.")
    strategy: Strategy = Field(default="sitemap", description="How the store is read.")
    listing_urls: list[str] = Field(
        default_factory=list, description="Category pages to start from, for the strategy `listing`."
    )
    currency: str | None = Field(
        default=None,
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217 code of prices for which the store itself names none.",
    )
    locale: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2,3}([_-][A-Za-z]{2,4})?$",
        description="Language asked for, such as `de` or `en-GB`.",
    )
    limits: Limits = Field(default_factory=Limits)

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return _checked(value)

    @field_validator("listing_urls")
    @classmethod
    def _web_addresses(cls, values: list[str]) -> list[str]:
        return [_checked(value) for value in values]


def name_for(url: str) -> str:
    """A store name made from an address: `https://www.shop.example/en` becomes `shop.example`."""
    host = urlsplit(url).hostname or ""
    name = re.sub(r"[^a-z0-9.-]+", "-", host.removeprefix("www.").lower()).strip("-.")
    port = urlsplit(url).port
    return f"{name}-{port}" if port else name or "store"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it must be a web address such as 'https://shop.example'") from None
    if parts.scheme not in ("http", "https") or not hostname:
        raise ValueError("it must be a web address that starts with http:// or https://")
    return url.strip()
