"""A page, parsed once for everything that reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urljoin, urlsplit

import lxml.html
import tldextract
from charset_normalizer import from_bytes
from lxml.etree import ParserError
from w3lib.encoding import html_body_declared_encoding, html_to_unicode

from scrapers.extract.address import is_home, is_id_like, is_told_by_query, naming_pairs, without_tracking

_public_suffixes = tldextract.TLDExtract(
    suffix_list_urls=(), include_psl_private_domains=True, cache_dir=None
)
"""The public-suffix list that comes with the library; nothing is asked for."""

MAX_MARKS = 100_000
"""Tags and attributes of a page that are parsed, ends of tags included; the largest of 85 real product pages
has 50,000. The tree of a page of three megabytes that holds nothing else would take 190 MB."""
MAX_ATTRIBUTES = 5000
"""Attributes of one tag: the parser compares each with all before it, a hundred thousand for a minute."""
MAX_BROKEN = 2
"""Characters that cannot be read in the declared set, from which on the declaration is not believed."""
MAX_GUESSED = 400_000
MAX_LETTERS = 4000
"""Bytes of a page that are looked through, and those that are not ASCII of which its set is guessed."""
_SETS = [
    "cp1251",
    "koi8_r",
    "cp932",
    "euc_jp",
    "gb18030",
    "big5",
    "cp949",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp874",
]
"""Sets that pages without Latin letters were written in before UTF-8."""
_SET_OF = {
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "ro", "bs", "sq"), "cp1250"),
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr"), "cp1251"),
    **dict.fromkeys(("tr", "az"), "cp1254"),
    **dict.fromkeys(("lt", "lv", "et"), "cp1257"),
    **{"el": "cp1253", "he": "cp1255", "ar": "cp1256", "fa": "cp1256", "th": "cp874", "vi": "cp1258"},
    **{"ja": "cp932", "ko": "cp949", "zh": "gb18030"},
}
"""The set that browsers take for pages in a language that declare none."""
_LANGUAGE = re.compile(rb"<html[^>]{0,300}?\slang=[\"']?([a-zA-Z]{2})", re.I)
_FOREIGN = re.compile(rb"[\x80-\xff][\x20-\x3b\x3d\x3f-\xff]{0,200}")
_CLOSING = re.compile(r"</(?:html|body)\s*+>", re.I)
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
    :ivar encoding: the character set it is written in.
    """

    url: str
    base_url: str
    canonical: str
    tree: lxml.html.HtmlElement
    encoding: str = "utf-8"

    @property
    def language(self) -> str:
        """The language it says it is written in, as `en` or `en-GB`; empty where it does not say."""
        return (self.tree.get("lang") or self.tree.get("xml:lang") or "").strip()[:20]

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
    encoding = "utf-8"
    if isinstance(html, bytes):
        encoding, html = decoded(html, content_type)
    html = _opened_again(html)
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
    return Page(url, base_url, without_tracking(canonical), tree, encoding)


def decoded(body: bytes, content_type: str | None = None) -> tuple[str, str]:
    """The character set of a page and its text.

    What the header or the page declares counts where the bytes agree with it: a page in UTF-8 hardly reads as
    anything else, and one that declares nothing, or what cannot be, is guessed by its letters.
    """
    encoding, text = html_to_unicode(content_type, body)
    if body.isascii():
        return encoding, text
    if _is_in(body, "utf-8"):
        return ("utf-8", body.decode("utf-8")) if encoding != "utf-8" else (encoding, text)
    within = html_body_declared_encoding(body)
    is_default = encoding.replace("-", "") == "utf8"
    if is_default and within and within.replace("-", "") != "utf8":
        return html_to_unicode(f"text/html; charset={within}", body)
    if is_default and text.count("\ufffd") > MAX_BROKEN:
        guess = _guessed(body)
        return guess, body.decode(guess, "replace")
    return encoding, text


def _guessed(body: bytes) -> str:
    """The set of a page that declares none: by its letters, or by its language where they are Latin."""
    letters = b" ".join(_FOREIGN.findall(body[:MAX_GUESSED]))[:MAX_LETTERS]
    foreign = sum(byte > 127 for byte in letters)
    latin = sum(chr(byte).isalpha() for byte in letters if byte < 128)
    if foreign > latin:
        best = from_bytes(letters, cp_isolation=_SETS).best()
        if best is not None:
            return str(best.encoding)
    language = _LANGUAGE.search(body[:MAX_GUESSED])
    return _SET_OF.get(language[1].decode().lower(), "cp1252") if language else "cp1252"


def _is_in(body: bytes, encoding: str) -> bool:
    try:
        body.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _opened_again(html: str) -> str:
    """The page without ends that come too early: browsers show what follows, the parser drops it."""
    if len(_CLOSING.findall(html)) < 2 and not html[html.rfind("</html") + 7 :].strip("> \t\r\n"):
        return html
    parts = _CLOSING.split(html)
    return "".join([*parts, "</body></html>"]) if len(parts) > 2 or parts[-1].strip() else html


def _bounded(data: bytes) -> bytes:
    """The beginning of a page whose tree would take more memory or time than any real page's."""
    if data.count(b"<") + data.count(b"=") > MAX_MARKS:
        data = data[: next(islice(_MARKS.finditer(data), MAX_MARKS, None)).start()]
    sound = _BEFORE_ENDLESS_TAG.match(data)
    return data[: sound.end()] if sound else data


def same_site(url: str, other: str) -> bool:
    """Whether two addresses are of one site: the same host, give or take `www.`, or one below the other.

    What many sites are below, such as `myshopify.com`, is of none of them.
    """
    one, two = (_host(address) for address in (url, other))
    if not one or one == two:
        return bool(one)
    upper, lower = sorted((one, two), key=len)
    return lower.endswith(f".{upper}") and bool(_public_suffixes(upper.partition(":")[0]).domain)


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower().removeprefix("www.")
    except ValueError:
        return ""


def _believable(canonical: str, url: str) -> str:
    """A canonical address on another site, of the front page, or without what names the page is a mistake."""
    if not same_site(canonical, url) or (is_home(canonical) and not is_home(url)):
        return url
    return url if _lost_its_name(canonical, url) else canonical


def _lost_its_name(canonical: str, url: str) -> bool:
    """Whether a canonical address has the page's path but not what of the query names the page."""
    there, here = urlsplit(canonical), urlsplit(url)
    if there.path.rstrip("/") != here.path.rstrip("/"):
        return False
    named, kept = naming_pairs(url), {name for name, _ in naming_pairs(canonical)}
    telling = named if is_told_by_query(here.path) else tuple(pair for pair in named if is_id_like(pair[0]))
    return any(name not in kept for name, _ in telling) and not kept - {name for name, _ in named}


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return base
