"""The statistics of one crawl: its counts, its rejects, and the verdict at its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from scrapers.session.failure import RequestOutcomes, failure_of, failure_of_error
from scrapers.session.snapshot import KnownProduct, Snapshot, field_shares
from storage.verdicts import CrawlStatus, Failure, RejectStage

_FEW_WITHOUT_PRODUCT = 5
"""Pages without a product, of those that listings link to, that never make a crawl partial."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A page or photo that was not kept.

    :ivar stage: where it was dropped.
    :ivar reason: why, as a short sentence.
    """

    url: str
    stage: RejectStage
    reason: str
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a crawl ended, with a sentence for the operator.

    :ivar failure: why it is not complete; None if it is.
    """

    status: CrawlStatus
    message: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CrawlDelay:
    """The crawl-delay that a store's robots.txt asks for.

    :ivar requested_s: the time between two requests that robots.txt asks for.
    :ivar kept_s: the time that the crawl kept; less than requested if a limit cut it.
    :ivar limit_s: the time limit of the whole crawl.
    """

    host: str
    requested_s: float
    kept_s: float
    limit_s: float

    @property
    def max_requests(self) -> int:
        """The most requests that fit into the crawl."""
        return int(self.limit_s / self.kept_s) + 1

    def sentence(self, *, too_slow: bool) -> str:
        """What the operator has to know; empty if the delay was kept and does no harm."""
        asks = f"robots.txt of {self.host} asks for {self.requested_s:g} s between requests"
        cut = f"{self.kept_s:g} s were kept, by `crawl_delay_s`" if self.kept_s < self.requested_s else ""
        slow = (
            f"at most {self.max_requests} requests fit into a crawl of {self.limit_s:g} s. Raise `seconds` "
            "in its limits, or ask its owner for a shorter delay"
            if too_slow
            else ""
        )
        return f"{asks}; {'; '.join(filter(None, [cut, slow]))}." if cut or slow else ""


