"""Tells which settings of a store may hold a secret, which must be a variable `${NAME}` instead."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_NAME = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"
VARIABLE = re.compile(_NAME)
"""`${NAME}`: the place of an environment variable; its first group is the name."""
_HARMLESS_HEADER = re.compile(
    r"accept(-charset|-encoding|-language)?|cache-control|content-language|dnt|from|pragma|prefer|referer|"
    r"save-data|sec-(ch|fetch|gpc)[a-z-]*|upgrade-insecure-requests|user-agent|x-requested-with|"
    r"(x-)?(store-)?(channel|city|country|currency|device|lang|language|locale|market|platform|region|shop|"
    r"site|state|store|timezone|time-zone|view|warehouse|zip)(-?code|-?name)?",
    re.IGNORECASE,
)
"""Headers whose value may be in the settings. Any other may hold a secret: `X-Auth`, `X-Session-Id`."""
_VARIABLES_ONLY = re.compile(
    rf"(?:(?:ApiKey|Basic|Bearer|Digest|JWT|Key|Token) +)?"
    rf"(?:(?:[\w.-]+=)?\"?{_NAME}\"?(?:[;,] ?|[:.-](?=\$)|(?=\$)|$))+",
    re.ASCII | re.IGNORECASE,
)
"""`Bearer ${TOKEN}`, `session=${SESSION}; basket=${BASKET}`: a scheme, names and variables."""
_PROXY_USERINFO = re.compile(rf"(?:[^:@]*:)?{_NAME}:?|{_NAME}:{_NAME}")


def is_http_proxy(address: str) -> bool:
    """Whether a text is the address of an HTTP proxy."""
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def holds_plain_secret(name: str, value: str) -> bool:
    """Whether a header or a proxy's address may hold a secret itself instead of a variable.

    :param name: the header's name, or `proxy`.
    """
    if name == "proxy":
        userinfo, found, _ = value.partition("//")[2].partition("/")[0].rpartition("@")
        return bool(found) and not _PROXY_USERINFO.fullmatch(userinfo)
    return not _HARMLESS_HEADER.fullmatch(name) and not _VARIABLES_ONLY.fullmatch(value)
