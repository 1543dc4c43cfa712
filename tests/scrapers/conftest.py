"""Fixtures for crawls of real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scrapers.webserver import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    with Site().running() as running:
        yield running
