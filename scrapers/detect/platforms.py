"""Recognises a store's platform and other facts from the HTML of its pages."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlencode

from bs4 import BeautifulSoup

from scrapers.config.selectors import WORDS_PLACEHOLDER
from scrapers.config.store import Strategy
from scrapers.extract.address import joined

_SHOPIFY = re.compile(r"cdn\.shopify\.com|/cdn/shop/|myshopify\.com|Shopify\.theme", re.IGNORECASE)
_WOOCOMMERCE = re.compile(r"woocommerce|/wp-content/|wp-json", re.IGNORECASE)
_SHOPIFY_HOST = re.compile(r"[\"'/]([a-z0-9][a-z0-9-]{0,60}\.myshopify\.com(?::\d{1,5})?)[\"'/]")
_LOCALE = re.compile(r"[a-z]{2,3}(?:[_-][A-Za-z]{2,4})?")
_MAX_TAGS = 500
_EMPTY_CHARACTERS = 120
"""A page with less text is empty: it shows only `Loading…` or the store's name."""
_SCRIPT_CHARACTERS = 200_000
_SEARCH_ACTION = re.compile(r'"(https?:[^"\s]{1,500}\{search_term[a-z_]{0,20}\}[^"\s]{0,200})"')
_SEARCH_TERM = re.compile(r"\{search_term[a-z_]{0,20}\}")
_SEARCH_FIELD = re.compile(r"^(?:q|query|s|search|keyword|keywords|text|term)$", re.IGNORECASE)


@lru_cache(maxsize=1)
def _parsed(html: str) -> BeautifulSoup:
    """A parsed page, shared by the functions below, which must not change it."""
    return BeautifulSoup(html, "lxml")


def likely_platform(html: str) -> Strategy | None:
    """The platform that a page was probably made by; None if nothing indicates one."""
    soup = _parsed(html)
    generators = " ".join(str(tag.get("content", "")) for tag in soup.find_all("meta", {"name": "generator"}))
    if _WOOCOMMERCE.search(generators):
        return "woocommerce"
    scores: dict[Strategy, int] = {"shopify": 0, "woocommerce": 0}
    for tag in soup.find_all(["script", "link", "img", "body"], limit=_MAX_TAGS):
        # `.string` of another tag than a script descends by recursion, as deep as the page is nested.
        code = (tag.string or "")[:2000] if tag.name == "script" else ""
        text = " ".join(str(tag.get(name, "")) for name in ("src", "href", "class")) + code
        scores["shopify"] += bool(_SHOPIFY.search(text))
        scores["woocommerce"] += bool(_WOOCOMMERCE.search(text))
    best: Strategy = max(scores, key=lambda name: scores[name])
    return best if scores[best] else None


def shopify_host(html: str) -> str | None:
    """The host below myshopify.com that a store's page names; None if it names none."""
    found = _SHOPIFY_HOST.search(html)
    return found[1] if found else None


def rest_api(html: str, url: str) -> str | None:
    """The address of WordPress' REST API that a page names; None if it names none."""
    link = _parsed(html).find("link", {"rel": "https://api.w.org/", "href": True})
    return joined(url, str(link["href"])) if link else None


def locale_of(html: str) -> str | None:
    """The language that a page declares, such as `de` or `en-GB`; None if it declares none."""
    tag = _parsed(html).find("html")
    language = str(tag.get("lang", "")) if tag else ""
    return language if _LOCALE.fullmatch(language) else None


def is_empty_without_scripts(html: str) -> bool:
    """Whether a page shows hardly any text before its scripts have run."""
    soup = BeautifulSoup(html, "lxml")
    if soup.body is None or not soup.find("script"):
        return False
    for tag in soup.find_all(["script", "style", "noscript", "template"]):
        tag.decompose()
    return len(soup.body.get_text(" ", strip=True)) < _EMPTY_CHARACTERS and not soup.body.find("a", href=True)


def search_url(html: str, url: str) -> str | None:
    """The address of the store's search, with `{query}` in place of the words.

    It is taken from the page's `SearchAction`, else from its search form.
    """
    soup = _parsed(html)
    for script in soup.find_all("script", {"type": "application/ld+json"}):
        found = _SEARCH_ACTION.search(script.get_text()[:_SCRIPT_CHARACTERS])
        if found:
            template = found[1].replace("\\/", "/")
            return joined(url, _SEARCH_TERM.sub(WORDS_PLACEHOLDER, template, count=1))
    for form in soup.find_all("form", limit=_MAX_TAGS):
        field = form.find("input", {"name": _SEARCH_FIELD})
        is_text = field is not None and field.get("type", "text") in ("text", "search")
        if field and is_text and form.get("action") and str(form.get("method", "get")).lower() == "get":
            hidden = [
                (str(hidden_field["name"]), str(hidden_field.get("value", "")))
                for hidden_field in form.find_all("input", {"type": "hidden"})
                if hidden_field.get("name")
            ]
            words = f"{field['name']}={WORDS_PLACEHOLDER}"
            query = "&".join(part for part in (urlencode(hidden), words) if part)
            target = joined(url, str(form["action"]))
            return f"{target.partition('?')[0]}?{query}" if target else None
    return None
