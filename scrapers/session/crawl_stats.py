"""The counts of one crawl, what it could not keep and why, and the verdict on it at its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from scrapers.session.snapshot import KnownProduct, Snapshot, shares

COMPLETE, PARTIAL, FAILED, QUERY = "complete", "partial", "failed", "query"
QUARANTINED, REJECTED = "quarantined", "rejected"

_FEW_REFUSED = 5


@dataclass(frozen=True, slots=True)
class Reject:
    """A page or photo that was not kept.

    :ivar stage: where it was given up: `fetch`, `extract`, `validate`, `photo` or `store`.
    :ivar reason: why, as a short sentence.
    """

    url: str
    stage: str
    reason: str
    rejected_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a crawl ended.

    :ivar status: `complete`; `partial`: not every product could be looked at; `query`: only what was searched
        for was looked at; `failed`: the store could not be read.
    """

    status: str
    message: str


@dataclass(frozen=True, slots=True)
class CrawlDelay:
    """A crawl-delay of a store's robots.txt.

    :ivar kept_s: the time between two requests that was kept; less than was asked for where that was cut.
    :ivar limit_s: the time of the whole crawl.
    """

    host: str
    asked_s: float
    kept_s: float
    limit_s: float

    @property
    def fitting(self) -> int:
        """Requests that fit into the crawl at most."""
        return int(self.limit_s / self.kept_s) + 1

    def sentence(self, *, too_slow: bool) -> str:
        """What the operator has to know; empty where the delay was kept and does no harm."""
        asks = f"robots.txt of {self.host} asks for {self.asked_s:g} s between requests"
        cut = f"{self.kept_s:g} s were kept, by `crawl_delay_s`" if self.kept_s < self.asked_s else ""
        slow = (
            f"at most {self.fitting} requests fit into a crawl of {self.limit_s:g} s. Raise `seconds` in its "
            "limits, or ask its owner for a shorter delay"
            if too_slow
            else ""
        )
        return f"{asks}; {'; '.join(filter(None, [cut, slow]))}." if cut or slow else ""


