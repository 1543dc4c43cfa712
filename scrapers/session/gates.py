"""The gates that a crawl passes before it becomes what is known of its store.

Each compares the same store before and after: as it is stored, which is what the last good crawls left, and
as this crawl would leave it. Where the crawl read only a part of the pages, that part is compared with itself
as well: a night that reads a slice would need half a week to show in the whole what broke.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from dataclasses import dataclass
from statistics import median

from scrapers.config.store import Limits
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.snapshot import KnownProduct, Snapshot, shares
from storage.staging import Finding

COMPARABLE_FROM = 10
"""Under this many products a share says little, so nothing is held against it."""

_COLLAPSIBLE_FROM = 0.5
"""Share of the products that must have had a field for its coverage to be judged."""

_EXAMPLES = 3

_SIGNS: dict[str, Callable[[KnownProduct], Hashable]] = {
    "title": lambda known: known.signs.title if known.signs else None,
    "first photo": lambda known: known.signs.photo if known.signs else None,
}
"""What differs from product to product in nearly every store."""


def judge(memory: Snapshot, ledger: CrawlStats, limits: Limits, *, whole: bool) -> list[Finding]:
    """Why a crawl must not become what is known of its store; empty where nothing is held against it.

    :param memory: the store as it is stored (`before`) and as the crawl would leave it.
    :param whole: whether every product of the store was looked at, so that one not met is lost.
    """
    crawl = _Compared(memory, ledger, limits, whole)
    if len(crawl.standing) < COMPARABLE_FROM:
        return [*crawl.first()]
    return [
        *(crawl.loss() if whole else ()),
        *crawl.coverage(),
        *crawl.diversity(),
        *crawl.prices(),
        *(crawl.turnover() if whole or (memory.last_complete and not ledger.searched) else ()),
    ]


@dataclass(frozen=True)
class _Compared:
    memory: Snapshot
    ledger: CrawlStats
    limits: Limits
    whole: bool

    @property
    def standing(self) -> list[str]:
        """The products on sale before."""
        return [one for one, known in self.memory.before.items() if not known.removed]

    @property
    def after(self) -> list[str]:
        """The products on sale if the crawl is believed."""
        products = self.memory.products
        if self.whole:
            return [one for one in self.ledger.found if one in products]
        return [one for one, known in products.items() if not known.removed]

    @property
    def anew(self) -> list[str]:
        """The products known before that were read anew, by this crawl or an earlier one that is staged."""
        before = self.memory.before
        read = sorted({*self.ledger.read, *self.memory.touched})
        return [one for one in read if one in before and not before[one].removed]

    def first(self) -> Iterator[Finding]:
        """What is plainly broken where there is nothing to compare with."""
        titles = {_SIGNS["title"](self.memory.products[one]) for one in self.after}
        if len(self.after) >= COMPARABLE_FROM and len(titles) == 1:
            sentence = f"All {len(self.after)} products have the title '{titles.pop()}'."
            yield Finding("diversity", sentence, self._urls(self.after))

    def loss(self) -> Iterator[Finding]:
        """Too many products that the last complete crawl met were not met."""
        absent = self.memory.absent_before
        # What an earlier crawl did not meet, either, is lost already.
        met = [one for one in self.standing if not absent.get(one) or one in self.ledger.found]
        lost = [one for one in met if one not in self.ledger.found]
        if lost and len(lost) >= self.limits.max_loss * len(met) and self.limits.max_loss < 1:
            sentence = f"{len(lost)} of {len(met)} products are gone ({len(lost) / len(met):.0%})."
            yield Finding("loss", sentence, self._urls(lost))

    def coverage(self) -> Iterator[Finding]:
        """Too few products have a field that most had."""
        kept = 1 - self.limits.max_coverage_loss
        whole = self._coverage(self.standing, self.after, kept, "products")
        part = self._coverage(self.anew, self.anew, self.limits.suspicious_below, "the products read anew")
        yield from whole or part

    def _coverage(self, before: list[str], after: list[str], kept: float, of_what: str) -> list[Finding]:
        if not kept or min(len(before), len(after)) < COMPARABLE_FROM:
            return []
        was = shares(self.memory.before[one].fields for one in before)
        now = shares(self._fields(one) for one in after)
        found = []
        for name, share in was.items():
            if share >= _COLLAPSIBLE_FROM and now[name] <= share * kept and now[name] < share:
                without = [one for one in after if name not in self._fields(one)]
                sentence = f"{now[name]:.0%} of {of_what} have '{name}', after {share:.0%} before."
                found.append(Finding("coverage", sentence, self._urls(without)))
        return found

    def diversity(self) -> Iterator[Finding]:
        """What differed from product to product is the same on many."""
        kept = 1 - self.limits.max_coverage_loss
        for what, sign in _SIGNS.items():
            for before, after in ((self.standing, self.after), (self.anew, self.anew)):
                was = [sign(self.memory.before[one]) for one in before]
                now = [sign(self.memory.products[one]) for one in after]
                if finding := _same(what, was, now, kept):
                    yield finding
                    break
        products = self.after
        was = [state[0] for one in self.standing if (state := self.memory.offers_before.get(one))]
        now = [state[0] for one in products if (state := self.memory.offers.get((one, None)))]
        # Prices repeat in good nights as well, most of all in a sale.
        if finding := _same("price", was, now, self.limits.suspicious_below):
            yield finding

    def prices(self) -> Iterator[Finding]:
        """Many prices are a multiple of what they were, or in another currency."""
        ratios: dict[str, float] = {}
        currencies: dict[str, str] = {}
        changed = 0
        compared = [one for one in self.anew if "price" in self._fields(one)]
        for one in compared:
            was, now = self.memory.offers_before.get(one), self.memory.offers.get((one, None))
            if not was or not now or not was[0] or not now[0]:
                continue
            changed += was[0] != now[0]
            told = f"{self._url(one)}: {was[0].normalize():f} {was[2]}, now {now[0].normalize():f} {now[2]}"
            if was[2] and now[2] and was[2] != now[2]:
                currencies[told] = now[2]
            elif not 1 / self.limits.max_price_ratio <= now[0] / was[0] <= self.limits.max_price_ratio:
                ratios[told] = float(now[0] / was[0])
        if self._many(ratios, compared):
            sentence = (
                f"{len(ratios)} of {len(compared)} prices read anew are more than "
                f"{self.limits.max_price_ratio:g} times what they were, or less than that part of it: "
                f"{changed} changed, the median of the {len(ratios)} is {median(ratios.values()):.3g} times."
            )
            yield Finding("price", sentence, tuple(ratios)[:_EXAMPLES])
        if self._many(currencies, compared):
            sentence = f"{len(currencies)} of {len(compared)} prices read anew are in another currency."
            yield Finding("currency", sentence, tuple(currencies)[:_EXAMPLES])

    def _many(self, shifted: Collection[str], compared: Collection[str]) -> bool:
        limit = self.limits.max_repriced
        return limit < 1 and len(shifted) >= max(COMPARABLE_FROM, limit * len(compared))

    def turnover(self) -> Iterator[Finding]:
        """Most products were never seen before."""
        met = [one for one in self.ledger.found if one in self.memory.products]
        new = [one for one in met if one not in self.memory.before]
        if len(new) > self.limits.max_turnover * len(met):
            sentence = f"{len(new)} of {len(met)} products were never seen before."
            yield Finding("turnover", sentence, self._urls(new))

    def _fields(self, product_id: str) -> frozenset[str]:
        """The fields that a product has if the crawl is believed."""
        return self.memory.products[product_id].fields

    def _url(self, product_id: str) -> str:
        known = self.memory.products.get(product_id) or self.memory.before[product_id]
        return known.url

    def _urls(self, ids: Collection[str]) -> tuple[str, ...]:
        return tuple(self._url(one) for one in sorted(ids)[:_EXAMPLES])


def _same(what: str, was: list[Hashable], now: list[Hashable], kept: float) -> Finding | None:
    was, now = ([one for one in values if one] for values in (was, now))
    if not kept or min(len(was), len(now)) < COMPARABLE_FROM:
        return None
    share_was, share_now = len(set(was)) / len(was), len(set(now)) / len(now)
    # Of more products a smaller share differs, where what they have repeats.
    expected = min(share_was, len(set(was)) / len(now))
    if share_now > expected * kept or share_now >= expected:
        return None
    most, times = Counter(now).most_common(1)[0]
    sentence = (
        f"{len(now)} products have {len(set(now))} different values of '{what}', after {len(set(was))} of "
        f"{len(was)} before."
    )
    return Finding("diversity", sentence, (f"'{most}' on {times} products",))
