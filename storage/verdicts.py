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


class Failure(StrEnum):
    """Why a crawl is not complete: the column `failure` of `crawls`.

    docs/operating.md says for each what to do.
    """

    DNS = "dns"
    """The store's host name does not resolve."""
    REFUSED = "refused"
    """Its server accepts no connection."""
    TIMEOUT = "timeout"
    """Its server does not answer in time."""
    TLS = "tls"
    """No encrypted connection could be made, as with an expired certificate."""
    CONNECTION = "connection"
    """Connections break before an answer is complete."""
    BLOCKED = "blocked"
    """Its server refuses us: HTTP 401, 403 or 429, or a challenge page."""
    SERVER_ERROR = "server error"
    """Its server answers HTTP 5xx."""
    NOT_FOUND = "not found"
    """The addresses that lead to its products are gone: HTTP 404 or 410."""
    ROBOTS = "robots"
    """Its robots.txt forbids what the crawl needs."""
    PRIVATE = "private"
    """Its address is on this machine or in a private network."""
    PLATFORM = "platform changed"
    """It answers with something else than its platform does: no sitemap, no JSON, no list of products."""
    EMPTY = "empty"
    """Its lists can be read, and name no product."""
    NO_PRODUCTS = "no products"
    """Its pages can be read, and none shows a product."""
    INCOMPLETE = "incomplete"
    """Some products were read, but not all of them may have been found."""
    QUARANTINED = "quarantined"
    """It failed a gate."""
    INTERRUPTED = "interrupted"
    """Somebody stopped it, or its process."""
    OUT_OF_TIME = "out of time"
    """It reached its time limit."""
    OUT_OF_MEMORY = "out of memory"
    """This machine ran out of memory."""
    DISK_FULL = "disk full"
    """What was read does not fit on the disk."""
    STORAGE = "storage"
    """The data root cannot be read or written."""
    EXCEPTION = "exception"
    """A bug in Lookalike."""

    @property
    def advice(self) -> str:
        """What the operator can do, as a sentence."""
        return _ADVICE[self]


_ADVICE = {
    Failure.DNS: "Check the store's `url`, and this machine's name server.",
    Failure.REFUSED: "The store may be down; if this stays, check its `url` and port.",
    Failure.TIMEOUT: "The store may be overloaded; if this stays, raise `timeout_s` in its limits.",
    Failure.TLS: "Open the store in a browser; if its certificate is bad there too, tell its owner.",
    Failure.CONNECTION: "The store may be overloaded; if this stays, set `connections = 1` in its limits.",
    Failure.BLOCKED: "Ask the store's owner for access, or raise `delay_s` in its limits.",
    Failure.SERVER_ERROR: "The store has a fault; if this stays, open it in a browser and tell its owner.",
    Failure.NOT_FOUND: "Check the store's `url`; if it moved, add it again with `lookalike stores add`.",
    Failure.ROBOTS: "Its owner wants no crawler there. Ask for permission, or remove the store.",
    Failure.PRIVATE: "If the store is your own, set `allow_private = true` in its entry.",
    Failure.PLATFORM: "The store may have a new platform: add it again with `lookalike stores add`.",
    Failure.EMPTY: "Open the store in a browser; if it has products, add it with `lookalike stores add`.",
    Failure.NO_PRODUCTS: "Run `lookalike extract` on one of its product pages, and name its CSS selectors.",
    Failure.INCOMPLETE: "What was read is kept; `rejects` names the pages that could not be read.",
    Failure.QUARANTINED: "Look at the examples, then accept or reject the crawl.",
    Failure.INTERRUPTED: "The next crawl continues where this one stopped.",
    Failure.OUT_OF_TIME: "The next crawl reads the rest; if this stays, raise `seconds` in its limits.",
    Failure.OUT_OF_MEMORY: "Lower `at_once` under [crawl], or give the machine more memory.",
    Failure.DISK_FULL: "Free space, then crawl again.",
    Failure.STORAGE: "Check the disk and its permissions, then run `lookalike maintain`.",
    Failure.EXCEPTION: "Report it, with the crawl's log.",
}
"""A sentence for each failure, for status, report and alert."""