@dataclass(slots=True)
class CrawlStats:
    """What one crawl has done so far.

    :ivar found: the products met in this crawl, with the fields each has.
    :ivar read: those of them that were read anew; the others are as they were stored.
    :ivar asked: pages asked for; photos do not count.
    :ivar images: photos of these products that are stored.
    :ivar searched: what was searched for, as the beginning of a sentence; None where all of it was read.
    :ivar broken: why the store could not be read at all.
    :ivar gaps: why the list of products is not known to be whole.
    :ivar delay: what the crawl-delay of the store's robots.txt meant for this crawl.
    :ivar unread: product pages that are listed but could not be read.
    :ivar shown: pages asked for as a product's that show one; `refused` those that show none.
    :ivar listings: how many products each listing showed; None where no listing is followed.
    :ivar gone: products whose own page says that they are gone; `redirected` those whose own address leads to
        another page.
    """

    found: dict[str, frozenset[str]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    new: int = 0
    changed: int = 0
    removed: int = 0
    images: int = 0
    images_new: int = 0
    asked: int = 0
    pages: int = 0
    errors: int = 0
    requests: int = 0
    size_bytes: int = 0
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    unread: int = 0
    shown: int = 0
    refused: int = 0
    listings: dict[str, int] | None = None
    gone: set[str] = field(default_factory=set)
    redirected: set[str] = field(default_factory=set)
    broken: str | None = None
    stopped: str | None = None
    expected: int | None = None
    searched: str | None = None
    delay: CrawlDelay | None = None

    def reject(self, url: str, stage: str, reason: str) -> None:
        """Notes a page or photo that was not kept. Addresses and reasons of hostile length are cut."""
        self.rejected += 1
        self.rejects.append(Reject(_text(url, 2000), stage, _text(reason, 500), datetime.now(UTC)))

    def take_rejects(self) -> list[Reject]:
        """What was noted since the last time."""
        taken, self.rejects = self.rejects, []
        return taken

    def meet(self, product_id: str, fields: frozenset[str]) -> bool:
        """Notes a product of the store; false where it was met in this crawl already."""
        if product_id in self.found:
            return False
        self.found[product_id] = fields
        return True

    def note_read(self, product_id: str, fields: frozenset[str]) -> None:
        """Notes what was read of a product that was met."""
        self.found[product_id] = fields
        self.read.add(product_id)

    def forget(self, product_id: str) -> None:
        """Takes back that a product was met: the address that named it is not its own."""
        self.found.pop(product_id, None)
        self.read.discard(product_id)
        self.gone.add(product_id)

    def listed(self, listing: str, products: int) -> None:
        """Notes how many products a listing showed."""
        self.listings = self.listings or {}
        self.listings[listing] = products

    def loss(self, memory: Snapshot) -> float:
        """The share of the stored products, not counting those that say they are gone, that was not met."""
        standing = [
            one for one, known in memory.products.items() if not known.removed and one not in self.gone
        ]
        lost = sum(one not in self.found for one in standing)
        return lost / len(standing) if standing else 0.0

    def coverage(self) -> dict[str, float]:
        """The share of the found products that have each field."""
        return shares(self.found.values())

    def count_changes(self, memory: Snapshot) -> None:
        """Counts the products that are new or changed, against what is stored."""
        before, touched = memory.before, memory.touched
        self.new = sum(one not in before for one in touched)
        self.changed = sum(
            one in before
            and (before[one].removed or before[one].content_hash != memory.products[one].content_hash)
            for one in touched
        )

    def verdict(self, store: str, memory: Snapshot) -> Verdict:
        """How the crawl ended; whether it is believed is for the gates to say."""
        verdict = self._judged(store, memory)
        if self.delay is None:
            return verdict
        too_slow = bool(self.stopped) or (self.expected or 0) > self.delay.fitting
        sentences = [verdict.message, self.delay.sentence(too_slow=too_slow)]
        return Verdict(verdict.status, " ".join(filter(None, sentences)))

    def _judged(self, store: str, memory: Snapshot) -> Verdict:
        found = len(self.found)
        if self.broken:
            return Verdict(FAILED, self.broken)
        if self.stopped:
            return Verdict(PARTIAL, self.stopped)
        if self.searched:
            return self._of_search(store, self.searched)
        if not found:
            reason = self.gaps[0] if self.gaps else "no product was found on its pages"
            return Verdict(
                FAILED, f"'{store}' could not be read: {reason.rstrip('.')}. Nothing stored was changed."
            )
        if self.gaps:
            more = f" (and {len(self.gaps) - 1} more)" if len(self.gaps) > 1 else ""
            return Verdict(PARTIAL, f"The list of products is not whole: {self.gaps[0].rstrip('.')}{more}.")
        if self.unread > max(1, found // 10):
            return Verdict(PARTIAL, f"{self.unread} product pages could not be read.")
        little = self._little(memory)
        if little:
            return Verdict(PARTIAL, little)
        return Verdict(COMPLETE, "")

    def _of_search(self, store: str, searched: str) -> Verdict:
        """Of a search: it may find nothing, and it never says anything about what it did not find."""
        gap = self.gaps[0].rstrip(".") if self.gaps else None
        if gap and not self.found:
            return Verdict(FAILED, f"'{store}' could not be searched: {gap}. Nothing stored was changed.")
        more = f" Not all of it could be read: {gap}." if gap else ""
        return Verdict(QUERY, f"{searched}{'' if self.found else ' found nothing'}.{more}")

    def _little(self, memory: Snapshot) -> str | None:
        """Why the listings that were followed cannot be all, by what they led to."""
        if self.listings is None:
            return None
        asked = self.shown + self.refused
        if self.refused > max(_FEW_REFUSED, len(self.found)):
            return f"Only {self.shown} of the {asked} pages that its listings lead to show a product."
        showing = sum(count > 0 for count in self.listings.values())
        if showing == 1 and len(self.listings) > 1 and self.loss(memory) > 0:
            return "Only one of its listings shows products, and not all that were found before."
        return None


def _text(text: str, limit: int) -> str:
    """As the tables can hold it: cut, and half characters as their escapes."""
    return text[:limit].encode(errors="backslashreplace").decode()


def missing(found: dict[str, frozenset[str]], known: dict[str, KnownProduct]) -> list[str]:
    """The stored products that a crawl did not meet and that are not marked as removed yet."""
    return [
        product_id for product_id, product in known.items() if not product.removed and product_id not in found
    ]
