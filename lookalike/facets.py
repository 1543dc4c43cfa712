"""Facets of a search's answers: what may be chosen, how many answers have it, and in which order they stand.

Choices that `Shop.similar` knows as filters are searched with, so that a choice brings further products; the
others narrow the answers that are there. Counts are taken from answers, never from the whole catalogue.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from embedding.index.filter_types import FilterArguments
from embedding.index.filters import category_steps
from embedding.outfits.kinds import BOYS, CHILDREN, GIRLS, MEN, WOMEN, gender_of
from lookalike.language import marked
from lookalike.matches import AlsoAt, Match
from lookalike.same_product import cheapest_first

GENDERS = {
    WOMEN: marked("Women"),
    MEN: marked("Men"),
    GIRLS: marked("Girls"),
    BOYS: marked("Boys"),
    CHILDREN: marked("Children"),
}
OUT_OF_STOCK = "out_of_stock"
_WORDS = re.compile(r"\w+")


class Order(StrEnum):
    """How answers are sorted."""

    LIKENESS = "likeness"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True)
class Choices:
    """What was chosen of the answers; an empty field is no choice.

    :ivar category: steps of stores' category paths, such as `Dresses`.
    :ivar gender: of `GENDERS`.
    :ivar currency: of the price limits.
    :ivar on_sale: whether the store has to give a higher price before.
    """

    category: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    store: tuple[str, ...] = ()
    gender: tuple[str, ...] = ()
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    currency: str | None = None
    in_stock: bool = False
    on_sale: bool = False

    @property
    def priced(self) -> bool:
        """Whether there is a limit to the price."""
        return self.min_price is not None or self.max_price is not None

    def searched(self) -> tuple[tuple[str, object], ...]:
        """The filters as something to remember a search by."""
        return tuple(self.filters().items())

    def filters(self) -> FilterArguments:
        """The choices that a search knows as filters; see `narrow` for the others."""
        return FilterArguments(
            category=self.category or None,
            colour=self.colour or None,
            brand=self.brand or None,
            size=self.size or None,
            store=self.store or None,
            min_price=self.min_price,
            max_price=self.max_price,
            currency=self.currency if self.priced else None,
            in_stock=self.in_stock,
        )

    def passes(self, match: Match, without: str = "") -> bool:
        """Whether a match fits all choices.

        :param without: the name of a choice that is not asked about.
        """
        return all(name == without or _FITS[name](self, match) for name in self._made)

    @functools.cached_property
    def _made(self) -> tuple[str, ...]:
        """The names of what was chosen."""
        return tuple(name for name in _FITS if getattr(self, name) not in ((), None, False))


@dataclass(frozen=True)
class FacetValue:
    """A value that can be chosen, and how many answers it would leave."""

    value: str
    count: int


def count(answers: Iterable[Match], choices: Choices) -> dict[str, list[FacetValue]]:
    """Counts the values of each facet among the answers that fit the choices of the other facets.

    Spellings that differ in case are one value, spelt as most answers spell it.

    :param answers: of one or several searches; one that is there twice is counted once.
    :return: by facet, its values, the most frequent first.
    """
    distinct = {match.id: match for match in answers}.values()
    return {
        facet: _counted([values_of(match) for match in distinct if choices.passes(match, without=facet)])
        for facet, values_of in _VALUES.items()
    }


def count_flag(answers: Iterable[Match], choices: Choices, flag: str) -> int:
    """Counts the answers that would be left if `in_stock` or `on_sale` was asked for."""
    distinct = {match.id: match for match in answers}.values()
    return sum(choices.passes(match, without=flag) and _FITS[flag](choices, match) for match in distinct)


def narrow(answers: Iterable[Match], choices: Choices) -> list[Match]:
    """The answers that fit all choices.

    A search for words that name a colour takes no other colour, and none knows genders and reductions.
    """
    return [match for match in answers if choices.passes(match)]


def sort(answers: Sequence[Match], order: Order, currency: str | None = None) -> list[Match]:
    """Sorts answers; what cannot be bought comes last, but for the very picture that was searched for.

    :param answers: the most similar first.
    :param currency: that prices are compared in, else the most frequent one of the answers. Prices in others
        come after, then products without a price.
    """
    found = list(answers)
    if order is not Order.LIKENESS and found:
        given = Counter(match.currency for match in found if match.price is not None and match.currency)
        compared = currency or (given.most_common(1)[0][0] if given else None)
        found = cheapest_first(found, compared, {})
        if order is Order.DEAREST:
            comparable = [one for one in found if one.price is not None and one.currency == compared]
            found = comparable[::-1] + found[len(comparable) :]
    return sorted(found, key=lambda match: not can_be_bought(match) and "photo" not in match.evidence)


def can_be_bought(match: Match) -> bool:
    """Whether any store that sells it, as far as they say, has it."""
    offers: tuple[Match | AlsoAt, ...] = (match, *match.also_at)
    return any(offer.availability != OUT_OF_STOCK for offer in offers)


def is_on_sale(match: Match) -> bool:
    """Whether its store gives a higher price before."""
    return match.price is not None and match.was_price is not None and match.was_price > match.price


def category_step(path: str) -> str:
    """The last step of a store's category path, which says most: `Dresses` of `Women > Dresses`."""
    return (category_steps(path) or [""])[-1]


