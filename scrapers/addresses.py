"""Which addresses are public, so that a crawled page cannot make us ask a machine on our own network."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from storage.errors import InputError

_NAT64 = IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = IPv6Network("::/96")
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


class RefusedURLError(InputError):
    """An address that is not fetched: not http or https, or not on the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    IPv4 addresses hidden in IPv6 ones (mapped, 6to4, Teredo, NAT64) count as what they lead to.

    :raises ValueError: where it is no IP address.
    """
    ip = ip_address(address.partition("%")[0])
    return all(part.is_global and not part.is_multicast for part in _destinations(ip))


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Refuses an address for what can be seen without asking anyone; names are checked again when connecting.

    :raises RefusedURLError: where it is not http or https, names no host, or names a private one.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise RefusedURLError(
            f"{_short(url)} is not a web address. Give one like https://shop.example."
        ) from None
    if parts.scheme.lower() not in ("http", "https"):
        raise RefusedURLError(f"{_short(url)} is not a web address: only http and https are fetched.")
    if not host:
        raise RefusedURLError(f"{_short(url)} names no host. Give an address like https://shop.example.")
    if allow_private:
        return
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(_PRIVATE_NAMES):
        raise refusal(url, name)
    literal = _literal(name)
    if literal and not is_public(literal):
        raise refusal(url, literal)


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


def _destinations(ip: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped:
        return [ip.ipv4_mapped]
    hidden: list[IPv4Address | IPv6Address] = []
    if ip.sixtofour:
        hidden.append(ip.sixtofour)
    if ip.teredo:
        hidden.extend(ip.teredo)
    if ip in _NAT64:
        return [IPv4Address(int(ip) & 0xFFFFFFFF)]
    if ip in _IPV4_COMPATIBLE:
        hidden.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [ip, *hidden]


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
    return url if len(url) <= 200 else url[:200] + "…"
