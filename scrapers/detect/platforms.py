"""The marks that shop systems leave in their pages."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlencode, urljoin

from bs4 import BeautifulSoup

from scrapers.config.selectors import PLACE_OF_WORDS
from scrapers.config.store import Strategy

_SHOPIFY = re.compile(r"cdn\.shopify\.com|/cdn/shop/|myshopify\.com|Shopify\.theme", re.IGNORECASE)
_WOOCOMMERCE = re.compile(r"woocommerce|/wp-content/|wp-json", re.IGNORECASE)
_SHOPIFY_HOST = re.compile(r"[\"'/]([a-z0-9][a-z0-9-]{0,60}\.myshopify\.com(?::\d{1,5})?)[\"'/]")
_LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?")
_LOOKED_AT = 500
_NEXT_TO_NOTHING = 120
"""Characters: a shell says `Loading…` or the shop's name."""
_SCRIPT_CHARACTERS = 200_000
_SEARCH_ACTION = re.compile(r'"(https?:[^"\s]{1,500}\{search_term[a-z_]{0,20}\}[^"\s]{0,200})"')
_PLACE = re.compile(r"\{search_term[a-z_]{0,20}\}")
_SEARCH_FIELD = re.compile(r"^(?:q|query|s|search|keyword|keywords|text|term)$", re.IGNORECASE)


@lru_cache(maxsize=1)
def _parsed(html: str) -> BeautifulSoup:
    """A page, parsed once for all that is looked for on it; not to be changed."""
    return BeautifulSoup(html, "lxml")


def likely_platform(html: str) -> Strategy | None:
    """The shop system that a page looks like; None where it shows no mark."""
    soup = _parsed(html)
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


def rest_api(html: str, url: str) -> str | None:
    """The address of WordPress' interface that a page names; None where it names none."""
    link = _parsed(html).find("link", {"rel": "https://api.w.org/", "href": True})
    return urljoin(url, str(link["href"])) if link else None


def locale_of(html: str) -> str | None:
    """The language a page names as its own, such as `de` or `en-GB`."""
    tag = _parsed(html).find("html")
    language = str(tag.get("lang", "")) if tag else ""
    return language if _LOCALE.fullmatch(language) else None


def is_empty_without_scripts(html: str) -> bool:
    """Whether a page shows next to nothing before its scripts have run."""
    soup = BeautifulSoup(html, "lxml")
    if soup.body is None or not soup.find("script"):
        return False
    for tag in soup.find_all(["script", "style", "noscript", "template"]):
        tag.decompose()
    return len(soup.body.get_text(" ", strip=True)) < _NEXT_TO_NOTHING and not soup.body.find("a", href=True)


def search_url(html: str, url: str) -> str | None:
    """The address of the store's search, with `{query}` where the words stand, as a page tells it.

    By its `SearchAction`, else by its search form.
    """
    soup = _parsed(html)
    for script in soup.find_all("script", {"type": "application/ld+json"}):
        found = _SEARCH_ACTION.search(script.get_text()[:_SCRIPT_CHARACTERS])
        if found:
            template = found[1].replace("\\/", "/")
            return urljoin(url, _PLACE.sub(PLACE_OF_WORDS, template, count=1))
    for form in soup.find_all("form", limit=_LOOKED_AT):
        field = form.find("input", {"name": _SEARCH_FIELD})
        typed = field is not None and field.get("type", "text") in ("text", "search")
        if field and typed and form.get("action") and str(form.get("method", "get")).lower() == "get":
            hidden = [
                (str(one["name"]), str(one.get("value", "")))
                for one in form.find_all("input", {"type": "hidden"})
                if one.get("name")
            ]
            words = f"{field['name']}={PLACE_OF_WORDS}"
            query = "&".join(part for part in (urlencode(hidden), words) if part)
            return f"{urljoin(url, str(form['action'])).partition('?')[0]}?{query}"
    return None
