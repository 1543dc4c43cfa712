"""What goes wrong in `soak.py`: a store's troubles, a store's lies, and the machine's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import soak_stores
from soak_stores import Altered

from lookalike.demo.reply import Reply
from lookalike.demo.server import CLOSED, Trouble
from storage.root import Root
from storage.verdicts import CrawlStatus, Failure

SILENT = "http://silent/"
"""Stands for the address of a server that accepts connections and answers nothing."""

COMPLETE, PARTIAL, FAILED, QUARANTINED = (
    CrawlStatus.COMPLETE,
    CrawlStatus.PARTIAL,
    CrawlStatus.FAILED,
    CrawlStatus.QUARANTINED,
)
_NOTHING_THERE = (Failure.PLATFORM, Failure.EMPTY, Failure.NO_PRODUCTS)


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong for a night.

    :ivar statuses: how the store's crawl may end.
    :ivar failures: what its crawl may name as the reason, unless it is complete.
    :ivar words: what the night's report must say, a regular expression; empty if it need not say anything.
    :ivar trouble: what the store answers instead of its pages.
    :ivar lie: what the store claims to sell.
    :ivar url: the store's address in the settings for this night.
    :ivar machine: what happens to the machine, instead of to a store.
    """

    name: str
    statuses: tuple[CrawlStatus, ...] = (COMPLETE,)
    failures: tuple[Failure, ...] = ()
    words: str = ""
    trouble: Trouble | None = None
    lie: Altered | None = None
    url: str = ""
    machine: Literal["", "killed", "full disk", "clock"] = ""
    damage: Callable[[Root], None] | None = field(default=None)


def _always(reply: Reply) -> Trouble:
    return lambda _: reply


def _text(status: int, text: str) -> Reply:
    return Reply(text.encode(), "text/html; charset=utf-8", status)


def _robots(path: str) -> Reply | None:
    return Reply(b"User-agent: *\nDisallow: /\n", "text/plain") if path == "/robots.txt" else None


def _flaky(path: str) -> Reply | None:
    """One address in thirty answers 500, all night."""
    return _text(500, "Oops") if hashlib.sha256(path.encode()).digest()[0] < 256 // 30 else None


def _no_photos(path: str) -> Reply | None:
    return _text(200, "<p>Where has it gone?</p>") if path.split("?")[0].endswith(".jpg") else None


def _damage_generation(root: Root) -> None:
    """Flips bytes in the middle of the published generation's largest file."""
    _flip(_largest(Path(str(root)) / "index", "[!.]*/*"))


def _damage_products(root: Root) -> None:
    """Cuts off the end of a file of the table `products`."""
    file = _largest(Path(str(root)) / "tables" / "products", "**/*.parquet")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def _damage_images(root: Root) -> None:
    """Flips bytes in a file of the table `images`."""
    _flip(_largest(Path(str(root)) / "tables" / "images", "**/*.parquet"))


def _largest(folder: Path, pattern: str) -> Path:
    files = [path for path in folder.glob(pattern) if path.is_file()]
    newest = max(files, key=lambda path: path.stat().st_mtime).stat().st_mtime
    return max(
        (path for path in files if path.stat().st_mtime > newest - 5), key=lambda path: path.stat().st_size
    )


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 16] = bytes(byte ^ 0xFF for byte in data[middle : middle + 16])
    file.write_bytes(data)


FAULTS: Sequence[Fault] = (
    Fault("unknown name", (FAILED,), (Failure.DNS,), url="http://no-such-shop.invalid/"),
    Fault("refused", (FAILED,), (Failure.REFUSED,), url="http://127.0.0.1:9/"),
    Fault("silent", (FAILED,), (Failure.TIMEOUT,), url=SILENT),
    Fault("503", (FAILED,), (Failure.SERVER_ERROR,), trouble=_always(CLOSED)),
    Fault("403", (FAILED,), (Failure.BLOCKED,), trouble=_always(_text(403, "Forbidden"))),
    Fault("429", (FAILED,), (Failure.BLOCKED,), trouble=_always(_text(429, "Too many requests"))),
    Fault("404 everywhere", (FAILED,), (Failure.NOT_FOUND,), trouble=_always(_text(404, "Not found"))),
    Fault("maintenance page", (FAILED,), _NOTHING_THERE, trouble=_always(_text(200, "<h1>Back soon</h1>"))),
    Fault("robots.txt", (FAILED,), (Failure.ROBOTS,), trouble=_robots),
    Fault("flaky", (COMPLETE, PARTIAL, FAILED), (Failure.SERVER_ERROR,), trouble=_flaky),
    Fault("no photos", (COMPLETE, PARTIAL), trouble=_no_photos),
    Fault("prices a hundredfold", (QUARANTINED,), (Failure.QUARANTINED,), lie=soak_stores.dearer),
    Fault("a third missing", (QUARANTINED,), (Failure.QUARANTINED,), lie=soak_stores.fewer),
    Fault("one title", (QUARANTINED,), (Failure.QUARANTINED,), lie=soak_stores.alike),
    Fault("killed", machine="killed"),
    Fault("full disk", (*CrawlStatus,), (*Failure,), machine="full disk", words="space|large|disk"),
    Fault("clock 400 days ahead", machine="clock"),
    Fault("damaged generation", damage=_damage_generation),
    Fault("damaged products", (*CrawlStatus,), (*Failure,), damage=_damage_products, words="damaged|read"),
    Fault("damaged images", damage=_damage_images),
)
