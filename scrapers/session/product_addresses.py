"""Which addresses of a store show the same product, by what their pages show."""

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


MIN_ALIKE = 3
"""Cards of a listing, all of other names, whose addresses differ only in what is thought to be context."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells a product from another, as its page shows it.

    :ivar title: folded.
    :ivar photo: the address of its first photo.
    """

    title: str
    sku: str | None = None
    gtin: str | None = None
    photo: str | None = None

    def may_be(self, other: Signs) -> bool:
        """Whether both may be one product, maybe in another colour: so much is needed to believe a page that
        names the other's address as its own."""
        if self.gtin and other.gtin:
            return self.gtin == other.gtin
        if self.title == other.title or (self.sku and self.sku == other.sku):
            return True
        short, long = sorted((self.title, other.title), key=len)
        return len(short) > 3 and long.startswith(short) and not long[len(short)].isalnum()

    def is_surely(self, other: Signs) -> bool:
        """Whether both are one product, with nothing said of their addresses."""
        return bool(self.gtin or self.sku or self.photo) and self == other


def signs_of(product: Extracted) -> Signs:
    """The signs of a product that was read."""
    return Signs(
        fold(product.title), product.sku, product.gtin, product.images[0] if product.images else None
    )


def fold(title: str | None) -> str:
    """A title for comparing."""
    return " ".join((title or "").casefold().split())


@dataclass(slots=True)
class _Read:
    """A page that was read: its own address, and the one it was asked at where this crawl read it."""

    address: str
    signs: Signs
    asked: str | None = None


@dataclass(slots=True)
class ProductAddresses:
    """Learns which parts of a store's addresses name its products.

    By their names, parameters are noise (tracking, session ids), context (category, sort, page) or unknown.
    What the store shows goes before their names: two cards of a listing whose addresses differ in a parameter
    alone make it a name; two pages that show the same product make it ignored.

    :ivar ignored: parameters that change nothing; `naming` those that name a product after all.
    :ivar again: addresses to be read again, because what they named as their own address is not.
    :ivar gone: addresses that turned out to be no product's own.
    """

    ignored: set[str] = field(default_factory=set)
    naming: set[str] = field(default_factory=set)
    again: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    _stored: set[str] = field(default_factory=set)
    _listings: set[str] = field(default_factory=set)
    _shared: set[str] = field(default_factory=set)
    _claims: dict[str, _Read] = field(default_factory=dict)
    _without: dict[tuple[str, str], _Read] = field(default_factory=dict)

    def remember(self, address: str, signs: Signs) -> None:
        """Notes a product that is stored."""
        read, place = _Read(address, signs), spelling(without_tracking(address))
        self._stored.add(place)
        self._claims.setdefault(place, read)
        self._note(address, read)

    def note_listing(self, address: str) -> None:
        """Notes the address of a listing: it is no product's own."""
        self._listings.add(spelling(without_tracking(address)))

    def note_cards(self, cards: Iterable[tuple[str, str]]) -> None:
        """Learns from the products that one listing shows.

        :param cards: address and name of each; those without a name say nothing.
        """
        by_key: dict[str, dict[str, str]] = {}
        for address, name in cards:
            by_key.setdefault(spelling(self.key(address)), {})[address] = fold(name)
        several = sum(len(addresses) for addresses in by_key.values())
        # One product may be linked in two ways, and each link be named otherwise: it takes a whole listing.
        if several < MIN_ALIKE or several < MIN_ALIKE * len(by_key):
            return
        for addresses in by_key.values():
            if len(set(filter(None, addresses.values()))) >= MIN_ALIKE:
                first, *others = addresses
                for other in others:
                    self.naming.update(_differing(first, other))

    def key(self, address: str) -> str:
        """The address without what does not name a product: the same for all addresses of one product."""

        def dropped(name: str, value: str) -> bool:
            if name in self.naming:
                return False
            return name in self.ignored or is_noise(name, value) or is_context(name, value)

        bare = without_tracking(address)
        key = without(bare, dropped)
        # `?route=product/category&path=20` without its path names no category any more, and no product.
        return bare if key != bare and names_nothing(key) else key

    def own_address(self, asked: str, canonical: str | None, signs: Signs) -> str:
        """The address that stands for the product of a page.

        :param asked: the address asked for.
        :param canonical: the one that the page names as its own; None where it names none.
        """
        own = self.key(asked)
        read = _Read(own, signs, asked)
        claimed = self._claimed(own, self.key(canonical), read) if canonical else None
        if claimed:
            read.address = claimed
            self._note(own, read)
            return claimed
        twin = self._twin(own, signs)
        if twin:
            return twin
        self._claims[spelling(own)] = read
        self._note(own, read)
        return own

    def _claimed(self, own: str, canonical: str, read: _Read) -> str | None:
        """The canonical address of a page, where it is to be believed."""
        place = spelling(canonical)
        if place == spelling(own):
            return None
        # A product keeps the address it is stored under; the other may have turned out to be shared.
        if spelling(own) in self._stored and place not in self._stored:
            return None
        if place in self._shared or place in self._listings or is_home(canonical):
            return None
        other = self._claims.setdefault(place, read)
        if other is read or other.signs.may_be(read.signs):
            return canonical
        if other.asked and spelling(self.key(other.asked)) != place:
            # Both only name it, and show different products: it is neither's.
            self._shared.add(place)
            self.again.append(other.asked)
            self.gone.append(canonical)
        return None

    def _twin(self, own: str, signs: Signs) -> str | None:
        """The address of the same product that differs in one parameter, which is ignored from now on."""
        for name, _ in pairs_of(own):
            if is_id_like(name) or name in self.naming:
                continue
            known = self._without.get((name, _rest(own, name)))
            if known is None or spelling(known.address) == spelling(own):
                continue
            if known.signs.is_surely(signs):
                self.ignored.add(name)
                return known.address
            if not known.signs.may_be(signs):
                self.naming.add(name)
        return None

    def _note(self, address: str, read: _Read) -> None:
        for name, _ in pairs_of(address):
            if not is_id_like(name):
                self._without.setdefault((name, _rest(address, name)), read)


def _rest(address: str, name: str) -> str:
    return spelling(without(without_tracking(address), lambda one, _: one == name))


def _differing(one: str, other: str) -> set[str]:
    """The parameters in which two addresses of one path differ."""
    pairs = set(pairs_of(one)) ^ set(pairs_of(other))
    return {name for name, _ in pairs}
