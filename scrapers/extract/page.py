"""A parsed HTML page, shared by everything that reads it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from urllib.parse import urljoin, urlsplit

import lxml.etree
import lxml.html
import tldextract
from charset_normalizer import from_bytes
from w3lib.encoding import html_body_declared_encoding

from scrapers.extract.address import is_home, is_id_like, is_named_by_query, naming_pairs, without_tracking
from scrapers.extract.encoding import to_unicode

_public_suffixes = tldextract.TLDExtract(
    suffix_list_urls=(), include_psl_private_domains=True, cache_dir=None
)
"""Uses the public-suffix list that the library ships; downloads nothing."""


class Element(lxml.html.HtmlElement):
    """An element of a page.

    :ivar tokens: the words of its names, once they were read; see `scrapers.extract.visible.layout.tokens`.
        A slot, because a dictionary for each element takes longer.
    """

    __slots__ = ("tokens",)
    tokens: frozenset[str]


_CLASSES = lxml.etree.ElementDefaultClassLookup(
    element=Element,
    comment=lxml.html.HtmlComment,
    pi=lxml.html.HtmlProcessingInstruction,
    entity=lxml.html.HtmlEntity,
)
"""The same class for all elements: lxml.html's own lookup calls a Python function for each, which took an
eighth of the time of a page."""

MAX_MARKS = 100_000
"""Tags (start and end) and attributes of a page that are parsed. The largest of 85 real product pages has
50,000; a 3 MB page that holds nothing else would need 190 MB."""
MAX_ATTRIBUTES = 500
"""Attributes of one tag: the parser compares each with all before it, so that many tags of 5,000 take
seconds. No tag of 1,700 real pages has more than 42."""
MAX_BROKEN = 2
"""Undecodable characters from which on the declared encoding is distrusted."""
MAX_GUESSED = 400_000
MAX_LETTERS = 4000
"""Bytes searched for non-ASCII text (`MAX_GUESSED`), and bytes of it that the encoding is guessed from."""
_LEGACY_ENCODINGS = [
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
"""Encodings of pages in non-Latin scripts before UTF-8."""
_ENCODING_OF_LANGUAGE = {
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "ro", "bs", "sq"), "cp1250"),
    **dict.fromkeys(("ru", "uk", "bg", "be", "mk", "sr"), "cp1251"),
    **dict.fromkeys(("tr", "az"), "cp1254"),
    **dict.fromkeys(("lt", "lv", "et"), "cp1257"),
    **{"el": "cp1253", "he": "cp1255", "ar": "cp1256", "fa": "cp1256", "th": "cp874", "vi": "cp1258"},
    **{"ja": "cp932", "ko": "cp949", "zh": "gb18030"},
}
"""The encoding that browsers assume for an undeclared page in a language."""
_LANGUAGE = re.compile(rb"<html[^>]{0,300}?\slang=[\"']?([a-zA-Z]{2})", re.I)
_NON_ASCII = re.compile(rb"[\x80-\xff][\x20-\x3b\x3d\x3f-\xff]{0,200}")
_CLOSING = re.compile(r"</(?:[hH][tT][mM][lL]|[bB][oO][dD][yY])\s*+>")
"""Spelled out: a search that ignores case cannot skip to the next `</`."""
_NOT_IN_NAME = re.compile(rb"[\s\"'<>/=]")
MAX_NAME = 60
MAX_VALUE = 400
"""Bytes of an attribute's name, and of its value before a word, that are searched."""
INDEXED = ("base", "button", "h1", "input", "link", "meta", "script", "title")
"""Tags whose elements are found once for all readers: each search walks through the whole tree."""
MAX_HOLDING = 5000
"""Places of the source at which a word is looked at; real pages have hundreds."""
_MARKS = re.compile(rb"[<=]")
_ATTRIBUTE = rb"""[\s/]++[^\s/>=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?)?"""
_PLAIN_ATTRIBUTE = rb"""\s[\w:.-]++="[^"]*+\""""
"""Most attributes, which the other expression matches, too, in more steps."""
_BEFORE_ENDLESS_TAG = re.compile(
    rb"(?:[^<]++|<(?![a-zA-Z])|<[a-zA-Z][^\s/>]*+(?:%b|%b){0,%d}+(?!%b))*+"
    % (_PLAIN_ATTRIBUTE, _ATTRIBUTE, MAX_ATTRIBUTES - 1, _ATTRIBUTE)
)
"""Matches all tags up to one with too many attributes; reads each character once."""


