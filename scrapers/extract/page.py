"""A page, parsed once for everything that reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import lxml.html
from lxml.etree import ParserError
from w3lib.encoding import html_to_unicode

_TRACKING = frozenset({"gclid", "fbclid", "msclkid", "mc_cid", "mc_eid", "srsltid", "_ga", "ref_src"})

MAX_MARKS = 100_000
"""Tags and attributes of a page that are parsed, ends of tags included; the largest of 85 real product pages
has 50,000. The tree of a page of three megabytes that holds nothing else would take 190 MB."""
MAX_ATTRIBUTES = 5000
"""Attributes of one tag: the parser compares each with all before it, a hundred thousand for a minute."""
_MARKS = re.compile(rb"[<=]")
_ATTRIBUTE = rb"""[\s/]++[^\s/>=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?)?"""
_BEFORE_ENDLESS_TAG = re.compile(
    rb"(?:[^<]++|<(?![a-zA-Z])|<[a-zA-Z][^\s/>]*+(?:%b){0,%d}+(?!%b))*+"
    % (_ATTRIBUTE, MAX_ATTRIBUTES - 1, _ATTRIBUTE)
)
"""Matches all tags, one after the other, until one has too many attributes: each is looked at once."""


@dataclass(frozen=True)
class Page:
    """A parsed HTML page.

    :ivar url: the address it was read from.
    :ivar base_url: what its links are relative to.
    :ivar canonical: the address it gives as its own, where that can be believed, else `url`; without fragment
        and tracking parameters.
    """

    url: str
    base_url: str
    canonical: str
    tree: lxml.html.HtmlElement

    def first(self, xpath: str) -> str | None:
        """The first text or attribute that an XPath finds, stripped; None where there is none."""
        for found in self.tree.xpath(xpath):
            text = found if isinstance(found, str) else found.text_content()
            if text.strip():
                return str(text).strip()
        return None


def parse_page(html: str | bytes, url: str, content_type: str | None = None) -> Page | None:
    """Parses a page, up to `MAX_MARKS` and to a tag of more than `MAX_ATTRIBUTES`.

    :param content_type: the header it came with, for its character set.
    :return: None where there is nothing to parse.
    """
    if isinstance(html, bytes):
        _, html = html_to_unicode(content_type, html)
    data = _bounded(html.replace("\x00", "").encode("utf-8", "replace"))
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True)
    try:
        tree = lxml.html.document_fromstring(data, parser=parser)
    except (ParserError, ValueError):
        return None
    hrefs = tree.xpath("//base/@href")
    base_url = _join(url, str(hrefs[0])) if hrefs else url
    links = tree.xpath("//link[translate(@rel, 'CANOIL', 'canoil')='canonical']/@href")
    canonical = _believable(_join(base_url, str(links[0])), url) if links else url
    return Page(url, base_url, without_tracking(canonical), tree)


def _bounded(data: bytes) -> bytes:
    """The beginning of a page whose tree would take more memory or time than any real page's."""
    if data.count(b"<") + data.count(b"=") > MAX_MARKS:
        data = data[: next(islice(_MARKS.finditer(data), MAX_MARKS, None)).start()]
    sound = _BEFORE_ENDLESS_TAG.match(data)
    return data[: sound.end()] if sound else data


def without_tracking(url: str) -> str:
    """The address without fragment and tracking parameters, its host in lower case."""
    parts = urlsplit(url)
    query = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name.lower() not in _TRACKING and not name.lower().startswith("utm_")
    ]
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, urlencode(query), ""))


def same_site(url: str, other: str) -> bool:
    """Whether two addresses are of one site: the same host, give or take `www.`, or one below the other."""
    one, two = (_host(address) for address in (url, other))
    return bool(one) and (one == two or one.endswith(f".{two}") or two.endswith(f".{one}"))


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower().removeprefix("www.")
    except ValueError:
        return ""


def _believable(canonical: str, url: str) -> str:
    """A canonical address on another site, or of the front page on every page, is a mistake of the store."""
    if not same_site(canonical, url):
        return url
    if urlsplit(canonical).path in ("", "/") and urlsplit(url).path not in ("", "/"):
        return url
    return canonical


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return base
