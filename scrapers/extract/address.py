"""Web addresses: percent-encoding as browsers do it, and which parts tell one page of a store from
another.

Only `escaped` gives addresses to request. All other functions are for comparing addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote, unquote_plus, urlencode, urljoin, urlsplit, urlunsplit

from w3lib.url import safe_url_string

_PATH_SAFE = "!$%&'()*+,-./:;=@[\\]_|~"
_QUERY_SAFE = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
"""Characters that browsers leave unescaped in paths and queries (the URL standard's percent-encode sets)."""

_TRACKING_TEXT = """
    gclid gclsrc dclid gbraid wbraid fbclid msclkid yclid ttclid twclid igshid mc_cid mc_eid
    srsltid _ga _gl ref_src _hsenc _hsmi mkt_tok zanpid awc irclickid epik
"""
_TRACKING = frozenset(_TRACKING_TEXT.split())
_SESSION_TEXT = """
    phpsessid sid zenid oscsid xtcsid jsessionid sessionid session_id session sess aspsessionid
    cfid cftoken ___sid s_id osc_sid gsessionid wcsid sesskey force_sid
"""
_SESSION = frozenset(_SESSION_TEXT.split())
_PATH_SESSION = re.compile(
    r";(?:jsessionid|phpsessid|sid|sessionid|cfid|cftoken)=[^/?#;]*|/\(S\([a-z0-9]{24}\)\)", re.IGNORECASE
)

_VIEW_NAMES_TEXT = """
    sort sortby sort_by sort_order sortorder order orderby order_by dir direction limit per_page
    perpage page_size pagesize pagesize items_per_page results view mode display layout
    disp_order product_list_order product_list_dir product_list_mode product_list_limit show
    number start offset page paged pg pagenumber page_number pageno currency cur curr
    currency_code lang language locale hl langue idioma sprache country ___store ___from_store
    add-to-cart add_to_cart replytocom review reviews rating comments print format ajax popup
    quickview add-to-wishlist add_to_wishlist action
"""
_VIEW_NAMES = frozenset(_VIEW_NAMES_TEXT.split())
"""Parameters that say how a page is displayed, or that trigger an action."""
_ORIGIN_NAMES_TEXT = """
    path cpath cat category category_id categoryid cat_id catid cid cpid id_category categories
    cgid dept department manufacturer manufacturer_id manufacturers_id id_manufacturer brand
    brand_id brandid vendor keyword keywords q query search search_query searchword tag tags
    collection collection_id ref referer referrer from source src origin via pos position list
    list_id listid campaign promo rel recommended_by filter filters filter_id filters_id facet
    facets selected_facets alpha_filter_id inc_subcat tab back_url return_url redirect_url
    return redirect
"""
_ORIGIN_NAMES = frozenset(_ORIGIN_NAMES_TEXT.split())
"""Parameters that say where the shopper came from: a category, a brand, a search, a link."""
_LISTING_NAMES_TEXT = """
    path cpath cat category category_id categoryid cat_id id_category manufacturer
    manufacturer_id manufacturers_id id_manufacturer brand brand_id collection collection_id
    department
"""
LISTING_NAMES = frozenset(_LISTING_NAMES_TEXT.split())
"""Those of `_ORIGIN_NAMES` that identify a listing when nothing else does."""
_CATEGORY_NAMES = frozenset(
    ["path", "cpath", "cat", "category", "category_id", "categoryid", "cat_id", "id_category", "department"]
)
"""Those of `LISTING_NAMES` that name a category."""
_CATEGORY_STEP = re.compile(r"[^_/,|>]+")
_SWITCHES_TEXT = """
    currency cur curr currency_code lang language locale hl langue idioma sprache country
    ___store add-to-cart add_to_cart add-to-wishlist add_to_wishlist replytocom
"""
SWITCHES = frozenset(_SWITCHES_TEXT.split())
"""Parameters that change how the whole store is displayed, or trigger an action: links with them are not
followed."""
_NOT_PRODUCTS = re.compile(
    r"/(?:cart|basket|bag|checkout|account|login|signin|register|wishlist|search|contact|about|help|faq|"
    r"privacy|terms|imprint|impressum|warenkorb|panier|blogs?|pages|policies)(?:[/.?]|$)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_ACTION_NAMES = frozenset({"action", "act", "do", "task", "cmd", "op"})
_ACTING = re.compile(
    r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
    r"(?i:add(?!ress|itional)|buy(?!er|ing)|remove|delete|notify|update|clear(?!ance)|empty|vote|(?:un)?subscribe"
    r"|log_?(?:in|off|out))"
)
"""The beginning of a word in the value of such a parameter: `addToCart`, `cart_add`, `ajaxRemove`."""
_ACTING_NAMES_TEXT = """
    add-to-cart add_to_cart addtocart add-to-basket add_to_wishlist add-to-wishlist add_to_compare
    remove_item undo_item remove_from_wishlist
"""
_ACTING_NAMES = frozenset(_ACTING_NAMES_TEXT.split())
"""Parameters of links that act: Zen Cart's `action=buy_now`, WooCommerce's `add-to-cart=7`."""
_SECTION = re.compile(r"/(?:bag|basket|search|about|help|blogs?|pages)(?=/[^/])", re.IGNORECASE)
"""Those of `_NOT_PRODUCTS` below which some stores have products, as in `/bag/leather-tote`."""
_NO_PRODUCTS_ROUTE = re.compile(
    r"(?:^|[/_])(?:cart|basket|bag|checkout|account|login|logoff|logout|signin|signup|register|wishlist|wish-?list|"
    r"search|contact|contact-?us|about|about-?us|help|faqs?|privacy|terms|conditions|imprint|impressum|warenkorb|"
    r"panier|blogs?|pages|policies|compare|newsletter|sitemap|site-?map|reviews?|password|affiliate|voucher|"
    r"shipping|returns|addresses|downloads?|order-?(?:history|status|details?)|my-?account|create-?account|"
    r"information|information-?page|cookies?|unsubscribe|subscribe|currency|language|feeds?|rss)"
    r"(?:[/.?_]|$)",
    re.IGNORECASE,
)
"""Query values that belong to no product: `route=account/login`, `main_page=shopping_cart`."""
_REVIEW_WORDS = (
    r"reviews?|ratings?|bewertung(?:en)?|rezension(?:en)?|avis|opinion(?:es|i)?|rese[nñ]as?|valoraciones|recensioni|"
    r"recensione|avaliac(?:ao|oes)|beoordeling(?:en)?|recensie(?:s)?|recenze|hodnoceni|opinie|otzyvy|yorumlar|questions?"
)
_REVIEW_FORM = re.compile(
    rf"/(?:{_REVIEW_WORDS})(?:/(?:add|new|write|create|form|neu|submit))?(?:\.\w{{2,5}})?/?$"
    rf"|/(?:write|add|new)-?(?:a-)?(?:{_REVIEW_WORDS})(?:\.\w{{2,5}})?/?$",
    re.IGNORECASE,
)
"""The end of the path of a page of reviews, which shows a product's name and price, too."""
_ID_LIKE = re.compile(
    r"(?:^|[_-])(?:id|pid|sku|product|products|prod|item|art|article|artikel|artnr|art_nr|code|ean|gtin|isbn"
    r"|route|rt|main_page|controller|dispatch|page_id|post_type|p|n|nr|no|num)(?:[_-]|$)"
    r"|[a-z]Id$|^id|id$",
    re.IGNORECASE,
)


def joined(base: str, link: str) -> str | None:
    """The absolute address of a link; None if it is none, as `http://[` is."""
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return None


def escaped(url: str, encoding: str = "utf-8") -> str:
    """The address as a browser requests it: percent-encoded and without its fragment.

    :param encoding: character set of the page that holds the link; browsers encode queries in it.
    :raises ValueError: for text that is not an address.
    """
    parts = urlsplit(url)
    netloc = parts.netloc
    if not netloc.isascii():
        netloc = urlsplit(safe_url_string(f"{parts.scheme}://{netloc}/")).netloc
    path = quote(parts.path, _PATH_SAFE)
    try:
        query = quote(parts.query, _QUERY_SAFE, encoding, "xmlcharrefreplace")
    except LookupError:
        query = quote(parts.query, _QUERY_SAFE)
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def without(url: str, is_dropped: Callable[[str, str], bool]) -> str:
    """The address without its fragment and without the parameters that `is_dropped(name, value)` is true
    for.

    The rest stays as written, except that the host becomes lower-case.
    """
    parts = urlsplit(url)
    kept = [pair for pair in parts.query.split("&") if pair and not is_dropped(*_decode_pair(pair))]
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, "&".join(kept), ""))


