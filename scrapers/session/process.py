"""The process of one crawl: Scrapy's command line, without what a crawl has no use for.

python -m scrapers.session.process crawl sitemap -a …
"""

from __future__ import annotations

import sys
from importlib import import_module

from storage.startup import end_quickly, leave_out


def main() -> None:
    """Runs a Scrapy command in the project."""
    end_quickly()
    # pyarrow loads it: 45 MB and half a second.
    leave_out("pandas")
    # It reads the source of its whole call stack as it is imported: a quarter of a second within the engine.
    import_module("scrapy.core.downloader.contextfactory")
    from scrapy.cmdline import execute

    execute(["scrapy", *sys.argv[1:]])


if __name__ == "__main__":
    main()
