"""A store as an entry in `lookalike.toml`, and the limits a crawl of it stays within."""

from __future__ import annotations

import re
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from scrapers.config.secrets import holds_plain_secret, is_http_proxy
from scrapers.config.selectors import Selectors
from scrapers.http.addresses import RefusedURLError, origin_of
from scrapers.session.workers import CPU_S

Strategy = Literal["shopify", "woocommerce", "sitemap", "listing", "bing"]
"""How a store is read; each is the name of the spider that does it."""

PAGE_STRATEGIES = ("sitemap", "listing")
"""The strategies that read products from HTML pages; only they may have selectors or a browser."""

MiB = 1024 * 1024

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


class Limits(BaseModel):
    """The limits of one crawl of one store, so that no store can fill the disk, the night or the memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_bytes: int = Field(
        default=16 * MiB,
        gt=0,
        description="Largest page, feed or sitemap, unpacked. 250 Shopify products are 2 to 5 MB.",
    )
    html_bytes: int = Field(
        default=3 * MiB,
        gt=0,
        description="Largest product or category page; parsed, it takes many times its size in memory.",
    )
    image_bytes: int = Field(default=12 * MiB, gt=0, description="Largest photo file.")
    image_pixels: int = Field(
        default=26_000_000,
        gt=0,
        description="Largest photo, width times height; a WebP takes 19 bytes a pixel to decode.",
    )
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
    crawl_delay_s: float = Field(
        default=300.0,
        gt=0,
        description="Longest time between two requests that robots.txt may ask for; longer ones are cut.",
    )
    timeout_s: float = Field(default=30.0, gt=0, description="Time for one response.")
    read_seconds: float = Field(
        default=CPU_S, gt=0, description="Processor time to read one page or sitemap, or to decode one photo."
    )
    connections: int = Field(default=8, ge=1, le=64, description="Requests at once to one host.")
    retries: int = Field(
        default=5,
        ge=0,
        le=10,
        description="Tries after a failed request. Where 1 in 10 fails, 2 tries lose a page in a thousand.",
    )
    retry_after_s: float = Field(
        default=300.0,
        ge=0,
        description="Longest pause a store may ask for by Retry-After; longer ones are cut.",
    )
    patience_s: float = Field(
        default=3600.0,
        ge=0,
        description="Longest time a store is waited for that answers nothing but 429 or 503.",
    )
    image_due_days: float = Field(
        default=30.0, ge=0, description="Days until a stored photo's address is asked for again."
    )
    absent_nights: int = Field(
        default=3,
        ge=1,
        description="Complete crawls in a row that must miss a product before it counts as removed, unless "
        "its own page says so.",
    )
    suspicious_below: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a field's coverage, in what was read anew, under which a crawl is quarantined.",
    )
    max_loss: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a store's products, missing in a crawl, from which it is quarantined.",
    )
    max_coverage_loss: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of a field's coverage, or of the different titles and photos, that may go.",
    )
    max_price_ratio: float = Field(
        default=4.0, ge=1, description="How many times its last price a price may be, or the part of it."
    )
    max_repriced: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of the prices read anew, beyond that ratio, from which a crawl is quarantined.",
    )
    max_turnover: float = Field(
        default=0.5, ge=0, le=1, description="Share of a crawl's products that may be new to a known store."
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
    ignored_parameters: list[str] = Field(
        default_factory=list,
        description="Parameters of its addresses that do not change which product a page shows.",
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
    render: bool = Field(default=False, description="Whether its pages need a browser to be read.")
    allow_private: bool = Field(
        default=False, description="Whether this store may be on a private address, such as localhost."
    )
    headers: dict[str, str] = Field(
        default_factory=dict,
        description="Sent to the servers of `url` and `listing_urls`; `${NAME}` is an environment variable.",
    )
    proxy: str | None = Field(
        default=None, description="The proxy to ask through; `${NAME}` is an environment variable."
    )
    queries: list[str] = Field(default_factory=list, description="What to look for, for the strategy `bing`.")
    recipe: Selectors | None = Field(default=None, description="Where on its pages things stand.")
    limits: Limits = Field(default_factory=Limits)

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        return _checked_address(value)

    @field_validator("listing_urls")
    @classmethod
    def _web_addresses(cls, values: list[str]) -> list[str]:
        return [_checked_address(value) for value in values]

    @field_validator("headers")
    @classmethod
    def _header_lines(cls, values: dict[str, str]) -> dict[str, str]:
        for name, value in values.items():
            if not _HEADER_NAME.fullmatch(name) or not value.isprintable():
                raise ValueError(f"'{name}' must be the name of a header, and its value one line of text")
            if holds_plain_secret(name, value):
                raise ValueError(
                    f"'{name}' may hold a secret: its value must be a secret's place, such as "
                    "'${SHOP_TOKEN}', which is then read from the environment variable SHOP_TOKEN"
                )
        return values

    @field_validator("proxy")
    @classmethod
    def _proxy_address(cls, value: str | None) -> str | None:
        if value is None:
            return value
        if holds_plain_secret("proxy", value):
            raise ValueError(
                "it must hold no password: write 'http://name:${PROXY_PASSWORD}@proxy.example:3128'"
            )
        if value.startswith("${"):
            return value
        if not is_http_proxy(value):
            raise ValueError("it must be the address of an http proxy, such as 'http://proxy.example:3128'")
        return value

    @model_validator(mode="after")
    def _fits_its_strategy(self) -> Self:
        if self.strategy == "bing" and not any(words.strip() for words in self.queries):
            raise ValueError("it must name `queries` for the strategy 'bing', such as ['red linen dress']")
        if self.render and self.strategy not in PAGE_STRATEGIES:
            raise ValueError(f"it must not set `render`: the strategy '{self.strategy}' reads no pages")
        if self.recipe and self.strategy not in PAGE_STRATEGIES:
            raise ValueError(f"it must hold no recipe: the strategy '{self.strategy}' reads no pages")
        if self.render and self.proxy:
            raise ValueError("it must not set both `render` and `proxy`: the browser has a proxy of its own")
        return self

    @property
    def addresses(self) -> list[str]:
        """The addresses whose servers get the entry's headers; no other server gets them.

        The recipe's `search_url` is not among them, because `stores add` takes it from the store's page.
        """
        return [self.url, *self.listing_urls]

    @property
    def searchable(self) -> bool:
        """Whether its search can be used."""
        if self.strategy in PAGE_STRATEGIES:
            return self.recipe is not None and self.recipe.search_url is not None
        return True


def name_for(url: str) -> str:
    """A store name made from an address: `https://www.shop.example/en` becomes `shop.example`."""
    host = urlsplit(url).hostname or ""
    name = re.sub(r"[^a-z0-9.-]+", "-", host.removeprefix("www.").lower()).strip("-.")
    port = urlsplit(url).port
    return f"{name}-{port}" if port else name or "store"


def _checked_address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        hostname, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it must be a web address such as 'https://shop.example'") from None
    if parts.scheme not in ("http", "https") or not hostname:
        raise ValueError("it must be a web address that starts with http:// or https://")
    try:
        origin_of(url.strip())
    except RefusedURLError:
        raise ValueError(
            "it must be a web address as a browser shows it, without user name and password: "
            "secrets go into `headers`"
        ) from None
    return url.strip()