def without_tracking(url: str) -> str:
    """The address in lower-case host form, without fragment, tracking parameters and session ids."""
    parts = urlsplit(url)
    if ";" in parts.path or "(" in parts.path:
        url = urlunsplit(parts._replace(path=_PATH_SESSION.sub("", parts.path)))
    return without(url, is_noise)


@lru_cache(maxsize=8192)
def spelling(url: str) -> str:
    """A normalised form for comparing addresses: percent-encoding, parameter order and empty parameters no
    longer differ; `%c3` and `%C3` are one (RFC 3986, 6.2.2.1)."""
    parts = urlsplit(escaped(url))
    path = _ESCAPE.sub(lambda found: found[0].upper(), parts.path)
    pairs = sorted(parse_qsl(parts.query, keep_blank_values=True, encoding="latin-1"))
    return urlunsplit((parts.scheme, parts.netloc.lower(), path, urlencode(pairs, encoding="latin-1"), ""))


@lru_cache(maxsize=8192)
def pairs_of(url: str) -> tuple[tuple[str, str], ...]:
    """The names and values of an address's query, without tracking parameters and session ids."""
    query = urlsplit(url).query
    return tuple(
        (name, value)
        for name, value in map(_decode_pair, filter(None, query.split("&")))
        if not is_noise(name, value)
    )


