"""Pages that only a browser renders: Chromium, driven by Playwright, behind a guarded proxy.

What a page's scripts ask for would go past Scrapy's guard, so the browser reaches nothing but our own proxy,
which checks every address that it connects to. Photos, fonts and media are not loaded at all.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from storage.errors import LookalikeError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

BROWSER_VARIABLE = "LOOKALIKE_BROWSER"
"""The environment variable that names the browser's program."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HANDLER = "scrapers.browser.download_handler.RenderingHandler"


def check_browser(environ: Mapping[str, str]) -> None:
    """:raises LookalikeError: where Playwright or a browser is missing; it says what to install."""
    for package in ("playwright", "psutil"):
        if importlib.util.find_spec(package) is None:
            raise LookalikeError(
                f"Reading pages with a browser needs {package}, which is not installed. "
                "Run `pip install 'lookalike[browser]'`."
            )
    if find_browser(environ) is None:
        raise LookalikeError(
            "Reading pages with a browser needs Chromium, and none is on the path. Install it "
            f"(`apt install chromium`), or set {BROWSER_VARIABLE} to the program's file."
        )


def find_browser(environ: Mapping[str, str]) -> str | None:
    """The program of an installed Chromium; None if there is none."""
    named = environ.get(BROWSER_VARIABLE)
    if named:
        return shutil.which(named)
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def use_browser(settings: BaseSettings) -> None:
    """Makes the browser render marked requests.

    :raises LookalikeError: where no browser is installed.
    """
    check_browser(os.environ)
    handlers = settings.getdict("DOWNLOAD_HANDLERS") | {"http": HANDLER, "https": HANDLER}
    settings.set("DOWNLOAD_HANDLERS", handlers, priority="spider")


def rendered() -> dict[str, Any]:
    """The entry of a request's meta that has a browser render its page."""
    return {"render": True}


def launch_options(chosen: dict[str, Any], proxy: str) -> dict[str, Any]:
    """The options that start the browser with no way around the proxy.

    :param chosen: further options, such as the program.
    """
    return {
        **chosen,
        "proxy": {"server": proxy},
        # Chromium's own sandbox does not work for root, as in most containers.
        "chromium_sandbox": os.geteuid() != 0,
        "args": [
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--proxy-bypass-list=<-loopback>",
            "--disable-quic",
            # Chromium ignores it under its older name, --force-webrtc-…, and sends UDP past the proxy.
            "--webrtc-ip-handling-policy=disable_non_proxied_udp",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--js-flags=--max-old-space-size=256",
        ],
    }