@dataclass(frozen=True)
class Page:
    """A parsed HTML page.

    :ivar url: the address it was read from.
    :ivar base_url: the base of its relative links.
    :ivar canonical: the canonical URL that it states, if trustworthy, else `url`; without fragment and
        tracking parameters.
    :ivar encoding: its character set.
    :ivar source: its bytes in lower-case letters.
    :ivar tagged: its elements of each of the `INDEXED` tags, in order.
    :ivar found: what several readers search for, by its name, once it was found.
    :ivar link_targets: the address that each link leads to, as written, once it was looked up.
    """

    url: str
    base_url: str
    canonical: str
    tree: lxml.html.HtmlElement
    encoding: str
    source: bytes = field(repr=False)
    tagged: Mapping[str, list[lxml.html.HtmlElement]] = field(repr=False)
    link_targets: dict[str, str | None] = field(default_factory=dict, repr=False, compare=False)
    found: dict[str, list[lxml.html.HtmlElement]] = field(default_factory=dict, repr=False, compare=False)

    def mentions(self, *names: bytes) -> bool:
        """Whether the source has any of some lower-case names: searching it takes a hundredth of the time of
        searching the tree."""
        return any(name in self.source for name in names)

    def mentions_attribute(self, name: str) -> bool:
        """Whether the source may set an attribute, by its lower-case name and the equals sign after it."""
        return re.search(rb"%s\s*=" % re.escape(name.encode()), self.source) is not None

    def attributes_holding(self, word: bytes) -> set[str]:
        """Lower-case names of the attributes whose first `MAX_VALUE` bytes may contain a lower-case word, by
        the source: searching it takes less time than searching the tree. At most `MAX_HOLDING` places are
        looked at."""
        found: set[str] = set()
        at = self.source.find(word)
        for _ in range(MAX_HOLDING):
            if at < 0:
                break
            found |= _names_of_value(self.source[max(0, at - MAX_VALUE) : at])
            at = self.source.find(word, at + len(word))
        return found

    @property
    def title(self) -> str:
        """The first title that is not empty; empty if there is none."""
        texts = (title.text_content().strip() for title in self.tagged["title"])
        return next(filter(None, texts), "")

    def meta(self, name: str) -> str:
        """The first content of a `meta` with a property that is not empty; empty if there is none."""
        contents = (
            (meta.get("content") or "").strip()
            for meta in self.tagged["meta"]
            if meta.get("property") == name
        )
        return next(filter(None, contents), "")

    @property
    def language(self) -> str:
        """The language that it declares, as `en` or `en-GB`; empty if none."""
        return (self.tree.get("lang") or self.tree.get("xml:lang") or "").strip()[:20]


def parse_page(html: str | bytes, url: str, content_type: str | None = None) -> Page | None:
    """Parses a page up to `MAX_MARKS` and up to a tag with more than `MAX_ATTRIBUTES`.

    :param content_type: the Content-Type header, for the encoding.
    :return: None if there is nothing to parse.
    """
    encoding = "utf-8"
    if isinstance(html, bytes):
        encoding, html = decoded(html, content_type)
    html = _without_early_ends(html)
    data = _cut_to_bounds(html.replace("\x00", "").encode("utf-8", "replace"))
    parser = lxml.etree.HTMLParser(encoding="utf-8", huge_tree=True)
    parser.set_element_class_lookup(_CLASSES)
    try:
        tree = lxml.html.document_fromstring(data, parser=parser)
    except (lxml.etree.ParserError, ValueError):
        return None
    tagged: dict[str, list[lxml.html.HtmlElement]] = {tag: [] for tag in INDEXED}
    for element in tree.iter(*INDEXED):
        tagged[element.tag].append(element)
    base = _first_target(tagged["base"])
    base_url = url if base is None else _join(url, base)
    stated = _first_target(one for one in tagged["link"] if (one.get("rel") or "").lower() == "canonical")
    canonical = url if stated is None else _trusted_canonical(_join(base_url, stated), url)
    return Page(url, base_url, without_tracking(canonical), tree, encoding, data.lower(), tagged)


def _first_target(links: Iterable[lxml.html.HtmlElement]) -> str | None:
    """The first address of some links as written."""
    return next((href for link in links if (href := link.get("href")) is not None), None)


