"""The marks that shop systems leave in their pages."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup

from scrapers.stores import Strategy

_SHOPIFY = re.compile(r"cdn\.shopify\.com|/cdn/shop/|myshopify\.com|Shopify\.theme", re.IGNORECASE)
_WOOCOMMERCE = re.compile(r"woocommerce|/wp-content/|wp-json", re.IGNORECASE)
_SHOPIFY_HOST = re.compile(r"[\"'/]([a-z0-9][a-z0-9-]{0,60}\.myshopify\.com(?::\d{1,5})?)[\"'/]")
_LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?")
_LOOKED_AT = 500


def likely_platform(html: str) -> Strategy | None:
    """The shop system that a page looks like; None where it shows no mark."""
    soup = BeautifulSoup(html, "lxml")
    generators = " ".join(str(tag.get("content", "")) for tag in soup.find_all("meta", {"name": "generator"}))
    if _WOOCOMMERCE.search(generators):
        return "woocommerce"
    scores: dict[Strategy, int] = {"shopify": 0, "woocommerce": 0}
    for tag in soup.find_all(["script", "link", "img", "body"], limit=_LOOKED_AT):
        text = (
            " ".join(str(tag.get(name, "")) for name in ("src", "href", "class")) + (tag.string or "")[:2000]
        )
        scores["shopify"] += bool(_SHOPIFY.search(text))
        scores["woocommerce"] += bool(_WOOCOMMERCE.search(text))
    best: Strategy = max(scores, key=lambda name: scores[name])
    return best if scores[best] else None


def shopify_host(html: str) -> str | None:
    """The address below myshopify.com that a store's page names; None where it names none."""
    found = _SHOPIFY_HOST.search(html)
    return found[1] if found else None


def locale_of(html: str) -> str | None:
    """The language a page names as its own, such as `de` or `en-GB`."""
    tag = BeautifulSoup(html, "lxml").find("html")
    language = str(tag.get("lang", "")) if tag else ""
    return language if _LOCALE.fullmatch(language) else None