def is_noise(name: str, value: str) -> bool:
    """Whether a parameter only tracks the visitor and changes nothing on the page."""
    lower = name.lower()
    return (
        lower in _TRACKING
        or lower.startswith(("utm_", "pk_", "mtm_", "hsa_"))
        or (lower in _SESSION and bool(re.fullmatch(r"[\w,-]{8,}", value)))
    )


def is_context(name: str, value: str) -> bool:
    """Whether a parameter's name says how a page is displayed or where the shopper came from.

    `page=product` and the like identify a page, because their values are words.
    """
    lower = re.sub(r"\[\w*\]$", "", name.lower())
    if lower in (
        "page",
        "pg",
        "start",
        "offset",
        "number",
        "action",
        "view",
        "mode",
        "show",
        "format",
        "list",
    ):
        return value.isdigit() or (lower in ("view", "mode") and value in ("grid", "list", "all"))
    return lower in _VIEW_NAMES or lower in _ORIGIN_NAMES or lower.startswith(("filter_", "sort_", "attr_"))


def is_id_like(name: str) -> bool:
    """Whether a parameter's name suggests that its value identifies a page or product."""
    return bool(_ID_LIKE.search(name)) and not is_context(name, "1")


def naming_pairs(url: str) -> tuple[tuple[str, str], ...]:
    """The parameters of an address's query that may identify a page."""
    return tuple(pair for pair in pairs_of(url) if not is_context(*pair))


def category_order(url: str) -> tuple[int, int, str]:
    """A key that sorts the addresses of one product: first the one that names the most specific category
    (`path=20_27` before `path=20`), then the one with the fewest other parameters."""
    steps = [
        len(_CATEGORY_STEP.findall(value)) for name, value in pairs_of(url) if name.lower() in _CATEGORY_NAMES
    ]
    return -max(steps, default=0), len(pairs_of(url)), url


