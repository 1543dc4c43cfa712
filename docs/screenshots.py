"""Takes the pictures of the documentation: `python docs/screenshots.py --data .demo/data`.

Needs a data root with a published generation (`make demo` makes one), Streamlit, and a Chromium.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

import lookalike
from lookalike import Shop
from lookalike.saved_searches import save

REPOSITORY = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1360, 860
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, bool]] = {
    "": {},
    "-dark": {"dark": True},
    "-phone": {"phone": True},
    "-phone-dark": {"phone": True, "dark": True},
}
"""By the end of a picture's name, how the page is looked at; the documentation shows the first."""

MOST_BYTES = 300_000

CUSTOMER = "c-1042"
BOUGHT = 12
"""Products that the customer bought."""

NOTEBOOK_HEIGHT = 1000


@contextmanager
def dashboard(data: Path, photo: Path) -> Iterator[tuple[str, str]]:
    """The address of the dashboard while it runs on a copy of a data root, and a product in it.

    The copy has what the demo lacks: a customer's purchases and a saved search; its settings show Health.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shop = lookalike.open(shutil.copytree(data, folder / "data"))
        save(shop, photo.read_bytes(), "Checked summer dress")
        product = shop.similar(photo, 1)[0].id
        write_purchases(shop, folder / "purchases.csv")
        settings = (data.parent / "lookalike.toml").read_text("utf-8")
        more = '[recommend]\npurchases = "purchases.csv"\n[dashboard]\nhealth = true\n'
        (folder / "lookalike.toml").write_text(settings + more, "utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "dashboards.server",
            "--port",
            str(port),
            "--config",
            "lookalike.toml",
        ]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            address = f"http://127.0.0.1:{port}"
            while True:
                if server.poll() is not None:
                    raise SystemExit("The dashboard did not start; its last lines say why.")
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()  # noqa: S310
                    break
                except OSError:
                    time.sleep(0.2)
            yield address, product
        finally:
            server.terminate()
            server.wait()


def write_purchases(shop: Shop, file: Path) -> None:
    """Writes what one customer bought: every so many products of the shop, a week apart."""
    products = shop.browser.browse("", per_page=len(shop)).products
    bought = products[:: max(1, len(products) // BOUGHT)][:BOUGHT]
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(("customer_id", "store", "product_id", "bought_at"))
        for week, one in enumerate(bought):
            store, _, product_id = one.id.partition(":")
            rows.writerow((CUSTOMER, store, product_id, datetime.now(UTC) - timedelta(weeks=week)))


def photograph(
    address: str, chromium: str, *, photo: Path | None = None, phone: bool = False, dark: bool = False
) -> bytes:
    """PNG bytes of a page once all of it is drawn.

    :param photo: is searched for first.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport=PHONE if phone else {"width": WIDTH, "height": HEIGHT},
            is_mobile=phone,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
        )
        page.goto(address)
        page.locator(".la-foot, .la-closed").wait_for(timeout=120_000)
        if page.locator(".la-closed").count():
            raise SystemExit(page.locator(".la-closed").inner_text())
        if photo is not None:
            page.set_input_files("input[type=file]", photo)
            page.get_by_role("article").nth(4).wait_for(timeout=60_000)
        page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=60_000)
        page.locator("[data-testid=stSkeleton]").first.wait_for(state="detached", timeout=60_000)
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)  # the page's own fades end
        picture = page.screenshot()
        browser.close()
    return picture


def photograph_sheet(sheet: Path, chromium: str) -> bytes:
    """PNG bytes of the demo's contact sheet, whole."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1200, "height": HEIGHT}, color_scheme="light")
        page.goto(sheet.as_uri())
        picture = page.screenshot(full_page=True)
        browser.close()
    return picture


def photograph_notebook(data: Path, photo: Path, chromium: str) -> bytes:
    """PNG bytes of the notebook's first results and its price comparison, run on a data root."""
    notebook = nbformat.read(REPOSITORY / "notebooks" / "similar_products.ipynb", as_version=4)
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    settings.source = f"DATA = {str(data)!r}\nPHOTO = {str(photo)!r}\nCSV = 'similar_products.csv'"
    with tempfile.TemporaryDirectory() as scratch:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": scratch}}).execute()
        page_file = Path(scratch) / "notebook.html"
        page_file.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1100, "height": NOTEBOOK_HEIGHT}, color_scheme="light")
            page.goto(page_file.as_uri(), wait_until="load")
            page.evaluate("document.getElementById('Search-by-photo').scrollIntoView()")
            picture = page.screenshot()
            browser.close()
    return picture


def write(picture: bytes, file: Path) -> None:
    """Writes a PNG without loss; of 256 colours where that is too large for the repository."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.save(file, optimize=True)
    if file.stat().st_size > MOST_BYTES:
        image.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file}: {file.stat().st_size // 1024} KB")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(".demo/data"), help="a data root, default .demo/data"
    )
    parser.add_argument("--photo", type=Path, default=Path(".demo/query.jpg"), help="the photo to look for")
    parser.add_argument("--sheet", type=Path, default=Path(".demo/demo.html"), help="the demo's page")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "/usr/bin/chromium")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where they are written")
    parser.add_argument(
        "--every-look", action="store_true", help="the dashboard alone, on desktop and phone, light and dark"
    )
    given = parser.parse_args()
    with dashboard(given.data.resolve(), given.photo.resolve()) as (address, product):
        pages = {
            "dashboard": "",
            "product": f"product?product={quote(product)}",
            "browse": "browse",
            "saved": "saved",
            "customer": f"customer?customer={CUSTOMER}",
            "health": "health",
        }
        for name, path in pages.items():
            for end, look in LOOKS.items() if given.every_look else [("", LOOKS[""])]:
                photo = given.photo.resolve() if name == "dashboard" else None
                picture = photograph(f"{address}/{path}", given.chromium, photo=photo, **look)
                write(picture, given.images / f"{name}{end}.png")
    if given.every_look:
        return
    write(photograph_sheet(given.sheet.resolve(), given.chromium), given.images / "demo.png")
    write(
        photograph_notebook(given.data.resolve(), given.photo.resolve(), given.chromium),
        given.images / "notebook.png",
    )


if __name__ == "__main__":
    main()
