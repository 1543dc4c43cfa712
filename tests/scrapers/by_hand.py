"""Crawls started by hand, in a folder that is not the project's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import scrapers
from storage.root import Root
from tests.scrapers.webserver import Site

REPOSITORY = Path(scrapers.__file__).parent.parent


def environment(**more: str) -> dict[str, str]:
    return os.environ | {"SCRAPY_SETTINGS_MODULE": "scrapers.settings", "PYTHONPATH": str(REPOSITORY)} | more


def by_hand(folder: Path, *arguments: str) -> subprocess.Popen:
    """`scrapy …` in a folder that is not the project's."""
    command = [sys.executable, "-m", "scrapy", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def crawl_with(
    code: str, site: Site, root: Root, folder: Path, *more: str
) -> subprocess.CompletedProcess[str]:
    """Runs code that starts a crawl of a server with its arguments, and waits for it."""
    arguments = ["store=shop.example", f"url={site.url}", f"data={root.path}", "throttle=0", *more]
    command = [sys.executable, "-c", code, *(part for one in arguments for part in ("-a", one))]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
