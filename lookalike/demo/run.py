"""The demo: three storefronts on localhost, one night over them, five products for an unseen photo."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import tomlkit
from filelock import FileLock, Timeout

from flows.config import Config, load_config
from flows.night import Night, run_nightly
from lookalike.demo import contact_sheet
from lookalike.demo.catalogue import catalogue, unsold
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Dialect, serve
from storage.errors import InputError, LookalikeError

if TYPE_CHECKING:
    from lookalike.matches import Matches

PRODUCTS = 300
"""Products of the usual demo, over all stores."""

QUERY_KIND = "dress"
"""Kind of garment that the demo searches with; no store sells the very one."""

SETTINGS = "lookalike.toml"

MATCHES = 5
SAME_COLOUR = 3
"""Of five matches, how many must be of the photo's colour; all must be of its kind."""


@dataclass(frozen=True)
class Stall:
    """One of the demo's stores."""

    name: str
    dialect: Dialect
    strategy: str


STALLS = (
    Stall("northlight", "shopify", "shopify"),
    Stall("harbour-lane", "woocommerce", "woocommerce"),
    Stall("linden-row", "schema", "sitemap"),
)


@dataclass(frozen=True)
class Demo:
    """What a demo run left.

    :ivar page: the contact sheet.
    :ivar query: the photo that was searched for.
    :ivar config: the settings file, for commands about the demo's data.
    """

    matches: Matches
    night: Night
    page: Path
    query: Path
    config: Path


def run_demo(
    folder: Path,
    *,
    data: Path | None = None,
    products: int = PRODUCTS,
    run_night: Callable[[Config], Night] = run_nightly,
    show: Callable[[Demo], None] = lambda demo: None,
    serve: bool = False,
    say: Callable[[str], None] = lambda sentence: None,
) -> Demo:
    """Opens the stores, runs the night on them, searches with a photo they do not have, writes the sheet.

    Run again in the same folder, it opens the stores at the same addresses and finds nothing new in them.

    :param folder: where data, settings, photo and sheet are kept; made where it is missing.
    :param data: the data root; `data` in the folder where None.
    :param products: over all stores.
    :param run_night: runs the night on these settings, through Prefect or plainly.
    :param show: told the result while the stores are still open.
    :param serve: whether to keep the stores open after that, until Ctrl-C.
    :param say: told what goes on.
    :raises LookalikeError: a store could not be crawled, or the matches are not what they should be.
    """
    started = time.monotonic()
    with _own(folder), _stores(folder, data, products, say) as config:
        night = run_night(config)
        if not night.ok:
            raise LookalikeError(" ".join(night.failures))
        demo = _search(folder, config, night, started, serving=serve)
        check(demo.matches, unsold(QUERY_KIND), catalogue(products))
        show(demo)
        if serve:
            say("The stores stay open, so that the links lead somewhere. Ctrl-C closes them.")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    return demo


def check(matches: Matches, wanted: DemoProduct, sold: Sequence[DemoProduct]) -> None:
    """Whether the matches look like what was asked for.

    :param sold: the products that may have been found; a match is known by the end of its link.
    :raises LookalikeError: fewer than five, one of another kind, or fewer than three of the colour.
    """
    by_handle = {product.handle: product for product in sold}
    found = [by_handle.get(PurePosixPath(unquote(urlsplit(match.url or "").path)).stem) for match in matches]
    kinds = [product.kind if product else "something unknown" for product in found]
    colours = [product.colour if product else "no colour" for product in found]
    if len(kinds) != MATCHES or set(kinds) != {wanted.kind} or colours.count(wanted.colour) < SAME_COLOUR:
        listed = ", ".join(f"{kind} in {colour}" for kind, colour in zip(kinds, colours, strict=True))
        raise LookalikeError(
            f"The demo asked for a {wanted.kind} in {wanted.colour} and found {listed or 'nothing'}, not "
            f"{MATCHES} of its kind with {SAME_COLOUR} of its colour. The encoder is too weak, or damaged."
        )


def _search(folder: Path, config: Config, night: Night, started: float, *, serving: bool) -> Demo:
    import lookalike

    wanted = unsold(QUERY_KIND)
    query = folder / "query.jpg"
    query.write_bytes(wanted.photos[0]())
    shop = lookalike.open(config.data)
    matches = shop.similar(query, k=MATCHES)
    counts = shop.manifest.counts
    demo = Demo(matches, night, folder / "demo.html", query, folder / SETTINGS)
    facts = contact_sheet.Facts(len(shop.stores), counts.products, counts.images, time.monotonic() - started)
    notes = [] if serving else [_how_to_open(folder)]
    sheet = contact_sheet.render(
        matches, query.read_bytes(), facts, wanted=f"a {wanted.kind} in {wanted.colour}", notes=notes
    )
    demo.page.write_text(sheet, encoding="utf-8")
    return demo


def _how_to_open(folder: Path) -> str:
    option = "" if folder.name == ".demo" else f" --folder {folder}"
    return (
        "The stores were open while the demo ran. To follow the links, open them again with "
        f"<code>{escape(f'lookalike demo --serve{option}')}</code>."
    )


@contextlib.contextmanager
def _own(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, for this run alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "demo.lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise LookalikeError(
            f"A demo already runs in {folder}. Wait for its end, or give another --folder."
        ) from None
    except OSError as error:
        raise InputError(
            f"The demo cannot write in {folder} ({error.strerror}). Give another --folder."
        ) from None
    with lock:
        yield


@contextlib.contextmanager
def _stores(folder: Path, data: Path | None, products: int, say: Callable[[str], None]) -> Iterator[Config]:
    """The stores, open until the block ends, and the settings that name them."""
    sold = catalogue(products)
    ports = _kept_ports(folder / SETTINGS)
    with contextlib.ExitStack() as open_stores:
        urls = {}
        for number, stall in enumerate(STALLS):
            share = sold[number :: len(STALLS)]
            port = ports.get(stall.name, 0)
            try:
                front = open_stores.enter_context(serve(share, stall.dialect, port=port))
            except LookalikeError:
                if not port:
                    raise
                front = open_stores.enter_context(serve(share, stall.dialect))
                say(f"Port {port} is taken, so {stall.name} opens at {front.url} and is crawled anew.")
            say(f"{stall.name} sells {len(share)} products at {front.url} ({stall.dialect}).")
            urls[stall.name] = front.url
        _write_settings(folder / SETTINGS, urls)
        yield load_config(folder / SETTINGS, data or (folder / "data").resolve())


def _kept_ports(file: Path) -> dict[str, int]:
    """The stores' ports of the last run in this folder."""
    with contextlib.suppress(InputError):
        return {store.name: urlsplit(store.url).port or 0 for store in load_config(file).stores}
    return {}


def _write_settings(file: Path, urls: dict[str, str]) -> None:
    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of the demo, written by `lookalike demo`."))
    document["data"] = "data"
    document["crawl"] = {"allow_private": True, "throttle": False}
    stores = tomlkit.aot()
    for stall in STALLS:
        table = tomlkit.table()
        table.update({"name": stall.name, "url": urls[stall.name], "strategy": stall.strategy})
        stores.append(table)
    document["stores"] = stores
    file.write_text(tomlkit.dumps(document), encoding="utf-8")
