"""Takes the pictures of the documentation: `python docs/screenshots.py --data .demo/data`.

Needs a data root with a published generation (`make demo` makes one), Streamlit, and a Chromium.
"""

from __future__ import annotations

import argparse
import io
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

REPOSITORY = Path(__file__).parent.parent
IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1360, 730
PHONE: ViewportSize = {"width": 390, "height": 844}
LOOKS = {
    "dashboard": {},
    "dashboard-dark": {"dark": True},
    "dashboard-phone": {"phone": True},
    "dashboard-phone-dark": {"phone": True, "dark": True},
}
NOTEBOOK_HEIGHT = 1000


@contextmanager
def dashboard(data: Path) -> Iterator[str]:
    """The address of the dashboard while it runs on a data root."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = REPOSITORY / "dashboards" / "app.py"
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", port, "--", "--data", data]
    server = subprocess.Popen(list(map(str, command)), cwd=REPOSITORY, stdout=subprocess.DEVNULL)  # noqa: S603
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
        yield address
    finally:
        server.terminate()
        server.wait()


def photograph(address: str, photo: Path, chromium: str, *, phone: bool = False, dark: bool = False) -> bytes:
    """PNG bytes of the first page after a search for a photo."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            viewport=PHONE if phone else {"width": WIDTH, "height": HEIGHT},
            is_mobile=phone,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
        )
        page.goto(address)
        page.locator("[data-testid=stFileUploader], .la-closed").wait_for(timeout=60_000)
        if page.locator(".la-closed").count():
            raise SystemExit(page.locator(".la-closed").inner_text())
        page.set_input_files("input[type=file]", photo)
        page.get_by_role("article").nth(4).wait_for(timeout=60_000)
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


def save(picture: bytes, file: Path) -> None:
    """Writes a PNG as small as it gets without losing anything."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(picture)).convert("RGB").save(file, optimize=True)
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
    given = parser.parse_args()
    with dashboard(given.data.resolve()) as address:
        for name, look in LOOKS.items():
            save(photograph(address, given.photo.resolve(), given.chromium, **look), IMAGES / f"{name}.png")
    save(photograph_sheet(given.sheet.resolve(), given.chromium), IMAGES / "demo.png")
    save(
        photograph_notebook(given.data.resolve(), given.photo.resolve(), given.chromium),
        IMAGES / "notebook.png",
    )


if __name__ == "__main__":
    main()
