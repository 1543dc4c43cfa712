"""Demo stores on localhost, an installation that names them, and its first night."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookalike.demo.catalogue import catalogue
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import Storefront, serve
from storage import generations, tables
from storage.root import Root

REPO = Path(__file__).parents[2]
DIALECTS = {"shopify": "shopify", "woocommerce": "woocommerce", "schema": "sitemap"}
"""What a store speaks, and the strategy that reads it."""

KEPT = ("products", "offers", "pages", "images", "embeddings", "predictions")
"""The tables that a night with nothing new leaves at their version."""


@dataclass(frozen=True)
class Shop:
    """A demo store that is running, and what it sells."""

    name: str
    dialect: str
    front: Storefront
    products: Sequence[DemoProduct]

    @property
    def entry(self) -> str:
        """The store as `lookalike.toml` holds it."""
        strategy = DIALECTS[self.dialect]
        return f'[[stores]]\nname = "{self.name}"\nurl = "{self.front.url}"\nstrategy = "{strategy}"\n'


@contextmanager
def _open_shops(products: Sequence[DemoProduct]) -> Iterator[list[Shop]]:
    """Three stores, one a dialect, that share a catalogue between them."""
    with ExitStack() as stack:
        shops = []
        for number, dialect in enumerate(DIALECTS):
            part = products[number :: len(DIALECTS)]
            front = stack.enter_context(serve(part, dialect))
            shops.append(Shop(f"{dialect}.example", dialect, front, part))
        yield shops


SETTINGS = """\
data = "data"
[crawl]
allow_private = true
throttle = false
retries = 0
[crawl.limits]
retries = 0
"""
"""The demo stores wait for nobody, so there is nothing to slow down for; one that is down stays down."""


def _install(folder: Path, shops: Sequence[Shop], encoder: Path) -> Path:
    """Writes an installation's settings file; its data root, the folder's `data`, gets the encoder.

    Making it of its weights takes TensorFlow half a minute of processor time; `make demo` tests that.
    """
    folder.mkdir(parents=True, exist_ok=True)
    root = Root.open(folder / "data", create=True)
    shutil.copytree(encoder, root.encoders / encoder.name, dirs_exist_ok=True)
    file = folder / "lookalike.toml"
    file.write_text(SETTINGS + "".join(shop.entry for shop in shops), encoding="utf-8")
    return file


def _lookalike(*arguments: object, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")}
    return subprocess.run(
        [sys.executable, "-m", "lookalike.cli", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "PYTHONPATH": str(REPO), "COLUMNS": "100", **environ},
        capture_output=True,
        text=True,
        timeout=540,
    )


def _stored(root: Root) -> dict[str, object]:
    """What a night with nothing new, or a command that failed, must leave as it is."""
    versions = tables.versions(root)
    return {**{table: versions.get(table) for table in KEPT}, "CURRENT": generations.current_name(root)}


@pytest.fixture(scope="session")
def open_shops() -> Callable[[Sequence[DemoProduct]], AbstractContextManager[list[Shop]]]:
    """Opens three stores that share a catalogue."""
    return _open_shops


@pytest.fixture(scope="session")
def install(fashion_encoder: Path) -> Callable[[Path, Sequence[Shop]], Path]:
    """Writes an installation's settings file, and gives its data root the bundled encoder."""

    def write(folder: Path, shops: Sequence[Shop]) -> Path:
        return _install(folder, shops, fashion_encoder)

    return write


@pytest.fixture(scope="session")
def lookalike() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own."""
    return _lookalike


@pytest.fixture(scope="session")
def stored() -> Callable[[Root], dict[str, object]]:
    """What must stay as it is where there is nothing new."""
    return _stored


@pytest.fixture
def shops() -> Iterator[list[Shop]]:
    """Three small demo stores."""
    with _open_shops(catalogue(9)) as opened:
        yield opened


@dataclass(frozen=True)
class Installation:
    """A folder with settings and data, its stores running."""

    folder: Path
    config: Path
    shops: Sequence[Shop]
    first_night: subprocess.CompletedProcess[str]

    @property
    def root(self) -> Root:
        """Its data root."""
        return Root.open(self.folder / "data")

    def run(self, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in its folder."""
        return _lookalike(*arguments, cwd=self.folder, **environ)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory, fashion_encoder: Path) -> Iterator[Installation]:
    """An installation after its first night; tests leave its stored data as they found it."""
    folder = tmp_path_factory.mktemp("installation")
    with _open_shops(catalogue(24)) as shops:
        config = _install(folder, shops, fashion_encoder)
        yield Installation(folder, config, shops, _lookalike("nightly", "--no-prefect", cwd=folder))


@pytest.fixture
def photo(installation: Installation, tmp_path: Path) -> Path:
    """A file with the first photo of the first store's first product."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(installation.shops[0].products[0].photos[0]())
    return file
