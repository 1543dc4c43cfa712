"""Which addresses are fetched at all."""

import contextlib
import os
import random
from ipaddress import ip_network

import pytest
from playwright.sync_api import sync_playwright

from scrapers.browser.launch import find_browser
from scrapers.http.addresses import (
    Origin,
    RefusedURLError,
    _literal,
    check_url,
    hide_userinfo,
    is_public,
    origin_of,
    resolve,
)

PRIVATE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1:8080/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:0:808:808::]/",
    "http://[2002:808:808::1]/",
    "http://[fec0::1]/",
    "http://[64:ff9b:1::808:808]/",
    "http://[3fff::1]/",
    "http://[5f00::1]/",
    "http://[::ffff:0:8.8.8.8]/",
    "http://[::8.8.8.8]/",
    "http://[ff0e::1]/",
    "http://[4000::1]/",
    "http://168.63.129.16/metadata/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://intranet/",
    "http://metadata./",
    "http://git.corp/",
    "http://router.home/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://shop.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
]
NOT_WEB = [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://shop.example/",
    "gopher://shop.example/",
    "//shop.example/",
    "shop.example",
    "",
    "http://",
    "http:///path",
    "http://[bad",
    "http://shop.example:99999/",
    "http://shop.example:port/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_are_refused(url):
    with pytest.raises(RefusedURLError, match="private address") as refused:
        check_url(url)
    assert url in str(refused.value)
    check_url(url, allow_private=True)


@pytest.mark.parametrize("url", NOT_WEB)
@pytest.mark.parametrize("allow_private", [True, False])
def test_what_is_no_web_address_is_refused(url, allow_private):
    with pytest.raises(RefusedURLError):
        check_url(url, allow_private=allow_private)


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example\\.shop.example/",
        "http://evil.example\\@shop.example/",
        "http://shop.example\\",
        "http://shop.example/a\\b",
        "http://evil%2eexample/",
        "http://evil.example%5c.shop.example/",
        "http://bad.cafe%2eevil.example/",
        "http://a b.example/",
        "http://ev\til.example/",
        "http://shop.example/\r\nHost: evil.example",
        "http://faß.example/",
        "http://1.2.3.4.5/",
        "http://shop.0x7g1/x\x00",
    ],
)
@pytest.mark.parametrize("allow_private", [True, False])
def test_what_a_browser_may_read_differently_is_refused(url, allow_private):
    with pytest.raises(RefusedURLError, match="a browser may read another host"):
        check_url(url, allow_private=allow_private)


@pytest.mark.parametrize(
    "url",
    ["https://me:hunter2@shop.example/", "http://hunter2@shop.example", "http://a@b:hunter2@shop.example/"],
)
def test_an_address_holds_no_secret(url):
    with pytest.raises(RefusedURLError, match="user name or password") as refused:
        check_url(url)
    assert "hunter2" not in str(refused.value)


def test_every_other_address_is_read_as_a_browser_reads_it():
    """Chromium's own parser decides."""
    chance = random.Random(18)
    pieces = [
        *(
            "http:",
            "https:",
            "//",
            "//",
            "//",
            "/",
            "\\",
            "@",
            ":",
            ".",
            "..",
            "?",
            "#",
            "%2e",
            "%5c",
            "%40",
            " ",
        ),
        *(
            "shop.example",
            "evil.example",
            "xn--fa-hia",
            "faß",
            "bücher",
            "ﬁ",
            "。",
            "Ｅ",
            "é",
            "\t",
            "\u00ad",
        ),
        *("127.1", "0x7f", "017", "8.8.8.8", "[::1]", "[", "]", ":80", ":8080", ":443", "_", "-", "1", "%"),
    ]
    urls = {
        chance.choice(["http://", "https://"])
        + "".join(chance.choices(pieces, k=chance.randint(1, 5)))
        + chance.choice(["", "/", "/x"])
        for _ in range(20_000)
    }
    read = {url: origin for url in sorted(urls) if (origin := read_by_us(url))}
    assert len(read) > 2000
    differing = {
        url: (origin, theirs)
        for (url, origin), theirs in zip(read.items(), read_by_chromium(list(read)), strict=True)
        if theirs != [origin.scheme, without_dot(origin.host), origin.port]
    }
    assert differing == {}


def read_by_us(url: str) -> Origin | None:
    try:
        return origin_of(url)
    except RefusedURLError:
        return None


def read_by_chromium(urls: list[str]) -> list[list]:
    """Scheme, host and port of each; an empty list where it is no address."""
    script = """(urls) => urls.map((text) => {
        try { const url = new URL(text); return [url.protocol.slice(0, -1), url.hostname, url.port]; }
        catch { return []; }
    })"""
    with sync_playwright() as playwright:
        program = find_browser(os.environ)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        found = browser.new_page().evaluate(script, urls)
        browser.close()
    return [
        [one[0], without_dot(one[1].strip("[]")), int(one[2] or {"http": 80, "https": 443}[one[0]])]
        if one
        else []
        for one in found
    ]


def without_dot(host: str) -> str:
    """As an IP address where it is one, however it is written."""
    return _literal(host.rstrip(".")) or host


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/",
        "HTTP://SHOP.example",
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "http://1.1/",
    ],
)
def test_public_addresses_are_not(url):
    check_url(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("64:ff9b::808:808", True),
        ("64:ff9b::7f00:1", False),
        ("::ffff:8.8.8.8", True),
        ("192.0.0.192", False),
        ("8.8.8.8", True),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
        ("::1%lo", False),
    ],
)
def test_is_public(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize(
    "network",
    [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *(
            "192.0.0.0/29",
            "192.0.0.8/32",
            "192.0.0.170/31",
            "192.0.2.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
        ),
        *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "::1/128", "::/128"),
        *("::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001:2::/48", "2001:db8::/32"),
        *("3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:10::/28"),
    ],
)
def test_what_iana_does_not_call_globally_reachable(network):
    first, last = ip_network(network)[0], ip_network(network)[-1]
    assert (is_public(str(first)), is_public(str(last))) == (False, False)


def test_a_name_that_leads_to_a_private_address_is_refused():
    with pytest.raises(RefusedURLError):
        resolve("localhost", 80)
    assert resolve("localhost", 80, allow_private=True)


def test_a_long_address_is_cut_in_the_sentence():
    with pytest.raises(RefusedURLError) as refused:
        check_url("javascript:" + "x" * 100_000)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("part", ["x", "x:", "@", "x@", "a:b@ ", "//", "\\", "é"])
def test_long_addresses_and_texts_are_looked_at_once(part):
    """Where each character is looked at once for each before it, these take minutes."""
    text = part * (500_000 // len(part))
    hide_userinfo(text)
    for url in (text, f"http://{text}", f"http://shop.example/{text}"):
        with contextlib.suppress(RefusedURLError):
            check_url(url)
