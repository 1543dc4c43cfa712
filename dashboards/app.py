"""The Streamlit app; `dashboards.server` serves it with the arguments `--data DIR [--config FILE]`.

`lookalike dashboard` starts it. Settings are read here; the pages take what they need as arguments. What a
search needs takes seconds to import when a server is cold, so it is imported once the page says what it waits
for.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import logging
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import streamlit as st
from PIL import Image

import lookalike
from dashboards import languages, photos
from lookalike.language import translated as _
from lookalike.rendering import escaped
from storage.errors import InputError, LookalikeError

if TYPE_CHECKING:
    from lookalike import Shop
    from lookalike.settings import Config

_log = logging.getLogger(__name__)
HERE = Path(__file__).parent


class _Arguments(argparse.ArgumentParser):
    """Shows errors as a sentence on the page; argparse would exit."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"The dashboard was started with arguments it does not know: {message}.")


def load_settings(arguments: list[str] | None = None) -> Config:
    """Loads the settings: `--data` names the data root, else `--config` or ./lookalike.toml.

    :raises InputError: an unknown argument or a malformed settings file.
    """
    from lookalike.settings import load_config

    parser = _Arguments(prog="dashboards/app.py", add_help=False)
    parser.add_argument("--data")
    parser.add_argument("--config", type=Path)
    given = parser.parse_args(arguments)
    return load_config(given.config, given.data)


@st.cache_resource(show_spinner=False)
def open_shop(data: str, cache: Path | None) -> Shop:
    """Opens one shop for all visitors: its index is memory-mapped and its encoder is loaded once."""
    shop = lookalike.open(data, cache=cache)
    photos.serve_photos_of(shop)
    threading.Thread(target=_warm_up, args=(shop,)).start()
    return shop


def _warm_up(shop: Shop) -> None:
    """Loads what the first photo needs while its visitor still chooses it: a second of processor time."""
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "JPEG")
    with suppress(LookalikeError):  # what is wrong is said where somebody asks
        shop.similar(photo.getvalue(), k=1)
    # Streamlit collects garbage after each action, and what is loaded by now never is any: looking through
    # it takes a tenth of an answer.
    gc.freeze()


def main() -> None:
    """Draws the page for one visitor; Streamlit runs this again at each of their actions."""
    st.set_page_config(
        page_title="Lookalike",
        page_icon=HERE / "logo.svg",
        layout="wide",
    )
    st.html(HERE / "look.css")
    languages.begin()
    waiting = st.empty()
    if "dashboards.find" not in sys.modules:
        waiting.html('<p class="la-waiting" role="status">' + _("Lookalike is opening the shop…") + "</p>")
    try:
        from dashboards import find, links

        config = load_settings()
        shop = open_shop(str(config.data), config.cache)
        open_newer_generation(shop)
    except LookalikeError as error:
        show_closed(str(error))
        return
    finally:
        waiting.empty()
    # A new page is one more `st.Page` here; with several, Streamlit draws a menu.
    pages = [
        st.Page(lambda: find.page(shop), title=_("Find"), url_path="find", default=True),
        st.Page(_later("browse", shop), title=_("Browse"), url_path=links.BROWSE),
        st.Page(_later("saved", shop), title=_("Saved searches"), url_path=links.SAVED),
        st.Page(
            _later("customer", shop, config.recommend.purchases_file, config.recommend.store or None),
            title=_("For a customer"),
            url_path="customer",
        ),
        st.Page(_later("product", shop), title=_("Product"), url_path=links.PRODUCT, visibility="hidden"),
    ]
    if config.dashboard.health:
        pages.append(st.Page(_later("health", shop, config), title=_("Health"), url_path=links.HEALTH))
    st.navigation(pages).run()


def _later(module: str, *arguments: object) -> Callable[[], None]:
    """A page whose module, with what that imports, is loaded when somebody first opens it."""

    def draw() -> None:
        with st.spinner(_("Opening the page…")):
            opened = importlib.import_module(f"dashboards.{module}")
        opened.page(*arguments)

    return draw


def open_newer_generation(shop: Shop) -> None:
    """Opens the newest generation, unless it is damaged or out of reach."""
    try:
        shop.refresh()
    except LookalikeError as error:
        _log.warning("%s", error)


def show_closed(reason: str) -> None:
    """Shows why there is nothing to search: no night has run yet, or the data root is wrong.

    :param reason: a sentence; what stands in backticks is a command.
    """
    sentence = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(reason))
    with st.container(key="la-closed"):
        st.html(
            f'<section class="la-closed"><h1>{_("The shop is not open yet")}</h1><p>{sentence}</p></section>'
        )
        if st.button(_("Look again"), icon=":material/refresh:"):
            st.rerun()


main()
