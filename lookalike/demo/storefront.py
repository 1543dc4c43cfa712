"""Demo storefronts: real HTTP servers that sell a catalogue in a dialect that real stores speak.

By hand: `python -m lookalike.demo.storefront --dialect shopify --port 8001`.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from lookalike.demo import schema_pages, script_pages, shopify, woocommerce
from lookalike.demo.faults import Faults
from lookalike.demo.product import DemoProduct
from lookalike.demo.reply import Reply
from lookalike.demo.request_log import RequestLog
from lookalike.demo.server import CLOSED, StoreServer, Trouble
from lookalike.demo.shelf import Listed, Rules, Shelf
from storage.errors import LookalikeError

Dialect = Literal["shopify", "woocommerce", "schema", "script"]
"""What a storefront speaks: Shopify's feeds, WooCommerce's Store API, plain pages with schema.org, or pages
that are empty until their script has run."""

_DIALECTS = {
    "shopify": (shopify.answer, shopify.PHOTOS, "Northlight"),
    "woocommerce": (woocommerce.answer, woocommerce.PHOTOS, "Harbour Lane"),
    "schema": (schema_pages.answer, schema_pages.PHOTOS, "Linden & Row"),
    "script": (script_pages.answer, script_pages.PHOTOS, "Studio Late"),
}


def _closed(_: str) -> Reply:
    return CLOSED


class Storefront:
    """A storefront that is open."""

    def __init__(self, server: StoreServer, shelf: Shelf) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.url: str = shelf.url
        server.shelf = shelf

    @property
    def requests(self) -> RequestLog:
        """What it was asked for."""
        return self._server.log

    @property
    def products(self) -> list[DemoProduct]:
        """What it sells."""
        shelf = self._server.shelf
        return [one.product for one in shelf.listed] if shelf else []

    def replace_products(self, products: Sequence[DemoProduct], now: datetime | None = None) -> None:
        """Sells these from the next request on.

        :param now: when those that differ from before changed; the present time if None.
        :raises ValueError: two products have one id, or an id is no number.
        """
        with self._lock:
            if self._server.shelf is not None:
                changed_at = (now or datetime.now(UTC)).replace(microsecond=0)
                self._server.shelf = self._server.shelf.replaced(products, changed_at)

    @contextlib.contextmanager
    def selling(self, products: Sequence[DemoProduct], now: datetime) -> Iterator[None]:
        """Sells other products until the block ends, then the same as before, as if nothing had happened."""
        shelf = self._server.shelf
        self.replace_products(products, now)
        try:
            yield
        finally:
            with self._lock:
                self._server.shelf = shelf

    @property
    def trouble(self) -> Trouble | None:
        """What it answers instead of its pages; None while all is well."""
        return self._server.trouble

    @trouble.setter
    def trouble(self, value: Trouble | None) -> None:
        self._server.trouble = value

    @property
    def down(self) -> bool:
        """Whether it answers 503 to everything."""
        return self.trouble is _closed

    @down.setter
    def down(self, value: bool) -> None:
        self.trouble = _closed if value else None

    def start(self) -> None:
        """Serves in a thread of its own."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Closes: no connection is kept, and none is taken any more. Closing twice does nothing."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.end_connections()
            thread.join()


@contextlib.contextmanager
def serve(
    products: Sequence[DemoProduct],
    dialect: Dialect,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Faults | None = None,
    crawl_delay: float | None = None,
    open_search: bool = False,
    deepest: int = 25_000,
    lastmod: bool = True,
    latency_s: float = 0.0,
) -> Iterator[Storefront]:
    """Opens a storefront until the block ends.

    :param port: 0 for any that is free.
    :param crawl_delay: seconds that its robots.txt asks to wait between requests.
    :param open_search: whether its robots.txt allows its search, which most stores' forbid.
    :param deepest: the last product that one of Shopify's lists gives out.
    :param lastmod: whether its sitemaps say when each page changed.
    :param latency_s: how long every answer takes, in seconds.
    :raises LookalikeError: the port cannot be had.
    :raises ValueError: no such dialect, or two products have one id.
    """
    if dialect not in _DIALECTS:
        raise ValueError(f"'{dialect}' is no dialect: choose from {', '.join(_DIALECTS)}.")
    answer, photos, store = _DIALECTS[dialect]
    try:
        server = StoreServer((host, port), answer, faults, latency_s)
    except OSError as error:
        reason = error.strerror or error
        raise LookalikeError(
            f"A demo storefront cannot open on {host}:{port} ({reason}). Choose another port."
        ) from None
    try:
        url = f"http://{host}:{server.server_address[1]}"
        listed = [Listed(product) for product in products]
        shelf = Shelf(
            listed,
            url=url,
            store=store,
            photos=photos,
            rules=Rules(crawl_delay, open_search, deepest, lastmod),
        )
    except ValueError:
        server.server_close()
        raise
    front = Storefront(server, shelf)
    front.start()
    try:
        yield front
    finally:
        front.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """Opens a storefront until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m lookalike.demo.storefront", description=main.__doc__)
    parser.add_argument("--dialect", choices=get_args(Dialect), default="shopify")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--catalogue", type=Path, metavar="FILE.parquet", help="sell these, not the demo's")
    parser.add_argument("--products", type=int, default=None, metavar="N", help="how many; of the demo's 240")
    parser.add_argument("--no-lastmod", action="store_true", help="sitemaps do not say when pages changed")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="time every answer takes")
    chosen = parser.parse_args(arguments)
    try:
        products = _products(chosen.catalogue, chosen.products)
        place = {"host": chosen.host, "port": chosen.port}
        manner = {"lastmod": not chosen.no_lastmod, "latency_s": chosen.latency}
        with serve(products, chosen.dialect, **place, **manner) as front:
            print(f"{len(products)} products at {front.url} ({chosen.dialect}). Ctrl-C closes.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()
    except LookalikeError as error:
        parser.exit(error.exit_code, f"lookalike: {error}\n")


def _products(catalogue: Path | None, count: int | None) -> list[DemoProduct]:
    """The catalogue to sell; imported here, so that serving one kind does not load the other's libraries."""
    if catalogue is not None:
        from lookalike.demo.catalogue_table import from_parquet

        return from_parquet(catalogue, count)
    from lookalike.demo.catalogue import catalogue as demo_catalogue

    return demo_catalogue(count or 240)


if __name__ == "__main__":
    main()
