"""The words for how a crawl ended, which gate it failed, and where a page or image was dropped."""

from __future__ import annotations

from enum import StrEnum


class CrawlStatus(StrEnum):
    """How a crawl ended: the column `status` of `crawls`."""

    COMPLETE = "complete"
    """Every product of the store was found and read, or known to be unchanged."""
    PARTIAL = "partial"
    """Some products could not be read, or the list of products may be incomplete."""
    QUERY = "query"
    """Only the results of a search were read."""
    FAILED = "failed"
    """The store could not be read; nothing stored was changed."""
    QUARANTINED = "quarantined"
    """It failed a gate, and waits for `lookalike accept` or `lookalike reject`."""
    REJECTED = "rejected"
    """It was quarantined, and the operator rejected it."""


class RejectStage(StrEnum):
    """Where a page or image was dropped: the column `stage` of `rejects`."""

    FETCH = "fetch"
    """It could not be fetched, or must not be."""
    EXTRACT = "extract"
    """No product could be read from it."""
    VALIDATE = "validate"
    """The product that was read cannot be right."""
    PHOTO = "photo"
    """A product's photo could not be fetched or decoded, or shows no product."""
    STORE = "store"
    """The product could not be stored."""


class Gate(StrEnum):
    """The comparisons with the stored state that a crawl has to pass."""

    LOSS = "loss"
    """Too many products are gone."""
    COVERAGE = "coverage"
    """Too few products have a field that most had."""
    DIVERSITY = "diversity"
    """Many products have the same title, photo or price."""
    PRICE = "price"
    """Many prices are a multiple of what they were."""
    CURRENCY = "currency"
    """Many prices are in another currency."""
    TURNOVER = "turnover"
    """Most products are new."""
