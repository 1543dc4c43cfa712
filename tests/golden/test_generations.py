"""Generations of every format that was released open, and are searched by vector and by product."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import lookalike
from embedding.index.search import Index
from storage import generations
from storage.manifest import SCHEMA_VERSION
from storage.root import Root
from tests.golden.write_generation import COUNT, embeddings

GOLDEN = Path(__file__).parent
NAMES = sorted(folder.name for folder in GOLDEN.glob("generation-*"))


@pytest.fixture(params=NAMES)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """A copy of a golden root: opening one may write to it."""
    return Root.open(shutil.copytree(GOLDEN / request.param, tmp_path / "data"))


def test_the_newest_format_has_a_golden_generation() -> None:
    assert f"generation-v{SCHEMA_VERSION}" in NAMES


def test_a_vector_finds_its_product(root: Root) -> None:
    folder, manifest = generations.open_current(root)
    index = Index.open(folder, manifest)
    product_ids = index.items["product_id"].to_pylist()
    for number, query in enumerate(index.projection.apply(embeddings())):
        for hits in (index.search(query, 3), index.approximate(query, 3, index.search_k)):
            assert product_ids[hits.rows[0]] == f"p{number}"
            assert hits.scores[0] == pytest.approx(1, abs=2e-3)  # float16


def test_a_product_finds_the_nearest_others(root: Root) -> None:
    shop = lookalike.open(str(root))
    index = Index.open(*generations.open_current(root))
    projected = index.projection.apply(embeddings())
    for number in range(COUNT):
        cosines = projected @ projected[number]
        cosines[number] = -1
        [match] = shop.similar(f"shop.example:p{number}", k=1)
        assert cosines[int(match.product_id[1:])] == pytest.approx(np.max(cosines), abs=2e-3)
        assert match.photo()[:2] == b"\xff\xd8"
