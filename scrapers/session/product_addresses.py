"""Learns which addresses of a store show the same product, from what their pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scrapers.extract.address import (
    is_context,
    is_home,
    is_id_like,
    is_noise,
    names_nothing,
    pairs_of,
    spelling,
    without,
    without_tracking,
)

if TYPE_CHECKING:
    from scrapers.extract.product import Extracted


MIN_DIFFERENT_CARDS = 3
"""This many cards of a listing with different names make a parameter significant, if only it differs."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What distinguishes a product from others, as its page shows it.

    :ivar title: as `fold` returns it.
    :ivar photo: the address of its first photo.
    """

    title: str
    sku: str | None = None
    gtin: str | None = None
    photo: str | None = None

    def may_be_same(self, other: Traits) -> bool:
        """Whether both may be one product, maybe in another colour.

        A page that names the other's address as its own is believed only then.
        """
        if self.gtin and other.gtin:
            return self.gtin == other.gtin
        if self.title == other.title or (self.sku and self.sku == other.sku):
            return True
        short, long = sorted((self.title, other.title), key=len)
        return len(short) > 3 and long.startswith(short) and not long[len(short)].isalnum()

    def is_certainly_same(self, other: Traits) -> bool:
        """Whether both are one product, whatever their addresses."""
        return bool(self.gtin or self.sku or self.photo) and self == other


def traits_of(product: Extracted) -> Traits:
    """The traits of an extracted product."""
    return Traits(
        fold(product.title), product.sku, product.gtin, product.images[0] if product.images else None
    )


def fold(title: str | None) -> str:
    """A title in the form that titles are compared in."""
    return " ".join((title or "").casefold().split())


@dataclass(slots=True)
class _ProductPage:
    """A product's page.

    :ivar address: its own address.
    :ivar requested: the address that this crawl requested; None if an earlier crawl read it.
    """

    address: str
    traits: Traits
    requested: str | None = None


@dataclass(slots=True)
class ProductAddresses:
    """Learns which parts of a store's addresses name its products.

    By their names, parameters are noise (tracking, session ids), context (category, sort, page) or unknown.
    What the store shows takes precedence: a parameter is significant if several cards of a listing differ in
    it alone, and ignored if two pages that differ in it alone show the same product.

    :ivar ignored: parameters that change nothing.
    :ivar significant: parameters that distinguish products.
    :ivar to_read_again: addresses to read again, because the canonical address that they named is not theirs.
    :ivar disproved: addresses that turned out to be no product's own.
    """

    ignored: set[str] = field(default_factory=set)
    significant: set[str] = field(default_factory=set)
    to_read_again: list[str] = field(default_factory=list)
    disproved: list[str] = field(default_factory=list)
    _stored: set[str] = field(default_factory=set)
    _listings: set[str] = field(default_factory=set)
    _shared: set[str] = field(default_factory=set)
    _claims: dict[str, _ProductPage] = field(default_factory=dict)
    _without: dict[tuple[str, str], _ProductPage] = field(default_factory=dict)

    def add_stored(self, address: str, traits: Traits) -> None:
        """Adds the address of a stored product."""
        read, place = _ProductPage(address, traits), spelling(without_tracking(address))
        self._stored.add(place)
        self._claims.setdefault(place, read)
        self._note(address, read)

    def note_listing(self, address: str) -> None:
        """Adds the address of a listing, which is no product's own."""
        self._listings.add(spelling(without_tracking(address)))

    def note_cards(self, cards: Iterable[tuple[str, str]]) -> None:
        """Learns from the products that one listing shows.

        :param cards: address and name of each; one without a name teaches nothing.
        """
        by_key: dict[str, dict[str, str]] = {}
        for address, name in cards:
            by_key.setdefault(spelling(self.key(address)), {})[address] = fold(name)
        several = sum(len(addresses) for addresses in by_key.values())
        # One product may have two links with different names, so a whole listing is needed.
        if several < MIN_DIFFERENT_CARDS or several < MIN_DIFFERENT_CARDS * len(by_key):
            return
        for addresses in by_key.values():
            if len(set(filter(None, addresses.values()))) >= MIN_DIFFERENT_CARDS:
                first, *others = addresses
                for other in others:
                    self.significant.update(_differing_parameters(first, other))

    def key(self, address: str) -> str:
        """The address without parameters that do not matter: equal for all addresses of one product."""

        def dropped(name: str, value: str) -> bool:
            if name in self.significant:
                return False
            return name in self.ignored or is_noise(name, value) or is_context(name, value)

        bare = without_tracking(address)
        key = without(bare, dropped)
        # `?route=product/category&path=20` without its path names neither a category nor a product.
        return bare if key != bare and names_nothing(key) else key

    def own_address(self, requested: str, canonical: str | None, traits: Traits) -> str:
        """The address that identifies the product of a page.

        :param requested: the address that was requested.
        :param canonical: the address that the page names as its own; None if it names none.
        """
        own = self.key(requested)
        read = _ProductPage(own, traits, requested)
        claimed = self._claimed(own, self.key(canonical), read) if canonical else None
        if claimed:
            read.address = claimed
            self._note(own, read)
            return claimed
        if known := self._known_address(own, traits):
            return known
        self._claims[spelling(own)] = read
        self._note(own, read)
        return own

    def _claimed(self, own: str, canonical: str, read: _ProductPage) -> str | None:
        """The canonical address of a page, if it is believed; None otherwise."""
        place = spelling(canonical)
        if place == spelling(own):
            return None
        # A product keeps the address it is stored under: the other one may have turned out to be shared.
        if spelling(own) in self._stored and place not in self._stored:
            return None
        if place in self._shared or place in self._listings or is_home(canonical):
            return None
        other = self._claims.setdefault(place, read)
        if other is read or other.traits.may_be_same(read.traits):
            return canonical
        if other.requested and spelling(self.key(other.requested)) != place:
            # Two pages with different products name it, so it belongs to neither.
            self._shared.add(place)
            self.to_read_again.append(other.requested)
            self.disproved.append(canonical)
        return None

    def _known_address(self, own: str, traits: Traits) -> str | None:
        """A known address of the same product that differs in one parameter, which is ignored from now on."""
        for name, _ in pairs_of(own):
            if is_id_like(name) or name in self.significant:
                continue
            known = self._without.get((name, _without_parameter(own, name)))
            if known is None or spelling(known.address) == spelling(own):
                continue
            if known.traits.is_certainly_same(traits):
                self.ignored.add(name)
                return known.address
            if not known.traits.may_be_same(traits):
                self.significant.add(name)
        return None

    def _note(self, address: str, read: _ProductPage) -> None:
        for name, _ in pairs_of(address):
            if not is_id_like(name):
                self._without.setdefault((name, _without_parameter(address, name)), read)


def _without_parameter(address: str, name: str) -> str:
    return spelling(without(without_tracking(address), lambda other, _: other == name))


def _differing_parameters(one: str, other: str) -> set[str]:
    """The parameters in which two addresses of one path differ."""
    pairs = set(pairs_of(one)) ^ set(pairs_of(other))
    return {name for name, _ in pairs}
