"""Decides which addresses are public, so that no crawled page makes us request one of our own network."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

import idna

from storage.errors import InputError

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.]*:[0-9a-f:.]*(?:%.+)?")
_HOST_AND_PORT = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]+)(?::\d*)?")
_LONGEST_HOST = 253
"""Longest host name in DNS, in characters."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
# It matches at the start of a word only: otherwise a long word would take quadratic time.
_BEFORE_AT = re.compile(r"(?<![^\s'\"/?#])[^\s'\"/?#]+@")

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The IPv6 addresses that IANA assigns to the internet; all others are local, multicast or special."""
_REFUSED: list[IPv4Network | IPv6Network] = [
    IPv4Network("168.63.129.16/32"),  # Azure's host of virtual machines; IANA knows nothing of it
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's machines ask 192.0.0.192 about themselves
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation; Python knows it from 3.13 on
]
"""Addresses that `is_global` accepts, though IANA's registries do not call them globally reachable.

https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry
"""
_PRIVATE_NAMES = (
    ".corp",
    ".home",
    ".home.arpa",
    ".internal",
    ".intranet",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
    ".private",
)


class RefusedURLError(InputError):
    """An address that is not fetched: not http or https, or not on the public internet."""


@dataclass(frozen=True)
class Origin:
    """The server that an address names: scheme, host in lower case, and port."""

    scheme: str
    host: str
    port: int

    def serves(self, url: str) -> bool:
        """Whether an address is on this server; an http origin on port 80 serves https on port 443, too."""
        try:
            other = origin_of(url)
        except RefusedURLError:
            return False
        upgraded = Origin("https", self.host, 443) if self == Origin("http", self.host, 80) else self
        return other in (self, upgraded)


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    An IPv6 address that embeds an IPv4 address (mapped, NAT64) counts as that address.

    :raises ValueError: where it is no IP address.
    """
    ip = _destination(ip_address(address.partition("%")[0]))
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST:
        return False
    return ip.is_global and not any(ip in network for network in _REFUSED if network.version == ip.version)


def origin_of(url: str) -> Origin:
    """The server that an address names; an ambiguous address is refused.

    Parsers differ about `http://one.example\\@two.example/`: if one parser checked the address and another
    one connected, the check would be bypassed.

    :raises RefusedURLError: where it is not http or https, names no host, can be read in two ways, or holds a
        user name or password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RefusedURLError(
            f"{_shortened(url)} is not a web address. Give one like https://shop.example."
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise RefusedURLError(f"{_shortened(url)} is not a web address: only http and https are fetched.")
    if not host:
        raise RefusedURLError(f"{_shortened(url)} names no host. Give an address like https://shop.example.")
    name = _ascii(host)
    if name is None or not _is_unambiguous(url, parts, name):
        raise RefusedURLError(
            f"{_shortened(url)} is not fetched: a browser may read another host in it. "
            "Give the address as a browser shows it."
        )
    if "@" in parts.netloc:
        raise RefusedURLError(
            f"{_shortened(url)} holds a user name or password, which does not belong into an address. "
            "Leave it out; a store's secrets go into its `headers`."
        )
    return Origin(scheme, name, port or _PORTS[scheme])


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Refuses an address by its text alone; the guard checks names again when it connects.

    :raises RefusedURLError: as `origin_of`, or where it names a private host.
    """
    host = origin_of(url).host
    if allow_private:
        return
    name = host.rstrip(".")
    literal = _literal(name)
    if literal:
        if not is_public(literal):
            raise refusal(url, literal)
    elif "." not in name or name.endswith(_PRIVATE_NAMES):
        raise refusal(url, name)


def refusal(url: str, address: str) -> RefusedURLError:
    """The error for an address that is not public."""
    return RefusedURLError(
        f"{_shortened(url)} leads to the private address {address}, which is not fetched. "
        "Allow it with --allow-private if it is yours."
    )


def resolve(host: str, port: int, *, allow_private: bool = False) -> list[str]:
    """The IP addresses of a host name, none of which may be private.

    One private address among public ones refuses them all: that is what a rebinding attack looks like.

    :raises RefusedURLError: where one of them is private.
    :raises OSError: where the name does not resolve.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private:
        for address in addresses:
            if not is_public(address):
                raise refusal(f"http://{host}", address)
    return addresses


def check_host_behind_proxy(url: str, *, allow_private: bool = False) -> None:
    """Refuses a host whose name resolves to a private address here, though a proxy will resolve it again.

    A name that does not resolve here is left to the proxy.

    :raises RefusedURLError: as `check_url`, or where the name resolves to a private address.
    """
    check_url(url, allow_private=allow_private)
    if allow_private:
        return
    origin = origin_of(url)
    try:
        resolve(origin.host, origin.port)
    except (OSError, UnicodeError):
        return


def hide_userinfo(text: str) -> str:
    """A text with the user names and passwords in its addresses hidden, for messages and logs."""

    def hide(found: re.Match[str]) -> str:
        secret = ":" in found[0] or text.endswith("//", 0, found.start())
        return "***@" if secret else found[0]

    return _BEFORE_AT.sub(hide, text)


def _destination(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip


def _ascii(host: str) -> str | None:
    """A host name as DNS writes it; None if the two standards for international names disagree about it."""
    if len(host) > _LONGEST_HOST:
        return None
    if host.isascii():
        return host.lower()
    try:
        name = idna.encode(host, uts46=True).decode()
        # Scrapy encodes by the older standard, browsers and requests by the newer one.
        return name if name == host.encode("idna").decode().lower() else None
    except UnicodeError:
        return None


def _is_unambiguous(url: str, parts: SplitResult, host: str) -> bool:
    """Whether every parser reads this host in an address."""
    before_query = re.split(r"[?#]", url, maxsplit=1)[0]
    if "\\" in before_query or _CONTROLS.search(url) or not _HOST.fullmatch(host):
        return False
    if re.search(r"\s", parts.netloc) or not _HOST_AND_PORT.fullmatch(parts.netloc.rpartition("@")[2]):
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return _literal(host.rstrip(".")) is not None or not _NUMBER.fullmatch(last)


def _literal(host: str) -> str | None:
    """The IP address that a host is written as, in any form that resolvers accept; None if it is a name."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _shortened(url: str) -> str:
    shown = hide_userinfo(url)
    return shown if len(shown) <= 200 else shown[:200] + "…"
