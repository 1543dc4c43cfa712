"""OpenGraph and `product:` tags as a candidate."""

from __future__ import annotations

from urllib.parse import urljoin

from scrapers.extract.candidates import Candidate, RawOffer, RawPhoto
from scrapers.extract.page import Page
from storage.terms import SourceName

_PRODUCT_TYPES = ("product", "product.item", "product.group", "og:product", "og_product")


def read_opengraph(page: Page) -> dict[str, list[str]]:
    """The page's meta properties in order, including those with `name` or in the body."""
    found: dict[str, list[str]] = {}
    for meta in page.tagged["meta"]:
        name = (meta.get("property") or meta.get("name") or "").strip().lower()
        content = (meta.get("content") or "").strip()
        if content and name.startswith(("og:", "product:")):
            found.setdefault(name, []).append(content)
    return found


def is_product(properties: dict[str, list[str]]) -> bool:
    """Whether the tags say that the page is a product page."""
    kinds = {kind.lower() for kind in properties.get("og:type", [])}
    return not kinds.isdisjoint(_PRODUCT_TYPES) or bool(_first(properties, "product:price:amount"))


def to_candidate(properties: dict[str, list[str]], page: Page) -> Candidate:
    """The tags as a candidate."""
    regular = _first(properties, "product:price:amount", "og:price:amount", "product:price")
    sale = _first(properties, "product:sale_price:amount")
    offer = RawOffer(
        price=sale or regular,
        before=_first(properties, "product:original_price:amount") or (regular if sale else None),
        currency=_first(
            properties,
            "product:sale_price:currency" if sale else "product:price:currency",
            "product:price:currency",
            "og:price:currency",
        ),
        availability=_first(properties, "product:availability", "og:availability"),
    )
    images = properties.get("og:image:secure_url") or properties.get("og:image") or []
    gtins = [_first(properties, f"product:{name}") for name in ("ean", "upc", "gtin", "isbn")]
    category = _first(properties, "product:category")
    colour = _first(properties, "product:color")
    return Candidate(
        source=SourceName.OPENGRAPH,
        title=_first(properties, "og:title"),
        brand=_first(properties, "product:brand", "og:brand"),
        description=_first(properties, "og:description"),
        categories=(category,) if category else (),
        sku=_first(properties, "product:retailer_item_id", "product:retailer_part_no"),
        gtins=tuple(gtin for gtin in gtins if gtin),
        url=_join(page.base_url, _first(properties, "og:url")),
        photos=tuple(RawPhoto(url) for image in images if (url := _join(page.base_url, image))),
        colours=(colour,) if colour else (),
        sizes=tuple(properties.get("product:size", [])),
        offers=(offer,) if offer.price or offer.availability else (),
    )


def _first(properties: dict[str, list[str]], *names: str) -> str | None:
    return next((properties[name][0] for name in names if name in properties), None)


def _join(base: str, link: str | None) -> str | None:
    if not link:
        return None
    try:
        return urljoin(base, link)
    except ValueError:
        return None
