"""The gates: what a crawl may change in a night, and what is quarantined."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from scrapers.config.store import Limits
from scrapers.session.crawl_stats import CrawlStats
from scrapers.session.gates import judge
from scrapers.session.product_addresses import Traits
from scrapers.session.snapshot import KnownProduct, Snapshot

COUNT = 100
SEEN = datetime(2026, 11, 1, tzinfo=UTC)
ALL = frozenset({"title", "price", "currency", "images"})


def known(number: int, **other) -> KnownProduct:
    photo = other.pop("photo", f"{number}.jpg")
    traits = Traits(other.pop("title", f"shirt {number}"), photo=photo)
    url = f"https://shop.example/p/{number}"
    given = {"content_hash": "h", "first_seen": SEEN, "removed": False, "fields": ALL, "url": url} | other
    return KnownProduct(**given, traits=traits)


def offer(price: Decimal | None, currency: str = "EUR"):
    return (price, None, currency, "in_stock")


class Night:
    """A store of 100 products, and a night in which all are found as they were unless told otherwise."""

    def __init__(self, count: int = COUNT) -> None:
        self.snapshot = Snapshot(last_complete=SEEN)
        self.stats = CrawlStats()
        for number in range(count):
            self.snapshot.stored_products[str(number)] = self.snapshot.products[str(number)] = known(number)
            state = offer(Decimal(1000 + 37 * number) / 100)
            self.snapshot.stored_offers[str(number)] = self.snapshot.offers[str(number), None] = state
            self.stats.note_found(str(number), ALL)

    def read(self, number: int, price: Decimal | None = None, currency: str = "EUR", **other) -> None:
        """A product that is read anew."""
        one = str(number)
        self.snapshot.products[one] = known(number, content_hash="new", **other)
        self.stats.found[one] = self.snapshot.products[one].fields
        self.stats.read.add(one)
        was = self.snapshot.stored_offers.get(one)
        self.snapshot.offers[one, None] = offer(was[0] if was and price is None else price, currency)

    def price(self, number: int) -> Decimal:
        price = self.snapshot.stored_offers[str(number)][0]
        assert price is not None
        return price

    def findings(self, *, whole: bool = True, **limits) -> dict[str, str]:
        found = judge(self.snapshot, self.stats, Limits(**limits), whole=whole)
        return {one.gate: one.sentence for one in found}


def prices_vanish(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, fields=ALL - {"price"})


def titles_are_one(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, title="just a moment")


def photos_are_one(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, photo="soon.jpg")


def prices_are_one(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, Decimal(25))


def hundredfold(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, 100 * night.price(number))


def hundredth(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, night.price(number) / 100)


def dollars(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(number, currency="USD")


def not_met(night: Night, numbers: range) -> None:
    for number in numbers:
        night.stats.found.pop(str(number))


def said_gone(night: Night, numbers: range) -> None:
    not_met(night, numbers)
    night.stats.gone.update(map(str, numbers))


def replaced(night: Night, numbers: range) -> None:
    not_met(night, numbers)
    for number in numbers:
        night.read(1000 + number, Decimal(number))


def more(night: Night, numbers: range) -> None:
    for number in numbers:
        night.read(1000 + number, Decimal(number))


LIES = [
    (prices_vanish, 100, "coverage"),
    (prices_vanish, 50, "coverage"),
    (prices_vanish, 20, "coverage"),
    (titles_are_one, 100, "diversity"),
    (titles_are_one, 50, "diversity"),
    (photos_are_one, 100, "diversity"),
    (prices_are_one, 100, "diversity"),
    (hundredfold, 100, "price"),
    (hundredfold, 20, "price"),
    (hundredth, 100, "price"),
    (dollars, 100, "currency"),
    (not_met, 20, "loss"),
    (not_met, 50, "loss"),
    (said_gone, 20, "loss"),
    (said_gone, 50, "loss"),
    (replaced, 100, "turnover"),
    (more, 150, "turnover"),
]


@pytest.mark.parametrize(("lie", "count", "gate"), LIES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_night_that_lies_is_found_out(lie, count, gate):
    night = Night()
    lie(night, range(count))
    assert gate in night.findings()


@pytest.mark.parametrize("lie", [prices_vanish, titles_are_one, photos_are_one, hundredfold, hundredth])
@pytest.mark.parametrize("whole", [True, False])
def test_a_lie_is_found_out_in_the_slice_that_was_read(lie, whole):
    night = Night()
    lie(night, range(14))
    assert night.findings(whole=whole)


def test_what_a_staged_crawl_read_is_judged_though_this_one_read_little():
    night = Night()
    prices_vanish(night, range(90))
    night.stats.read.clear()
    night.stats.found.clear()
    night.read(95)
    assert "coverage" in night.findings(whole=False)


def sale(night: Night) -> None:
    for number in range(30):
        night.read(number, night.price(number) * Decimal("0.8"))


def sale_of_all(night: Night) -> None:
    for number in range(COUNT):
        night.read(number, night.price(number) / 2)


def a_few_less(night: Night) -> None:
    said_gone(night, range(19))


def a_few_without_price(night: Night) -> None:
    prices_vanish(night, range(3))


def a_collection(night: Night) -> None:
    more(night, range(60))


def lost_already(night: Night) -> None:
    """What the night before that was believed did not meet, either."""
    not_met(night, range(50))
    night.snapshot.stored_missed_crawls.update({str(number): 1 for number in range(50)})


def nothing(night: Night) -> None:
    pass


@pytest.mark.parametrize(
    "change", [nothing, sale, sale_of_all, a_few_less, a_few_without_price, a_collection, lost_already]
)
def test_an_ordinary_night_passes(change):
    night = Night()
    change(night)
    assert night.findings() == {}


def test_a_partial_night_says_nothing_of_what_it_did_not_meet():
    night = Night()
    not_met(night, range(50))
    assert night.findings(whole=False) == {}


def test_a_query_may_find_new_products():
    night = Night()
    night.stats.found.clear()
    more(night, range(30))
    night.stats.searched = "A search for 'red'"
    assert night.findings(whole=False) == {}


@pytest.mark.parametrize("lie", [prices_vanish, titles_are_one, hundredfold, not_met])
def test_little_can_be_said_of_few_products(lie):
    night = Night(9)
    lie(night, range(5))
    assert night.findings() == {}


def test_a_first_crawl_passes_unless_it_is_plainly_broken():
    first = Night(0)
    for number in range(30):
        first.read(number, fields=frozenset({"title"}))
    assert first.findings() == {}
    titles_are_one(first, range(30))
    assert first.findings() == {"diversity": "All 30 products have the title 'just a moment'."}


@pytest.mark.parametrize(
    ("lie", "limits"),
    [
        (not_met, {"max_loss": 1}),
        (prices_vanish, {"max_coverage_loss": 1, "suspicious_below": 0}),
        (hundredfold, {"max_price_ratio": 1000}),
        (hundredfold, {"max_repriced": 1}),
        (more, {"max_turnover": 1}),
    ],
)
def test_a_store_may_be_given_other_limits(lie, limits):
    night = Night()
    lie(night, range(99))
    assert night.findings(**limits) == {}


def test_a_finding_names_figures_and_examples():
    night = Night()
    hundredfold(night, range(COUNT))
    [finding] = judge(night.snapshot, night.stats, Limits(), whole=True)
    assert finding.sentence == (
        "100 of 100 prices read anew are more than 4 times what they were, or less than that part of it: 100 "
        "changed, the median of the 100 is 100 times."
    )
    assert "https://shop.example/p/1: 10.37 EUR, now 1037 EUR" in finding.examples