def is_shop_page(url: str) -> bool:
    """Whether an address belongs to the shop itself by its words: cart, terms, account."""
    path = urlsplit(url).path
    if _NOT_PRODUCTS.search(unquote(path)) or acts(url):
        return True
    values = [value for _, value in naming_pairs(url) if not value.isdigit()]
    return is_named_by_query(path) and any(_NO_PRODUCTS_ROUTE.search(value) for value in values)


def acts(url: str) -> bool:
    """Whether asking for an address changes something: it adds to the cart, votes, signs out."""
    return any(
        name.lower() in _ACTING_NAMES or (name.lower() in _ACTION_NAMES and _ACTING.search(value))
        for name, value in pairs_of(url)
    )


def is_below_section(url: str) -> bool:
    """Whether a shop page's address may be a product's: it is below `/bag/` or `/pages/`, or its query names
    no route (`/?product=bag`)."""
    path = _SECTION.sub("", unquote(urlsplit(url).path))
    routes = [value for name, value in naming_pairs(url) if name.lower() in _PAGE_KIND_PARAMETERS]
    is_route = any(map(_NO_PRODUCTS_ROUTE.search, routes))
    return not (is_route or acts(url) or _NOT_PRODUCTS.search(path))


def is_review_page(url: str) -> bool:
    """Whether an address is that of a product's reviews, or of the form for one."""
    return bool(_REVIEW_FORM.search(unquote(urlsplit(url).path)))


def names_nothing(url: str) -> bool:
    """Whether an address identifies nothing: its path is a script's, and its query gives at most a kind of
    page."""
    if not is_named_by_query(urlsplit(url).path):
        return False
    return all(
        name.lower() in _PAGE_KIND_PARAMETERS and not re.search(r"\d", value)
        for name, value in naming_pairs(url)
    )


def names_only_a_listing(url: str) -> bool:
    """Whether an address names a category or brand and nothing else: `?route=product/category&path=20`."""
    listed = any(name.lower() in LISTING_NAMES and value for name, value in pairs_of(url))
    return listed and names_nothing(url)


_PAGE_KIND_PARAMETERS = frozenset(
    ["route", "rt", "main_page", "controller", "dispatch", "page", "view", "fc", "post_type"]
)


def is_bare(path: str) -> bool:
    """Whether a path identifies no page of its own: a front page, or a script whose query says what to
    show."""
    return path in ("", "/") or bool(re.search(r"/(?:index|default|shop|store)\.\w{2,5}$|/index$", path))


def is_named_by_query(path: str) -> bool:
    """Whether the query decides which page is shown: the path is a front page's or a script's."""
    return is_bare(path) or bool(
        re.search(r"\.(?:php\d?|aspx?|ashx|cgi|pl|jsp|do|cfm|dll)$", path, re.IGNORECASE)
    )


def is_home(url: str) -> bool:
    """Whether an address is a site's front page."""
    parts = urlsplit(url)
    named = naming_pairs(url)
    is_home_query = all(re.fullmatch(r"(?:common|index)?[/_]?home|index|main", value) for _, value in named)
    names_category = any(name.lower() in LISTING_NAMES and value for name, value in pairs_of(url))
    return is_bare(parts.path) and is_home_query and not names_category


def is_same_page(link: str, own: str) -> bool:
    """Whether a link leads to the page at `own`, possibly displayed in another way.

    Where the query identifies the page, a link with another identifying query leads elsewhere. Where the path
    does, the query makes no difference.
    """
    target, current = urlsplit(link), urlsplit(own)
    if (target.netloc.lower(), target.path.rstrip("/")) != (current.netloc.lower(), current.path.rstrip("/")):
        return False
    named, linked = naming_pairs(own), naming_pairs(link)
    if not named:
        return not linked or not is_bare(current.path)
    naming = set(named) if is_named_by_query(current.path) else {one for one in named if is_id_like(one[0])}
    return naming <= set(linked)


def _decode_pair(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return unquote_plus(name, "latin-1"), unquote_plus(value, "latin-1")
