"""What a demo storefront answers, before it goes over the wire."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Reply:
    """An answer.

    :param modified: when its content last changed; None where nobody can say.
    :param etag: its entity tag with quotes; None to have it made from the body.
    """

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    modified: datetime | None = None
    etag: str | None = None


def html_reply(
    text: str,
    *,
    status: int = 200,
    modified: datetime | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Reply:
    """A page."""
    return Reply(text.encode(), "text/html; charset=utf-8", status, headers, modified)


def json_reply(
    data: Any,
    *,
    status: int = 200,
    modified: datetime | None = None,
    headers: Mapping[str, str] = _NO_HEADERS,
) -> Reply:
    """A JSON document."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(body, "application/json; charset=utf-8", status, headers, modified)


def xml_reply(text: str, *, modified: datetime | None = None) -> Reply:
    """An XML document."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()
    return Reply(body, "application/xml; charset=utf-8", modified=modified)


def text_reply(text: str) -> Reply:
    """Plain text, such as a robots.txt."""
    return Reply(text.encode(), "text/plain; charset=utf-8")


def whole_number(query: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    """A number of a query string; the default where it is missing or none."""
    value = (query.get(name) or [""])[-1]
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else default


def tag(body: bytes) -> str:
    """An entity tag made from a body, with its quotes."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def matches(known: str | None, etag: str) -> bool:
    """Whether an If-None-Match names a tag; weak tags count, as for GET they should."""
    if not known or not etag:
        return False
    return known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
