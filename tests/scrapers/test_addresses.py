"""Which addresses are fetched at all."""

import pytest

from scrapers.addresses import RefusedURLError, check_url, is_public, resolve

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
    [("8.8.8.8", True), ("192.0.2.1", False), ("2001:db8::1", False), ("::1%lo", False)],
)
def test_is_public(address, public):
    assert is_public(address) is public


def test_a_name_that_leads_to_a_private_address_is_refused():
    with pytest.raises(RefusedURLError):
        resolve("localhost", 80)
    assert resolve("localhost", 80, allow_private=True)


def test_a_long_address_is_cut_in_the_sentence():
    with pytest.raises(RefusedURLError) as refused:
        check_url("javascript:" + "x" * 100_000)
    assert len(str(refused.value)) < 400
