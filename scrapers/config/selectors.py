"""The CSS selectors that a store's entry in `lookalike.toml` gives for fields, as its `recipe`."""

from __future__ import annotations

from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, Field, field_validator

from scrapers.http.addresses import RefusedURLError, origin_of

WORDS_PLACEHOLDER = "{query}"

SELECTORS = (
    "title",
    "brand",
    "description",
    "category",
    "price",
    "was_price",
    "currency",
    "availability",
    "sku",
    "gtin",
    "colours",
    "sizes",
    "images",
    "product_links",
    "next_page",
)
"""The settings of a recipe that are CSS selectors."""


class Selectors(BaseModel):
    """Selectors for fields that structured data lacks or states wrongly.

    Each is CSS as Scrapy reads it: `h1`, `.price::text`, `img.zoom::attr(src)`. Without `::text` or
    `::attr()` it selects the element's text, a photo's address or a link's target, depending on the field.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str | None = Field(default=None, description="The product's name.")
    brand: str | None = Field(default=None, description="Its brand.")
    description: str | None = Field(default=None, description="Its description.")
    category: str | None = Field(default=None, description="The steps to its category, widest first.")
    price: str | None = Field(default=None, description="What it costs, with or without currency.")
    was_price: str | None = Field(default=None, description="What it cost before a sale.")
    currency: str | None = Field(default=None, description="The currency, as code or symbol.")
    availability: str | None = Field(default=None, description="Words such as `In stock` or `Sold out`.")
    sku: str | None = Field(default=None, description="The store's article number.")
    gtin: str | None = Field(default=None, description="The barcode's number.")
    colours: str | None = Field(default=None, description="Its colours.")
    sizes: str | None = Field(default=None, description="Its sizes.")
    images: str | None = Field(default=None, description="Its photos.")
    product_links: str | None = Field(default=None, description="On a listing: the links to products.")
    next_page: str | None = Field(default=None, description="On a listing: the link to its next page.")
    search_url: str | None = Field(
        default=None, description="The store's search, with `{query}` where the words stand."
    )

    @field_validator(*SELECTORS)
    @classmethod
    def _selector(cls, value: str | None) -> str | None:
        problem = value and _problem(value)
        if problem:
            raise ValueError(f"it must be a CSS selector such as 'h1' or '.price::text' ({problem})")
        return value

    @field_validator("search_url")
    @classmethod
    def _search(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                origin_of(value)
                usable = WORDS_PLACEHOLDER in value
            except RefusedURLError:
                usable = False
            if not usable:
                raise ValueError("it must be an address such as 'https://shop.example/search?q={query}'")
        return value

    def search_for(self, words: str) -> str | None:
        """The address of the search results for some words; None if no `search_url` is given."""
        return self.search_url and self.search_url.replace(WORDS_PLACEHOLDER, quote_plus(words))


def _problem(selector: str) -> str | None:
    """What is wrong with a selector; None if it is valid, or if no CSS parser is installed."""
    try:
        from cssselect import SelectorError
        from parsel import Selector
        from parsel.csstranslator import HTMLTranslator
    except ModuleNotFoundError:  # the base install crawls nothing
        return None
    try:
        Selector("<p></p>").xpath(HTMLTranslator().css_to_xpath(selector))
    except (SelectorError, ValueError) as error:
        return str(error)
    except RecursionError:
        return "it is too deep"
    return None
