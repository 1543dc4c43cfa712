"""The gates that a crawl has to pass before it is merged into the tables.

Each gate compares the store as the last good crawls left it with the store as this crawl would leave it.
A crawl may have read only some of the pages: then the products read are compared with themselves as well,
because in the whole store a fault would show only after several nights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from statistics import median

from scrapers.config.store import Limits
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.snapshot import KnownProduct, Snapshot, field_shares
from storage.staging import Finding
from storage.verdicts import Gate

COMPARABLE_FROM = 10
"""With fewer products a share says little, so no gate fails."""

_COMMON_FIELD = 0.5
"""The coverage of a field is judged if at least this share of the products had it."""

_EXAMPLES = 3

_DISTINCT_TRAITS: dict[str, Callable[[KnownProduct], Hashable]] = {
    "title": lambda known: known.traits.title if known.traits else None,
    "first photo": lambda known: known.traits.photo if known.traits else None,
}
"""What differs from product to product in nearly every store."""


def judge(snapshot: Snapshot, stats: CrawlStats, limits: Limits, *, whole: bool) -> list[Finding]:
    """Why a crawl must not be merged into the tables; empty if it passes all gates.

    :param snapshot: the store as it is stored (`stored_products`) and as the crawl would leave it.
    :param whole: whether the crawl looked at every product of the store, so that those not found are lost.
    """
    comparison = _Comparison(snapshot, stats, limits, whole)
    if len(comparison.on_sale_before) < COMPARABLE_FROM:
        return [*comparison.first_crawl()]
    compare_turnover = whole or (snapshot.last_complete and not stats.searched)
    return [
        *(comparison.loss() if whole else ()),
        *comparison.coverage(),
        *comparison.diversity(),
        *comparison.prices(),
        *(comparison.turnover() if compare_turnover else ()),
    ]


@dataclass(frozen=True)
class _Comparison:
    snapshot: Snapshot
    stats: CrawlStats
    limits: Limits
    whole: bool

    @property
    def on_sale_before(self) -> list[str]:
        """The products on sale before this crawl."""
        return [
            product_id for product_id, known in self.snapshot.stored_products.items() if not known.removed
        ]

    @property
    def on_sale_after(self) -> list[str]:
        """The products on sale if the crawl is believed."""
        products = self.snapshot.products
        if self.whole:
            return [product_id for product_id in self.stats.found if product_id in products]
        return [product_id for product_id, known in products.items() if not known.removed]

    @property
    def read_again(self) -> list[str]:
        """The stored products that this crawl, or an earlier one that is staged, has read again."""
        stored = self.snapshot.stored_products
        read = sorted({*self.stats.read, *self.snapshot.changed_products})
        return [product_id for product_id in read if product_id in stored and not stored[product_id].removed]

    def first_crawl(self) -> Iterator[Finding]:
        """What is plainly broken although there is nothing to compare with."""
        products = self.on_sale_after
        titles = {_DISTINCT_TRAITS["title"](self.snapshot.products[product_id]) for product_id in products}
        if len(products) >= COMPARABLE_FROM and len(titles) == 1:
            sentence = f"All {len(products)} products have the title '{titles.pop()}'."
            yield Finding(Gate.DIVERSITY, sentence, self._urls(products))

    def loss(self) -> Iterator[Finding]:
        """Too many products that the last complete crawl found were not found."""
        missed_before = self.snapshot.stored_missed_crawls
        # A product that earlier crawls missed as well is not lost in this one.
        expected = [
            product_id
            for product_id in self.on_sale_before
            if not missed_before.get(product_id) or product_id in self.stats.found
        ]
        lost = [product_id for product_id in expected if product_id not in self.stats.found]
        if lost and len(lost) >= self.limits.max_loss * len(expected) and self.limits.max_loss < 1:
            share = len(lost) / len(expected)
            sentence = f"{len(lost)} of {len(expected)} products are gone ({share:.0%})."
            yield Finding(Gate.LOSS, sentence, self._urls(lost))

    def coverage(self) -> Iterator[Finding]:
        """Too few products have a field that most had."""
        kept = 1 - self.limits.max_coverage_loss
        read, part_kept = self.read_again, self.limits.suspicious_below
        whole = self._coverage(self.on_sale_before, self.on_sale_after, kept, "products")
        yield from whole or self._coverage(read, read, part_kept, "the products read anew")

    def _coverage(self, before: list[str], after: list[str], kept: float, of_what: str) -> list[Finding]:
        """:param kept: the share of a field's coverage that has to be left."""
        if not kept or min(len(before), len(after)) < COMPARABLE_FROM:
            return []
        was = field_shares(self.snapshot.stored_products[product_id].fields for product_id in before)
        now = field_shares(self._fields(product_id) for product_id in after)
        findings = []
        for name, share in was.items():
            if share >= _COMMON_FIELD and now[name] <= share * kept and now[name] < share:
                without = [product_id for product_id in after if name not in self._fields(product_id)]
                sentence = f"{now[name]:.0%} of {of_what} have '{name}', after {share:.0%} before."
                findings.append(Finding(Gate.COVERAGE, sentence, self._urls(without)))
        return findings

    def diversity(self) -> Iterator[Finding]:
        """Many products have the same title, photo or price, though each had its own."""
        snapshot, kept = self.snapshot, 1 - self.limits.max_coverage_loss
        read = self.read_again
        for name, trait in _DISTINCT_TRAITS.items():
            for before, after in ((self.on_sale_before, self.on_sale_after), (read, read)):
                was = [trait(snapshot.stored_products[product_id]) for product_id in before]
                now = [trait(snapshot.products[product_id]) for product_id in after]
                if finding := _diversity_finding(name, was, now, kept):
                    yield finding
                    break
        was = [
            state[0]
            for product_id in self.on_sale_before
            if (state := snapshot.stored_offers.get(product_id))
        ]
        now = [
            state[0]
            for product_id in self.on_sale_after
            if (state := snapshot.offers.get((product_id, None)))
        ]
        # Prices repeat in good nights as well, most of all in a sale.
        if finding := _diversity_finding("price", was, now, self.limits.suspicious_below):
            yield finding

    def prices(self) -> Iterator[Finding]:
        """Many prices are a multiple of what they were, or in another currency."""
        ratios: dict[str, float] = {}
        currencies: dict[str, str] = {}
        changed = 0
        compared = [product_id for product_id in self.read_again if "price" in self._fields(product_id)]
        for product_id in compared:
            was = self.snapshot.stored_offers.get(product_id)
            now = self.snapshot.offers.get((product_id, None))
            if not was or not now or not was[0] or not now[0]:
                continue
            changed += was[0] != now[0]
            example = (
                f"{self._url(product_id)}: {was[0].normalize():f} {was[2]}, "
                f"now {now[0].normalize():f} {now[2]}"
            )
            if was[2] and now[2] and was[2] != now[2]:
                currencies[example] = now[2]
            elif not 1 / self.limits.max_price_ratio <= now[0] / was[0] <= self.limits.max_price_ratio:
                ratios[example] = float(now[0] / was[0])
        if self._are_many(ratios, compared):
            sentence = (
                f"{len(ratios)} of {len(compared)} prices read anew are more than "
                f"{self.limits.max_price_ratio:g} times what they were, or less than that part of it: "
                f"{changed} changed, the median of the {len(ratios)} is {median(ratios.values()):.3g} times."
            )
            yield Finding(Gate.PRICE, sentence, tuple(ratios)[:_EXAMPLES])
        if self._are_many(currencies, compared):
            sentence = f"{len(currencies)} of {len(compared)} prices read anew are in another currency."
            yield Finding(Gate.CURRENCY, sentence, tuple(currencies)[:_EXAMPLES])

    def _are_many(self, shifted: Collection[str], compared: Collection[str]) -> bool:
        limit = self.limits.max_repriced
        return limit < 1 and len(shifted) >= max(COMPARABLE_FROM, limit * len(compared))

    def turnover(self) -> Iterator[Finding]:
        """Most products are new."""
        found = [product_id for product_id in self.stats.found if product_id in self.snapshot.products]
        new = [product_id for product_id in found if product_id not in self.snapshot.stored_products]
        if len(new) > self.limits.max_turnover * len(found):
            sentence = f"{len(new)} of {len(found)} products were never seen before."
            yield Finding(Gate.TURNOVER, sentence, self._urls(new))

    def _fields(self, product_id: str) -> frozenset[str]:
        """The fields that a product has if the crawl is believed."""
        return self.snapshot.products[product_id].fields

    def _url(self, product_id: str) -> str:
        known = self.snapshot.products.get(product_id) or self.snapshot.stored_products[product_id]
        return known.url

    def _urls(self, product_ids: Collection[str]) -> tuple[str, ...]:
        return tuple(self._url(product_id) for product_id in sorted(product_ids)[:_EXAMPLES])


def _diversity_finding(name: str, was: list[Hashable], now: list[Hashable], kept: float) -> Finding | None:
    """A finding if far fewer different values are left; None otherwise.

    :param was: a value of each product before the crawl; `now` the same after it.
    :param kept: the share of the diversity that has to be left.
    """
    was, now = ([value for value in values if value] for values in (was, now))
    if not kept or min(len(was), len(now)) < COMPARABLE_FROM:
        return None
    share_was, share_now = len(set(was)) / len(was), len(set(now)) / len(now)
    # Where values repeat, more products have a smaller share of different ones.
    expected = min(share_was, len(set(was)) / len(now))
    if share_now > expected * kept or share_now >= expected:
        return None
    value, times = Counter(now).most_common(1)[0]
    sentence = (
        f"{len(now)} products have {len(set(now))} different values of '{name}', after {len(set(was))} of "
        f"{len(was)} before."
    )
    return Finding(Gate.DIVERSITY, sentence, (f"'{value}' on {times} products",))
