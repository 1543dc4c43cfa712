"""The small shop, published once for all tests of this folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import lookalike
from embedding.index.build import build_index
from lookalike.query import Shop
from storage.root import Root
from tests.catalogues import MODEL
from tests.lookalike.query.shops import fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root.open(tmp_path_factory.mktemp("query") / "data", create=True)
    fill(root)
    build_index(root, MODEL)
    return root


@pytest.fixture(scope="session")
def shop(filled: Root) -> Shop:
    return lookalike.open(filled.path)


@pytest.fixture
def changing(filled: Root, tmp_path: Path) -> Root:
    """A copy that a test may change."""
    shutil.copytree(filled.path, tmp_path / "data")
    return Root.open(tmp_path / "data")
