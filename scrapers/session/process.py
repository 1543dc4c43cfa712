"""The process of one crawl: Scrapy's command line, without what a crawl has no use for.

python -m scrapers.session.process crawl sitemap -a …
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import MetaPathFinder


class _WithoutPandas(MetaPathFinder):
    """Keeps pyarrow from loading pandas, which costs 45 MB and half a second and serves no crawl."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ImportError("A crawl has no use for pandas.")


def main() -> None:
    """Runs a Scrapy command in the project."""
    sys.meta_path.insert(0, _WithoutPandas())
    # It reads the source of its whole call stack as it is imported: a quarter of a second within the engine.
    import_module("scrapy.core.downloader.contextfactory")
    from scrapy.cmdline import execute

    execute(["scrapy", *sys.argv[1:]])


if __name__ == "__main__":
    main()
