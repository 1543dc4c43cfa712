"""Saves a page that is read wrongly as a case to correct: a trimmed page and today's reading of it."""

from __future__ import annotations

import json
import re
from collections import deque
from pathlib import Path
from typing import Any

import lxml.html

from scrapers.extract.page import Page, decoded, parse_page
from scrapers.extract.reading import examine_page
from storage.atomic import replacing
from storage.errors import InputError

MAX_TRIALS = 400
"""How often a page is read to find out what may be left out; a page takes a twentieth of a second."""
TRIM_SECONDS = 120.0
"""Processor time for all of that."""
_SPACES = re.compile(rb"\s{2,}")
TO_DO = "say here what is read wrongly, and correct `value`"


def case_of(html: bytes, url: str) -> dict[str, Any] | None:
    """A page as a case: the page, its address, and what is read from it today.

    Parts of the page are left out one after the other, from large to small, as long as nothing else is read.

    :return: None if it is no HTML.
    """
    page = parse_page(html, url)
    if page is None:
        return None
    value = _reading(html, url)
    return {"html": _trimmed(page, html, value), "url": url, "value": value, "why": TO_DO}


def save_case(file: Path, case: dict[str, Any]) -> None:
    """Appends a case to a JSON list of cases.

    :raises InputError: if the file holds something else, or cannot be written.
    """
    try:
        cases = json.loads(file.read_text("utf-8")) if file.exists() else []
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} cannot be read as JSON ({error}). Give a file of cases, or a new one."
        ) from None
    if not isinstance(cases, list):
        raise InputError(f"{file} holds no list of cases. Give a file of cases, or a new one.")
    try:
        with replacing(file) as unfinished:
            unfinished.write_text(f"{json.dumps([*cases, case], indent=1, ensure_ascii=False)}\n", "utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}). Give another file.") from None


def _reading(html: bytes, url: str) -> dict[str, Any] | None:
    """What is read from a page; None if it is no product page."""
    examined = examine_page(html, url)
    if examined is None or examined.product is None:
        return None
    return {name: value for name, value in examined.product.to_dict().items() if name != "source"}


def _trimmed(page: Page, html: bytes, value: dict[str, Any] | None) -> str:
    """The page without the elements and comments that do not change its reading."""
    if _reading(_serialised(page), page.url) != value:
        return decoded(html)[1]  # the parser's repairs matter
    waiting = deque(page.tree)
    for _ in range(MAX_TRIALS):
        if not waiting:
            break
        element = waiting.popleft()
        parent = element.getparent()
        place = parent.index(element)
        parent.remove(element)
        if _reading(_serialised(page), page.url) != value:
            parent.insert(place, element)
            waiting.extend(element)
    kept = _serialised(page)
    short = _SPACES.sub(b" ", kept)
    return (short if _reading(short, page.url) == value else kept).decode()


def _serialised(page: Page) -> bytes:
    html: bytes = lxml.html.tostring(page.tree, encoding="utf-8", doctype="<!DOCTYPE html>")
    return html
