"""Which addresses are public, so that a crawled page cannot make us ask a machine on our own network."""

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
"""Characters of a name, by DNS."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
# It begins at the start of a word only: else it would look at a long word once for each of its characters.
_BEFORE_AT = re.compile(r"(?<![^\s'\"/?#])[^\s'\"/?#]+@")

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA has given out of IPv6; what lies outside is local, multicast, or of another kind."""
_REFUSED: list[IPv4Network | IPv6Network] = [
    IPv4Network("168.63.129.16/32"),  # Azure's host of virtual machines; IANA knows nothing of it
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's machines ask 192.0.0.192 about themselves
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv4Network("224.0.0.0/4"),
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation; Python knows it from 3.13 on
]
"""What `is_global` lets pass, and IANA's registries of special-purpose addresses do not call reachable.

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
        """Whether an address is of this server; its https twin on the usual ports counts for http, too."""
        try:
            other = origin_of(url)
        except RefusedURLError:
            return False
        upgraded = Origin("https", self.host, 443) if self == Origin("http", self.host, 80) else self
        return other in (self, upgraded)


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    IPv4 addresses hidden in IPv6 ones (mapped, NAT64) count as what they lead to.

    :raises ValueError: where it is no IP address.
    """
    ip = _destination(ip_address(address.partition("%")[0]))
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST:
        return False
    return ip.is_global and not any(ip in network for network in _REFUSED if network.version == ip.version)


def origin_of(url: str) -> Origin:
    """The server that an address names, where a browser reads the same in it.

    Parsers differ about `http://one.example\\@two.example/`: what is checked by one and asked for by another
    would go past the check.

    :raises RefusedURLError: where it is not http or https, names no host, can be read in two ways, or holds a
        user name or password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RefusedURLError(
            f"{_short(url)} is not a web address. Give one like https://shop.example."
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise RefusedURLError(f"{_short(url)} is not a web address: only http and https are fetched.")
    if not host:
        raise RefusedURLError(f"{_short(url)} names no host. Give an address like https://shop.example.")
    name = _ascii(host)
    if name is None or not _read_alike(url, parts, name):
        raise RefusedURLError(
            f"{_short(url)} is not fetched: a browser may read another host in it. "
            "Give the address as a browser shows it."
        )
    if "@" in parts.netloc:
        raise RefusedURLError(
            f"{_short(url)} holds a user name or password, which does not belong into an address. "
            "Leave it out; a store's secrets go into its `headers`."
        )
    return Origin(scheme, name, port or _PORTS[scheme])


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Refuses an address for what can be seen without asking anyone; names are checked again when connecting.

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
    """The sentence for an address that is not public."""
    return RefusedURLError(
        f"{_short(url)} leads to the private address {address}, which is not fetched. "
        "Allow it with --allow-private if it is yours."
    )


def resolve(host: str, port: int, *, allow_private: bool = False) -> list[str]:
    """The IP addresses behind a host name, of which none may be private.

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
    """Refuses a host whose name leads to a private address here, though a proxy is going to resolve it.

    What only the proxy can resolve is left to it.

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
    """A text whose addresses show no user name and password, for sentences and logs."""

    def hidden(found: re.Match[str]) -> str:
        secret = ":" in found[0] or text.endswith("//", 0, found.start())
        return "***@" if secret else found[0]

    return _BEFORE_AT.sub(hidden, text)


def _destination(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip


def _ascii(host: str) -> str | None:
    """A host name as DNS writes it; None where the two standards for international names differ about it."""
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


def _read_alike(url: str, parts: SplitResult, host: str) -> bool:
    """Whether every parser finds this host in an address."""
    before_query = re.split(r"[?#]", url, maxsplit=1)[0]
    if "\\" in before_query or _CONTROLS.search(url) or not _HOST.fullmatch(host):
        return False
    if re.search(r"\s", parts.netloc) or not _HOST_AND_PORT.fullmatch(parts.netloc.rpartition("@")[2]):
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return _literal(host.rstrip(".")) is not None or not _NUMBER.fullmatch(last)


def _literal(host: str) -> str | None:
    """The address a host is written as, also in the decimal, octal and hex forms that resolvers accept."""
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _short(url: str) -> str:
    shown = hide_userinfo(url)
    return shown if len(shown) <= 200 else shown[:200] + "…"
