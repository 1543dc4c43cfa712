"""Fixtures for all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.root import Root

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and pages that development machines and CI have beside the repository."""
    folder = Path(os.environ.get("LOOKALIKE_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data" / "README.md").is_file():
        pytest.skip(f"needs the real photos and pages in {folder}, which this machine does not have")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A fresh data root."""
    return Root.open(tmp_path / "data", create=True)
