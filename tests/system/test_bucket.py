"""A whole installation whose data root is in a bucket, on a real S3 server, from the crawl to the export."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import lookalike
from flows.config import Config, load_config
from flows.maintain import maintain
from flows.night import Night, index_and_publish, run_nightly
from flows.purge import purge_store
from lookalike.demo.catalogue import catalogue
from lookalike.demo.product import DemoProduct
from lookalike.demo.storefront import serve
from lookalike.status import read_status
from storage import encoders, generations, tables
from storage.errors import InputError
from storage.root import Root
from tests import catalogues
from tests.bucket_server import BUCKET, bucket_server, settings, without_settings

pytestmark = pytest.mark.slow  # two nights, and processes that start with nothing: 23 s of CPU

ADDRESS = f"s3://{BUCKET}/installation"
PRODUCTS = 9
SETTINGS = """\
data = "{address}"
[crawl]
allow_private = true
throttle = false
[embed]
weights = "untrained"
[[stores]]
name = "shop.example"
url = "{url}"
strategy = "shopify"
"""


@dataclass(frozen=True)
class Installation:
    """What the first night left."""

    config: Config
    products: Sequence[DemoProduct]
    night: Night


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation after its first night; its encoder is a small one, put where a bundled one would be."""
    folder = tmp_path_factory.mktemp("installation")
    products = catalogue(PRODUCTS)
    with (
        bucket_server() as server,
        serve(products, "shopify") as front,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in settings(server).items():
            patch.setenv(name, value)
        file = folder / "lookalike.toml"
        file.write_text(SETTINGS.format(address=ADDRESS, url=front.url))
        config = load_config(file, environ={"LOOKALIKE_CACHE": str(folder / "cache")})
        catalogues.write_encoder(Root.open(folder / "local", create=True), weights="untrained")
        root = config.open_root(create=True)
        with encoders.adding(root, catalogues.MODEL) as made:
            (folder / "local" / "encoders" / catalogues.MODEL).rename(made)
        yield Installation(config, products, run_nightly(config))


def test_a_night_ends_well(installed: Installation) -> None:
    assert installed.night.failures == ()
    assert installed.night.index is not None
    assert installed.night.index.products == PRODUCTS


def test_a_second_night_changes_nothing(installed: Installation) -> None:
    root = installed.config.open_root()
    kept = ("products", "offers", "pages", "images", "embeddings", "predictions")
    before = {table: tables.version(root, table) for table in kept}, generations.current_name(root)
    night = run_nightly(installed.config)
    assert night.ok
    assert night.crawls[0].images_new == 0
    assert night.index is not None
    assert night.index.generation is None
    assert ({table: tables.version(root, table) for table in kept}, generations.current_name(root)) == before


def test_a_fresh_process_with_no_copies_answers(installed: Installation, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(installed.products[0].photos[0]())
    command = [sys.executable, "-m", "lookalike.cli", "search", str(photo), "--json", "--data", ADDRESS]
    seen = run(command, tmp_path, LOOKALIKE_CACHE=str(tmp_path / "cache"))
    answer = json.loads(seen.stdout)
    assert answer["generation"] == generations.current_name(installed.config.open_root())
    assert answer["matches"][0]["title"] == installed.products[0].title
    assert list((tmp_path / "cache" / "buckets").glob("*/index/*/manifest.json"))


def test_an_export_answers_where_the_bucket_is_out_of_reach(installed: Installation, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(installed.products[1].photos[0]())
    base = [sys.executable, "-m", "lookalike.cli"]
    said = json.loads(run([*base, "export", "copy", "--json", "--data", ADDRESS], tmp_path).stdout)
    assert said["folder"] == "copy"
    assert said["products"] == PRODUCTS
    (tmp_path / "copy").rename(tmp_path / "moved")
    code = (
        "import lookalike, sys; shop = lookalike.open('moved')\n"
        "match = shop.similar(sys.argv[1])[0]\n"
        "print(match.title, len(match.photo()) > 500)"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code, str(photo)],
        cwd=tmp_path,
        env=without_settings() | {"PYTHONPATH": str(Path(lookalike.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == f"{installed.products[1].title} True"


def test_upkeep_and_going_back(installed: Installation) -> None:
    root = installed.config.open_root()
    first = generations.current_name(root)
    found = read_status(root, installed.config.stores)
    assert (found.data, found.current, found.stores[0].products) == (ADDRESS, first, PRODUCTS)
    assert found.generations[0].model == catalogues.MODEL
    shop = lookalike.open(ADDRESS, cache=installed.config.cache)
    (row,) = tables.read(root, "products").slice(0, 1).to_pylist()
    tables.merge(root, "products", [row | {"title": "Renamed", "content_hash": "other"}])
    second = index_and_publish(root, installed.config).generation
    assert second is not None
    assert shop.refresh()
    assert shop.generation == second
    assert generations.rollback(root) == first
    assert shop.refresh()
    assert shop.generation == first
    assert set(maintain(root, keep=timedelta(days=7))) >= {"products", "images"}
    assert purge_store(root, "shop.example").products == PRODUCTS
    assert tables.read(root, "products").num_rows == 0
    assert len(shop.similar(installed.products[0].photos[0]())) == 5, "what is published stays"


def test_an_address_that_is_no_root_is_one_sentence(installed: Installation) -> None:
    with pytest.raises(InputError, match=r"s3://shop/elsewhere does not exist\. Run `lookalike crawl` first"):
        lookalike.open(f"s3://{BUCKET}/elsewhere")


def run(command: Sequence[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that has to succeed, in a folder where there are no settings."""
    code = str(Path(lookalike.__file__).parents[1])
    seen = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": code, **environ}, capture_output=True, text=True
    )
    assert seen.returncode == 0, seen.stderr
    return seen