def decoded(body: bytes, content_type: str | None = None) -> tuple[str, str]:
    """The encoding of a page and its decoded text.

    A declaration in header or page counts if the bytes agree with it. Valid UTF-8 counts as UTF-8.
    Without a usable declaration, the encoding is guessed from the page's letters.
    """
    if not body.isascii() and (utf8 := _as_utf8(body)) is not None:
        return "utf-8", utf8
    encoding, text = to_unicode(body, content_type)
    if body.isascii():
        return encoding, text
    within = html_body_declared_encoding(body)
    is_default = encoding.replace("-", "") == "utf8"
    if is_default and within and within.replace("-", "") != "utf8":
        return to_unicode(body, f"text/html; charset={within}")
    if is_default and text.count("\ufffd") > MAX_BROKEN:
        guess = _guess_encoding(body)
        return guess, body.decode(guess, "replace")
    return encoding, text


def _guess_encoding(body: bytes) -> str:
    """The encoding of an undeclared page: by its letters, or by its language if they are Latin."""
    letters = b" ".join(_NON_ASCII.findall(body[:MAX_GUESSED]))[:MAX_LETTERS]
    foreign = sum(byte > 127 for byte in letters)
    latin = sum(chr(byte).isalpha() for byte in letters if byte < 128)
    if foreign > latin:
        best = from_bytes(letters, cp_isolation=_LEGACY_ENCODINGS).best()
        if best is not None:
            return str(best.encoding)
    language = _LANGUAGE.search(body[:MAX_GUESSED])
    return _ENCODING_OF_LANGUAGE.get(language[1].decode().lower(), "cp1252") if language else "cp1252"


def _as_utf8(body: bytes) -> str | None:
    """The text of valid UTF-8, without a byte order mark; None if it is not valid."""
    try:
        return body.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _without_early_ends(html: str) -> str:
    """The page without early `</body>` and `</html>`: browsers show what follows, the parser would drop
    it."""
    parts = _CLOSING.split(html)
    if len(parts) < 3 and not html[html.rfind("</html") + 7 :].strip("> \t\r\n"):
        return html
    return "".join([*parts, "</body></html>"]) if len(parts) > 2 or parts[-1].strip() else html


def _cut_to_bounds(data: bytes) -> bytes:
    """The beginning of a page whose tree would cost more memory or time than any real page's."""
    if data.count(b"<") + data.count(b"=") > MAX_MARKS:
        data = data[: next(islice(_MARKS.finditer(data), MAX_MARKS, None)).start()]
    within_bounds = _BEFORE_ENDLESS_TAG.match(data)
    return data[: within_bounds.end()] if within_bounds else data


def _names_of_value(before: bytes) -> set[str]:
    """The names that the attribute may have whose value begins before the end of some source.

    Either kind of quote may open the value, or stand within it: `class="data-[state='open']:p-1 breadcrumb"`.
    """
    ends = [before.rfind(b'"'), before.rfind(b"'")]
    names = {_name_set(before[max(0, end - MAX_NAME) : end]) for end in ends if end > 0} - {""}
    if not names:  # the value is not quoted, or a quote is within it
        end = before.rfind(b"=") + 1
        names = {_name_set(before[max(0, end - MAX_NAME) : end])} - {""}
    return names


def _name_set(before: bytes) -> str:
    """The name of the attribute that is set at the end of some source; empty if none is."""
    name, equals, after = before.rpartition(b"=")
    if not equals or after.strip():
        return ""
    return _NOT_IN_NAME.split(name.rstrip())[-1].decode("utf-8", "replace")


def same_site(url: str, other: str) -> bool:
    """Whether two addresses belong to one site: the same host (`www.` aside), or a subdomain of the other.

    A domain that hosts many sites, such as `myshopify.com`, belongs to none of them.
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


def _trusted_canonical(canonical: str, url: str) -> str:
    """The canonical URL, unless it is a mistake: of another site, of the front page, or without the page's
    identifying query."""
    if not same_site(canonical, url) or (is_home(canonical) and not is_home(url)):
        return url
    return url if _drops_naming_query(canonical, url) else canonical


def _drops_naming_query(canonical: str, url: str) -> bool:
    """Whether a canonical URL has the page's path but not the identifying part of its query."""
    target, current = urlsplit(canonical), urlsplit(url)
    if target.path.rstrip("/") != current.path.rstrip("/"):
        return False
    named, kept = naming_pairs(url), {name for name, _ in naming_pairs(canonical)}
    naming = (
        named if is_named_by_query(current.path) else tuple(pair for pair in named if is_id_like(pair[0]))
    )
    return any(name not in kept for name, _ in naming) and not kept - {name for name, _ in named}


def _join(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return base
