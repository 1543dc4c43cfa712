"""Every transcript, Python example and settings example of README.md and docs/ runs, or says why not."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from embedding.training.recipe import make_recipe
from flows.config import load_config
from flows.night import run_nightly
from lookalike.demo.catalogue import catalogue, unsold
from lookalike.demo.storefront import Dialect, serve
from storage import tables
from storage.root import Root
from storage.verdicts import RejectStage
from tests.docs import transcripts
from tests.docs.pages import PAGES, Block, read_blocks
from tests.docs.transcripts import run_python, run_transcript

BLOCKS = [block for page in PAGES for block in read_blocks(page)]
STRATEGIES = {"shopify": "shopify", "woocommerce": "woocommerce", "schema": "sitemap"}


@dataclass(frozen=True)
class Scene:
    """Sections of a page that are run one after the other in one folder.

    :ivar stores: what the stores that are open meanwhile speak, by host.
    :ivar known: those of them that the settings file names already.
    :ivar data: whether the folder holds a data root with one night's products.
    """

    page: str
    sections: tuple[str, ...]
    stores: Mapping[str, Dialect] = field(default_factory=dict)
    known: bool = False
    data: bool = False
    slow: bool = False

    def __str__(self) -> str:
        return f"{self.page}: {self.sections[0]}"

    @property
    def blocks(self) -> list[Block]:
        """Its blocks that are run."""
        mine = (block for block in BLOCKS if block.page == self.page and block.section in self.sections)
        return [block for block in mine if block.language in ("console", "python") and not block.not_run]


SCENES = (
    Scene("README.md", ("Two commands",), slow=True),
    Scene("README.md", ("Your own store in five lines",), {"shop.example": "shopify"}),
    Scene("README.md", ("In a notebook",), data=True),
    Scene("docs/tables.md", ("The tables",), data=True),
    Scene("docs/stores.md", ("Adding a store",), {"shop.example": "shopify"}),
    Scene(
        "docs/stores.md",
        ("A recipe for a store without structured data",),
        {"shop.example": "schema"},
        known=True,
    ),
    Scene("docs/stores.md", ("Pages that only a browser renders",), {"late.example": "script"}, slow=True),
    Scene("docs/stores.md", ("Headers, a proxy and secrets",), {"shop.example": "schema"}),
    Scene(
        "docs/stores.md",
        ("Searching the stores",),
        {"linden.example": "schema", "northlight.example": "shopify", "harbour.example": "woocommerce"},
        known=True,
    ),
    Scene("docs/stores.md", ("When something is wrong",), data=True),
    Scene(
        "docs/stores.md",
        ("By Scrapy's own commands",),
        {"shop.example": "shopify", "other.example": "woocommerce"},
    ),
)


def test_every_block_is_run_or_says_why_not() -> None:
    run = {str(block) for scene in SCENES for block in scene.blocks}
    settings = {str(block) for block in BLOCKS if block.language == "toml"}
    diagrams = {
        str(block)
        for block in BLOCKS
        if block.language == "text" and not re.search(r"^\s*(\$|lookalike|import) ", block.text, re.MULTILINE)
    }
    said = {str(block) for block in BLOCKS if block.not_run}
    assert not [str(block) for block in BLOCKS if str(block) not in run | settings | diagrams | said]


@pytest.mark.parametrize(
    "scene",
    [pytest.param(scene, marks=pytest.mark.slow if scene.slow else ()) for scene in SCENES],
    ids=str,
)
def test_a_page_shows_what_its_commands_print(scene: Scene, tmp_path: Path, night: Path) -> None:
    assert scene.blocks, "no such section, or nothing to run in it"
    if scene.data:
        shutil.copytree(night / "data", tmp_path / "data")
    else:
        root = Root.open(tmp_path / "data", create=True)
        shutil.copytree(night / "data" / "encoders", root.encoders, dirs_exist_ok=True)
    for name in ("photo.jpg", "dress.jpg"):
        (tmp_path / name).write_bytes(unsold("dress").photos[0]())
    with _open(scene.stores) as urls:
        if scene.known:
            _write_settings(tmp_path, scene.stores, urls)
        for block in scene.blocks:
            if block.language == "console":
                run_transcript(block, tmp_path, urls)
            else:
                run_python(block, tmp_path)


def test_a_command_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "TIMEOUT_S", 1)
    hangs = Block("README.md", "Nowhere", 1, "console", "$ sleep 600\n")
    with pytest.raises(pytest.fail.Exception, match="did not end within 1 s"):
        run_transcript(hangs, tmp_path, {})


TOML = [block for block in BLOCKS if block.language == "toml"]
RECIPES = [block for block in TOML if block.text.startswith("encoder = ")]


@pytest.mark.parametrize("block", RECIPES, ids=str)
def test_training_recipes_hold_the_defaults(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "recipe.toml"
    file.write_text(block.text, encoding="utf-8")
    assert make_recipe(file) == make_recipe()


@pytest.mark.parametrize("block", [block for block in TOML if block not in RECIPES], ids=str)
def test_settings_are_read(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "lookalike.toml"
    store = "" if "[[stores]]" in block.text else _store("shop.example", "https://shop.example", "sitemap")
    file.write_text(store + block.text, encoding="utf-8")
    assert load_config(file).stores


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, fashion_encoder: Path) -> Path:
    """A folder whose data root holds one night of a store, and a page of it that was skipped."""
    folder = tmp_path_factory.mktemp("night")
    root = Root.open(folder / "data", create=True)
    shutil.copytree(fashion_encoder, root.encoders / fashion_encoder.name)
    stores: dict[str, Dialect] = {"shop.example": "shopify"}
    with _open(stores) as urls:
        _write_settings(folder, stores, urls)
        outcome = run_nightly(load_config(folder / "lookalike.toml"))
    assert outcome.ok, outcome.failures
    reject = {"store": "shop.example", "url": "https://shop.example/about", "stage": RejectStage.EXTRACT}
    tables.merge(root, "rejects", [reject | {"reason": "no product", "rejected_at": datetime.now(UTC)}])
    return folder


@contextlib.contextmanager
def _open(stores: Mapping[str, Dialect]) -> Iterator[dict[str, str]]:
    """Opens the stores, each with 24 products of its own; gives the address of each."""
    sold = catalogue(24 * len(stores))
    with contextlib.ExitStack() as stack:
        yield {
            host: stack.enter_context(serve(sold[number :: len(stores)], dialect)).url
            for number, (host, dialect) in enumerate(stores.items())
        }


def _write_settings(folder: Path, stores: Mapping[str, Dialect], urls: Mapping[str, str]) -> None:
    entries = [_store(host, urls[host], STRATEGIES[dialect]) for host, dialect in stores.items()]
    head = 'data = "data"\n[crawl]\nallow_private = true\nthrottle = false\n'
    (folder / "lookalike.toml").write_text(head + "".join(entries), encoding="utf-8")


def _store(name: str, url: str, strategy: str) -> str:
    return f'[[stores]]\nname = "{name}"\nurl = "{url}"\nstrategy = "{strategy}"\n'
