"""What holds of every address: how it is spelt changes neither what is asked for nor which product it is."""

from __future__ import annotations

import contextlib
import random
from urllib.parse import quote, urlsplit

from hypothesis import assume, given
from hypothesis import strategies as st

from scrapers.extract.address import escaped, joined, spelling, without_tracking
from scrapers.extract.item import product_id
from scrapers.http.addresses import RefusedURLError, check_url, origin_of
from storage.printable import printable
from tests.properties import ODD_TEXTS, examined

names = st.text("abcxyzäß日-_.", min_size=1, max_size=8)
pairs = st.lists(
    st.tuples(names, st.text("abc123ä =+", max_size=6)), max_size=5, unique_by=lambda pair: pair[0]
)
paths = st.lists(names, max_size=4).map(lambda steps: "/".join(["", *steps]))
hosts = st.sampled_from(["shop.example", "SHOP.example", "www.shop.example:8443", "möbel.example"])
anything = st.text(max_size=60) | st.sampled_from(ODD_TEXTS)


def url_of(host: str, path: str, query: list[tuple[str, str]]) -> str:
    text = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
    return f"https://{host}{quote(path)}" + (f"?{text}" if text else "")


@examined
@given(hosts, paths, pairs, st.randoms(use_true_random=False))
def test_a_product_is_the_same_however_its_address_is_spelt(
    host: str, path: str, query: list[tuple[str, str]], chance: random.Random
) -> None:
    url = url_of(host, path, query)
    other = list(query)
    chance.shuffle(other)
    spelt = [
        url_of(host.upper() if host.isascii() else host, path, other),
        f"{url}#reviews",
        f"https://{host}{path}" + url[len(f"https://{host}{quote(path)}") :],
    ]
    assert {product_id(one) for one in spelt} == {product_id(url)}


@examined
@given(hosts, paths, pairs)
def test_tracking_changes_nothing_and_is_taken_out_once(
    host: str, path: str, query: list[tuple[str, str]]
) -> None:
    url = url_of(host, path, query)
    clean = without_tracking(url)
    tracked = f"{url}{'&' if '?' in url else '?'}utm_source=x&gclid=1&fbclid=2#top"
    assert without_tracking(tracked) == clean == without_tracking(clean)


@examined
@given(hosts, paths, pairs, paths, pairs)
def test_different_products_have_different_ids(host, path, query, path2, query2) -> None:
    assume((path, sorted(query)) != (path2, sorted(query2)))
    assert product_id(url_of(host, path, query)) != product_id(url_of(host, path2, query2))


@examined
@given(hosts, paths, pairs)
def test_an_address_is_escaped_once_and_names_the_same_server(host, path, query) -> None:
    url = url_of(host, path, query)
    once = escaped(url)
    assert once.isascii()
    assert escaped(once) == once
    assert spelling(once) == spelling(url)
    assert origin_of(once) == origin_of(url)


@examined
@given(anything, anything)
def test_any_text_is_an_address_or_one_kind_of_error(text: str, base: str) -> None:
    for url in (text, f"http://{text}", f"https://shop.example/{text}", f"http://shop.example{text}"):
        try:
            check_url(url)
        except RefusedURLError as error:
            assert printable(str(error)) == str(error)  # noqa: PT017  it may also be accepted
            continue
        assert urlsplit(url).scheme.lower() in ("http", "https")
        assert "." in origin_of(url).host
        with contextlib.suppress(ValueError):  # half a character
            assert len(product_id(escaped(url))) == 24
    joined(base, text)
