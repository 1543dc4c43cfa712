"""Sitemaps: indexes, URL sets with images, gzipped files, and plain lists of addresses."""

from __future__ import annotations

import codecs
import re
import zlib
from dataclasses import dataclass
from html import escape, unescape
from html.entities import html5
from io import BytesIO
from itertools import islice
from urllib.parse import urljoin, urlsplit

import lxml.etree

from scrapers.extract.encoding import to_unicode
from storage.errors import LookalikeError

USUAL_PLACES = ("sitemap.xml", "sitemap_index.xml", "wp-sitemap.xml")

_GZIP = b"\x1f\x8b"
_PRODUCT_WORDS = re.compile(r"product|produkt|produit|prodott[io]|producto|produto|[-_]pdp[-_.]")

_ENTITY = re.compile(r"&(#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = ("amp", "lt", "gt", "quot", "apos")
_BARE = re.compile(rf"&(?!(?:{'|'.join(_OF_XML)});)")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_UTF16 = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\x00": "utf-16-le",
    b"\x00<": "utf-16-be",
}

_SAFELY: dict[str, bool | str] = {
    "encoding": "utf-8",
    "recover": True,
    "resolve_entities": False,
    "no_network": True,
    "huge_tree": True,
}

MAX_PARTS = 20_000
"""Elements of one entry that are read; a page may list 1,000 images."""
MAX_ROBOTS = 512 * 1024
"""Characters of a robots.txt that are read; RFC 9309 asks for at least 500 KiB."""


class UnreadableSitemap(LookalikeError):
    """The body is not a sitemap; the message says why."""


@dataclass(frozen=True)
class Entry:
    """An entry of a sitemap.

    :ivar images: addresses of photos that it lists for the page.
    """

    url: str
    lastmod: str | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class SitemapFile:
    """A parsed sitemap: further sitemaps and pages, each address once.

    :ivar odd: listed texts that are no web address.
    """

    sitemaps: tuple[Entry, ...]
    pages: tuple[Entry, ...]
    odd: tuple[str, ...] = ()


def read_sitemap(body: bytes, url: str, *, max_bytes: int) -> SitemapFile:
    """Reads a sitemap.

    :param url: its address, the base of relative ones.
    :param max_bytes: most bytes after unpacking.
    :raises UnreadableSitemap: if it is no sitemap, or too large.
    """
    body = _unpacked(body, max_bytes)
    text = _text(body).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _xml(_mended(text).encode("utf-8", "replace"), url)
    lines = (line.strip() for line in text.splitlines())
    pages = [Entry(line) for line in lines if line.startswith(("http://", "https://"))]
    if not pages:
        raise UnreadableSitemap("it is no sitemap")
    return SitemapFile((), _once(pages))


def of_products(sitemaps: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The sitemaps of an index whose names say that they list products; all of them if no name does."""
    named = tuple(entry for entry in sitemaps if _PRODUCT_WORDS.search(_file_name(entry.url)))
    # `product_cat`, `product-tags`: lists of categories, not of products.
    own = tuple(entry for entry in named if not re.search(r"cat|tag|brand|review", _file_name(entry.url)))
    return own or named or sitemaps


def sitemaps_in_robots(robots: str, url: str) -> list[str]:
    """The sitemaps that a robots.txt names."""
    found: dict[str, None] = {}
    for line in robots[:MAX_ROBOTS].splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "sitemap" and value.strip():
            found[_join(url, value.split()[0])] = None
    return list(found)


def _file_name(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.path.rsplit('/', 1)[-1]}?{parts.query}".lower()


def _unpacked(body: bytes, max_bytes: int) -> bytes:
    # Some are gzipped twice: as a file, and again for the transfer.
    for _ in range(2):
        if not body.startswith(_GZIP):
            break
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, max_bytes + 1)
        except zlib.error as error:
            raise UnreadableSitemap(f"its gzip is damaged ({error})") from None
    if len(body) > max_bytes:
        raise UnreadableSitemap(f"it is larger than {max_bytes} bytes unpacked")
    return body


def _text(body: bytes) -> str:
    """A sitemap's text: decoded by byte order mark or declaration, else UTF-8."""
    encoding = _UTF16.get(body[:2])
    if encoding:
        return body.decode(encoding, "replace")
    if body[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return to_unicode(body, default="utf-8")[1]
    return body.decode("utf-8-sig", "replace")


def _mended(text: str) -> str:
    """The text without what makes libxml2 give up: after one error it drops every following `&amp;`.

    HTML's entities become their characters, a bare `&` becomes `&amp;`.
    """
    outside, *others = _NOT_IN_XML.sub("", text).split("<![CDATA[")
    mended = [_with_entities_of_xml(outside)]
    for other in others:
        inside, end, outside = other.partition("]]>")
        mended += ["<![CDATA[", inside, end, _with_entities_of_xml(outside)]
    return "".join(mended)


def _with_entities_of_xml(text: str) -> str:
    return _BARE.sub("&amp;", _ENTITY.sub(_character, text))


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    if name in _OF_XML:
        return entity[0]
    character = unescape(entity[0]) if name[0] == "#" else html5.get(f"{name};", entity[0])
    return escape(_NOT_IN_XML.sub("", character), quote=False)


def _xml(body: bytes, base: str) -> SitemapFile:
    sitemaps: list[Entry] = []
    pages: list[Entry] = []
    odd: dict[str, None] = {}
    parsed = lxml.etree.iterparse(BytesIO(body), tag=("{*}url", "{*}sitemap"), **_SAFELY)
    try:
        for _, element in parsed:
            name = _local(element)
            entry = _entry(element, base)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
            if entry is None:
                continue
            if not _is_web(entry.url):
                odd[entry.url] = None
                continue
            # Some URL sets list sitemaps.
            further = name == "sitemap" or urlsplit(entry.url).path.lower().endswith((".xml", ".xml.gz"))
            (sitemaps if further else pages).append(entry)
    except lxml.etree.XMLSyntaxError as error:
        if not (pages or sitemaps or odd):
            raise UnreadableSitemap(f"it is no XML ({error})") from None
    root = _local(parsed.root) if parsed.root is not None else ""
    if root.lower() not in ("urlset", "sitemapindex"):
        raise UnreadableSitemap(f"it is no sitemap but <{root[:50]}>")
    return SitemapFile(_once(sitemaps), _once(pages), tuple(odd))


def _entry(element: lxml.etree._Element, base: str) -> Entry | None:
    url = lastmod = None
    images = []
    for child in islice(element.iter(), MAX_PARTS):
        text = (child.text or "").strip()
        name, parent = _local(child), child.getparent()
        if not text:
            continue
        if name == "loc" and parent is element:
            url = _join(base, text)
        elif name == "lastmod":
            lastmod = text
        elif name == "loc" and parent is not None and _local(parent) == "image":
            images.append(_join(base, text))
    return Entry(url, lastmod, tuple(image for image in images if _is_web(image))) if url else None


def _local(element: lxml.etree._Element) -> str:
    tag = element.tag
    # A prefix that nothing declares is part of the name.
    return tag.rpartition("}")[2].rpartition(":")[2] if isinstance(tag, str) else ""


def _join(base: str, address: str) -> str:
    """The absolute address; as written if it is none."""
    if address.startswith(("http://", "https://")):
        return address
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _is_web(address: str) -> bool:
    try:
        return urlsplit(address).scheme in ("http", "https")
    except ValueError:
        return False


def _once(entries: list[Entry]) -> tuple[Entry, ...]:
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(entry.url, entry)
    return tuple(found.values())
