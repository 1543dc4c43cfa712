"""Results of a search: plain data, with conversions for JSON, pandas and notebooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from storage.printable import printable

if TYPE_CHECKING:
    import pandas as pd

    from embedding.bands import Band
    from lookalike.description import Description

_PUBLIC = (
    *("rank", "score", "store", "product_id", "title", "brand", "category", "price", "currency"),
    *("availability", "url", "image_url", "seen"),
)


@dataclass(frozen=True)
class AlsoAt:
    """Another product of the same photo, as far as a match tells of it.

    :ivar price: None where the store gives none, like every other fact.
    :ivar url: the product's page. It comes from the store: follow it only if it is http or https.
    """

    store: str
    product_id: str
    title: str | None
    price: Decimal | None
    currency: str | None
    availability: str | None
    url: str | None

    @property
    def id(self) -> str:
        """`store:product_id`, which is a query too."""
        return f"{self.store}:{self.product_id}"

    def to_dict(self) -> dict[str, Any]:
        """The offer as `lookalike search --json` prints it; the price is a decimal string."""
        from storage.money import decimal_string

        facts = {one.name: getattr(self, one.name) for one in fields(self)}
        return facts | {"price": decimal_string(self.price, self.currency)}


@dataclass(frozen=True)
class Match:
    """A product, with the photo of it that looks most like the query.

    :ivar rank: from 1; 0 where the product was asked for by its name.
    :ivar score: cosine similarity in the projected space, at most 1; of words, how well they fit, see
        `Shop.search`.
    :ivar category: the store's own, as a path.
    :ivar price: None where the store gives none, like every other fact about the product.
    :ivar was_price: the price before a reduction.
    :ivar currency: ISO 4217.
    :ivar availability: `in_stock`, `out_of_stock`, `preorder`, `backorder` or None.
    :ivar url: the product's page. It comes from the store: follow it only if it is http or https.
    :ivar image_url: the photo at the store.
    :ivar seen: when the store's last complete crawl, as of this generation, ended; UTC.
    :ivar image_id: sha256 of the photo.
    :ivar also_at: other products whose photo is the same, in this store or others, that pass the filters too;
        the cheapest first.
    :ivar evidence: what says that it is the same article, where `Shop.elsewhere` found it; `("photo",)` where
        `Shop.similar` found the very picture searched for; what recommends it, where `Shop.recommend` did:
        `looks`, `bought together`, `popular`.
    :ivar because: the purchase that a recommendation comes from, `store:product_id`.
    :ivar why: in words, why it completes an outfit, where `Shop.complete` found it, or where the words were
        found that were searched for.
    :ivar colours: as its store names them.
    :ivar sizes: those that its store offers, as it spells them.
    :ivar band: how alike the photos are, where `Shop.similar` or `Shop.elsewhere` found it; None where they
        are not alike, or where the generation's encoder has no cut-offs.
    """

    rank: int
    score: float
    store: str
    product_id: str
    title: str | None
    brand: str | None
    category: str | None
    price: Decimal | None
    was_price: Decimal | None
    currency: str | None
    availability: str | None
    url: str | None
    image_url: str | None
    seen: datetime | None
    image_id: str
    photo: Callable[[], bytes] = field(repr=False, compare=False)
    also_at: tuple[AlsoAt, ...] = ()
    evidence: tuple[str, ...] = ()
    because: str | None = None
    why: str | None = None
    colours: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    band: Band | None = None

    @property
    def id(self) -> str:
        """`store:product_id`, which is a query too."""
        return f"{self.store}:{self.product_id}"

    def thumbnail(self) -> bytes:
        """The photo as a JPEG of at most 256 px a side, from the generation, not from the store."""
        return self.photo()

    def to_dict(self) -> dict[str, Any]:
        """The match as `lookalike search --json` prints it; the price is a decimal string.

        `also_at` is there only where there are such products, `because` and `evidence` where something is
        recommended, `why` where an outfit is completed.
        """
        from storage.money import decimal_string

        facts = {name: getattr(self, name) for name in _PUBLIC}
        seen = self.seen.isoformat().replace("+00:00", "Z") if self.seen else None
        also_at = {"also_at": [offer.to_dict() for offer in self.also_at]} if self.also_at else {}
        reasons = {"because": self.because, "evidence": list(self.evidence)} if self.because else {}
        why = {"why": self.why} if self.why else {}
        return facts | {
            "score": round(self.score, 6),
            "price": decimal_string(self.price, self.currency),
            "seen": seen,
            **also_at,
            **reasons,
            **why,
        }

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the photo itself, in place of where it lies in the generation."""
        return self.__dict__ | {"photo": partial(bytes, self.photo())}

    def _repr_html_(self) -> str:
        from lookalike.rendering import render
        from lookalike.templates import NOTEBOOK_STYLE

        return render("match", match=self, style=NOTEBOOK_STYLE)