def _counted(values: Iterable[frozenset[str]]) -> list[FacetValue]:
    counts: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for some in values:
        for value in some:
            folded = _folded(value)
            spellings.setdefault(folded, Counter())[value] += 1
        counts.update({_folded(value) for value in some})
    found = [FacetValue(_commonest(spellings[folded]), number) for folded, number in counts.items() if folded]
    return sorted(found, key=lambda one: (-one.count, _folded(one.value)))


def _commonest(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda spelling: (-spellings[spelling], spelling))


def _categories(match: Match) -> frozenset[str]:
    return frozenset({category_step(match.category)}) if match.category else frozenset()


def _genders(match: Match) -> frozenset[str]:
    named = GENDERS.get(gender_of(match.category, match.title))
    return frozenset({named}) if named else frozenset()


_VALUES: dict[str, Callable[[Match], frozenset[str]]] = {
    "category": _categories,
    "colour": lambda match: frozenset(match.colours),
    "brand": lambda match: frozenset({match.brand} if match.brand else ()),
    "size": lambda match: frozenset(match.sizes),
    "store": lambda match: frozenset({match.store}),
    "gender": _genders,
}
"""By facet, the values that a match has of it."""


def _is_of(facet: str) -> Callable[[Choices, Match], bool]:
    def fits(choices: Choices, match: Match) -> bool:
        wanted = {_folded(value) for value in getattr(choices, facet)}
        return any(_folded(value) in wanted for value in _VALUES[facet](match))

    return fits


def _in_category(choices: Choices, match: Match) -> bool:
    steps = {_folded(step) for step in category_steps(match.category or "")}
    return any(_folded(category) in steps for category in choices.category)


def _in_colour(choices: Choices, match: Match) -> bool:
    return any(
        set(_WORDS.findall(wanted.casefold())) <= set(_WORDS.findall(colour.casefold()))
        for wanted in choices.colour
        for colour in match.colours
    )


def _within_price(choices: Choices, match: Match) -> bool:
    if match.price is None or (choices.currency and match.currency != choices.currency):
        return False
    least, most = choices.min_price, choices.max_price
    return (least is None or match.price >= least) and (most is None or match.price <= most)


_FITS: dict[str, Callable[[Choices, Match], bool]] = {
    "category": _in_category,
    "colour": _in_colour,
    "brand": _is_of("brand"),
    "size": _is_of("size"),
    "store": _is_of("store"),
    "gender": _is_of("gender"),
    "min_price": _within_price,
    "max_price": _within_price,
    "in_stock": lambda _, match: match.availability == "in_stock",
    "on_sale": lambda _, match: is_on_sale(match),
}
"""By choice, whether a match fits it, as `embedding.index.filters` decides for the whole catalogue."""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