@dataclass(slots=True)
class CrawlStats:
    """What one crawl has done so far.

    :ivar found: the products found in this crawl, with the fields that each has.
    :ivar read: the found products whose pages were read again; the others are as they were stored.
    :ivar pages_requested: requested pages, without photos.
    :ivar pages: pages that were answered.
    :ivar images: stored photos of the found products.
    :ivar broken: why the store could not be read at all.
    :ivar stopped: why the crawl ended early.
    :ivar cause: the failure behind `broken`, `stopped` or a bug; None if there is none of these.
    :ivar outcomes: how the requests ended.
    :ivar gaps: why the list of products may be incomplete.
    :ivar unread: listed product pages that could not be read.
    :ivar product_pages: pages requested as product pages that show a product.
    :ivar pages_without_product: pages requested as product pages that show none.
    :ivar listings: how many products each listing showed; None if no listing is followed.
    :ivar gone: products whose own page says that they are gone.
    :ivar redirected: products whose own address redirects to another page.
    :ivar expected: how many products the store says it has.
    :ivar searched: what was searched for, as the beginning of a sentence; None if the whole store is read.
    :ivar crawl_delay: the crawl-delay of the store's robots.txt, if it has one.
    """

    found: dict[str, frozenset[str]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    new: int = 0
    changed: int = 0
    removed: int = 0
    images: int = 0
    images_new: int = 0
    pages_requested: int = 0
    pages: int = 0
    errors: int = 0
    requests: int = 0
    size_bytes: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unread: int = 0
    product_pages: int = 0
    pages_without_product: int = 0
    listings: dict[str, int] | None = None
    gone: set[str] = field(default_factory=set)
    redirected: set[str] = field(default_factory=set)
    broken: str | None = None
    stopped: str | None = None
    cause: Failure | None = None
    outcomes: RequestOutcomes = field(default_factory=RequestOutcomes)
    expected: int | None = None
    searched: str | None = None
    crawl_delay: CrawlDelay | None = None

    def reject(self, url: str, stage: RejectStage, reason: str) -> None:
        """Notes a page or photo that was not kept. Cuts addresses and reasons of hostile length."""
        self.rejected += 1
        self.outcomes.note_reject(reason)
        self.rejects.append(Reject(_storable(url, 2000), stage, _storable(reason, 500), datetime.now(UTC)))

    def take_rejects(self) -> list[Reject]:
        """Returns the rejects noted since the last call."""
        taken, self.rejects = self.rejects, []
        return taken

    def note_error(self, error: BaseException) -> None:
        """Notes an exception in our own code, or of the data root."""
        self.errors += 1
        self.cause = self.cause or failure_of_error(error)

    def note_found(self, product_id: str, fields: frozenset[str]) -> bool:
        """Notes a found product; returns False if this crawl has found it before."""
        if product_id in self.found:
            return False
        self.found[product_id] = fields
        return True

    def note_read(self, product_id: str, fields: frozenset[str]) -> None:
        """Notes that a found product was read, with the fields it has."""
        self.found[product_id] = fields
        self.read.add(product_id)

    def retract(self, product_id: str) -> None:
        """Takes back a found product: the address that named it is not its own."""
        self.found.pop(product_id, None)
        self.read.discard(product_id)
        self.gone.add(product_id)

    def note_listing(self, listing: str, products: int) -> None:
        """Notes how many products a listing showed."""
        self.listings = self.listings or {}
        self.listings[listing] = products

    def loss(self, snapshot: Snapshot) -> float:
        """The share of the stored products that was not found, without those whose page says so."""
        on_sale = [
            product_id
            for product_id, known in snapshot.products.items()
            if not known.removed and product_id not in self.gone
        ]
        lost = sum(product_id not in self.found for product_id in on_sale)
        return lost / len(on_sale) if on_sale else 0.0

    def coverage(self) -> dict[str, float]:
        """The share of the found products that have each field."""
        return field_shares(self.found.values())

    def count_changes(self, snapshot: Snapshot) -> None:
        """Counts the products that are new or changed, compared with what is stored."""
        self.new = self.changed = 0
        for product_id in snapshot.changed_products:
            stored = snapshot.stored_products.get(product_id)
            if stored is None:
                self.new += 1
            elif stored.removed or stored.content_hash != snapshot.products[product_id].content_hash:
                self.changed += 1

    def verdict(self, store: str, snapshot: Snapshot) -> Verdict:
        """How the crawl ended; the gates decide later whether it is believed."""
        verdict = self._verdict_without_delay(store, snapshot)
        verdict = replace(verdict, failure=self._failure(verdict.status))
        if self.crawl_delay is None:
            return verdict
        too_slow = bool(self.stopped) or (self.expected or 0) > self.crawl_delay.max_requests
        sentences = [verdict.message, self.crawl_delay.sentence(too_slow=too_slow)]
        return replace(verdict, message=" ".join(filter(None, sentences)))

    def _failure(self, status: CrawlStatus) -> Failure | None:
        """Why the crawl is not complete; None if it is."""
        if status in (CrawlStatus.COMPLETE, CrawlStatus.QUERY):
            return None
        return failure_of(
            self.outcomes,
            cause=self.cause,
            found=bool(self.found),
            has_gap=bool(self.gaps),
            product_pages=self.product_pages + self.pages_without_product,
        )

    def _verdict_without_delay(self, store: str, snapshot: Snapshot) -> Verdict:
        found = len(self.found)
        if self.broken:
            return Verdict(CrawlStatus.FAILED, self.broken)
        if self.stopped:
            return Verdict(CrawlStatus.PARTIAL, self.stopped)
        if self.searched:
            return self._search_verdict(store, self.searched)
        if not found:
            reason = self.gaps[0] if self.gaps else "no product was found on its pages"
            return Verdict(
                CrawlStatus.FAILED,
                f"'{store}' could not be read: {reason.rstrip('.')}. Nothing stored was changed.",
            )
        if self.gaps:
            more = f" (and {len(self.gaps) - 1} more)" if len(self.gaps) > 1 else ""
            return Verdict(
                CrawlStatus.PARTIAL, f"The list of products is not whole: {self.gaps[0].rstrip('.')}{more}."
            )
        if self.unread > max(1, found // 10):
            return Verdict(CrawlStatus.PARTIAL, f"{self.unread} product pages could not be read.")
        if problem := self._why_listings_are_incomplete(snapshot):
            return Verdict(CrawlStatus.PARTIAL, problem)
        return Verdict(CrawlStatus.COMPLETE, "")

    def _search_verdict(self, store: str, searched: str) -> Verdict:
        """The verdict on a search, which may find nothing and says nothing about other products."""
        gap = self.gaps[0].rstrip(".") if self.gaps else None
        if gap and not self.found:
            return Verdict(
                CrawlStatus.FAILED, f"'{store}' could not be searched: {gap}. Nothing stored was changed."
            )
        more = f" Not all of it could be read: {gap}." if gap else ""
        return Verdict(CrawlStatus.QUERY, f"{searched}{'' if self.found else ' found nothing'}.{more}")

    def _why_listings_are_incomplete(self, snapshot: Snapshot) -> str | None:
        """Why the followed listings cannot be all of the store's, judged by what they led to."""
        if self.listings is None:
            return None
        requested = self.product_pages + self.pages_without_product
        if self.pages_without_product > max(_FEW_WITHOUT_PRODUCT, len(self.found)):
            shown = f"Only {self.product_pages} of the {requested} pages"
            return f"{shown} that its listings lead to show a product."
        with_products = sum(count > 0 for count in self.listings.values())
        if with_products == 1 and len(self.listings) > 1 and self.loss(snapshot) > 0:
            return "Only one of its listings shows products, and not all that were found before."
        return None


def _storable(text: str, limit: int) -> str:
    """A text as the tables can hold it: cut, with lone surrogates escaped."""
    return text[:limit].encode(errors="backslashreplace").decode()


def missing_products(found: dict[str, frozenset[str]], known: dict[str, KnownProduct]) -> list[str]:
    """The stored products that a crawl did not find and that are not marked as removed yet."""
    return [
        product_id for product_id, product in known.items() if not product.removed and product_id not in found
    ]