class Matches(Sequence[Match]):
    """Matches of one search, the most similar first.

    :ivar generation: name of the generation that was searched.
    :ivar query: what was searched for, in words.
    :ivar warning: what a caller should know: that a photo searched for does not look like clothing, or that
        products were left out whose prices are in other currencies than the limit; else None.
    :ivar skipped: products of a history that the generation does not hold.
    :ivar style: what completed an outfit: `head` for the style head that outfits trained, `default` where
        there is none or it was no better; None for other searches.
    """

    def __init__(
        self,
        matches: Sequence[Match],
        *,
        generation: str,
        query: str,
        pictures: Callable[[], list[bytes]] = list,
        warning: str | None = None,
        descriptions: Callable[[], list[Description]] = list,
        skipped: Sequence[str] = (),
        style: str | None = None,
    ) -> None:
        """
        :param pictures: makes JPEGs of the photos searched for, when they are to be shown.
        :param descriptions: says what the photos searched for show; a product is not described, nor is
            anything where the encoder has no heads.
        """
        self._matches = tuple(matches)
        self.generation = generation
        self.query = query
        self.pictures = pictures
        self.warning = warning
        self.descriptions = descriptions
        self.skipped = tuple(skipped)
        self.style = style

    def __len__(self) -> int:
        return len(self._matches)

    @overload
    def __getitem__(self, at: int) -> Match: ...
    @overload
    def __getitem__(self, at: slice) -> Matches: ...
    def __getitem__(self, at: int | slice) -> Match | Matches:
        if isinstance(at, slice):
            return Matches(
                self._matches[at],
                generation=self.generation,
                query=self.query,
                pictures=self.pictures,
                warning=self.warning,
                descriptions=self.descriptions,
                skipped=self.skipped,
                style=self.style,
            )
        return self._matches[at]

    def __iter__(self) -> Iterator[Match]:
        return iter(self._matches)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Matches):
            return NotImplemented
        return (self.generation, self._matches) == (other.generation, other._matches)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lines = [f"{len(self)} matches for {self.query} in generation {self.generation}"]
        if self.warning:
            lines.append(self.warning)
        if self.skipped:
            lines.append(f"Skipped, since the generation does not hold them: {', '.join(self.skipped)}")
        for match in self:
            price = "" if match.price is None else f"{match.price.normalize():f} {match.currency or ''}"
            lines.append(
                f"{match.rank:3d}  {match.score:.3f}  {match.id}  {match.title or ''}  {price}".rstrip()
            )
            if match.why:
                lines.append(f"     {match.why}")
            if match.also_at:
                lines.append(f"     also at  {', '.join(offer.id for offer in match.also_at)}")
        return "\n".join(map(printable, lines))

    def to_dict(self) -> dict[str, Any]:
        """The matches as `lookalike search --json` prints them."""
        matches = [match.to_dict() for match in self]
        skipped = {"skipped": list(self.skipped)} if self.skipped else {}
        style = {"style": self.style} if self.style else {}
        return {
            "generation": self.generation,
            "matches": matches,
            "warning": self.warning,
            **skipped,
            **style,
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a match.

        Prices are float64, NaN where the store gives none, `seen` is a UTC timestamp; `also_at`,
        `evidence`, `colours` and `sizes` are texts, with commas. A match itself and `to_dict` have the exact
        prices.
        """
        import pandas as pd

        names = [one.name for one in fields(Match) if one.name != "photo"]
        frame = pd.DataFrame([[getattr(match, name) for name in names] for match in self], columns=names)
        frame = frame.astype(
            {"rank": "int64", "score": "float64", "price": "float64", "was_price": "float64"}
        )
        return frame.assign(
            seen=pd.to_datetime(frame["seen"], utc=True),
            also_at=[", ".join(offer.id for offer in match.also_at) for match in self],
            evidence=[", ".join(match.evidence) for match in self],
            colours=[", ".join(match.colours) for match in self],
            sizes=[", ".join(match.sizes) for match in self],
        )

    def to_html(self) -> str:
        """A page of its own: one HTML document that holds the photos and loads nothing else."""
        from importlib.resources import files

        from lookalike.rendering import render

        style = files("lookalike.demo").joinpath("contact_sheet.css").read_text(encoding="utf-8")
        return render("sheet", matches=self, style=style)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: photos and descriptions themselves, in place of what makes them."""
        made = {"pictures": self.pictures(), "descriptions": self.descriptions()}
        return self.__dict__ | {name: partial(list, values) for name, values in made.items()}

    def _repr_html_(self) -> str:
        from lookalike.rendering import render
        from lookalike.templates import NOTEBOOK_STYLE

        return render("notebook", matches=self, style=NOTEBOOK_STYLE)
