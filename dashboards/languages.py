"""Which language a visitor reads: the one they chose, which their address keeps, else their browser's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import streamlit as st

from lookalike.language import ENGLISH, LANGUAGES, current, preferred, speak, spoken
from lookalike.language import translated as _

PARAMETER = "lang"
"""URL parameter: a code of `LANGUAGES`."""

CHOSEN = "language"  # session key: the widget
KEPT = "language-kept"  # session key: what was chosen, on whichever page


_Given = ParamSpec("_Given")


def begin() -> None:
    """Speaks the visitor's language while the page is drawn, and has the style sheet's own words in it."""
    asked = st.query_params.get(PARAMETER, st.session_state.get(KEPT, ""))
    if asked in LANGUAGES:
        st.session_state[KEPT] = asked
        speak(asked)
    else:
        speak(preferred(st.context.headers.get("Accept-Language", ENGLISH)))
    english = current() == ENGLISH
    words = {
        "upload": "" if english else _("Upload"),
        "limits": _("At most 20 MB: JPG, PNG, WEBP, AVIF, GIF"),
        "another": _("Another photo"),
        "travels": _("Your photo is on its way…"),
        "kinds": _("Give a JPEG, PNG, WebP, AVIF or GIF of at most 20 MB."),
    }
    rules = " ".join(f'--la-say-{name}: "{text}";' for name, text in words.items())
    if not english:
        rules += " --la-upload-size: 0;"
    st.html(f"<style>.stApp {{ {rules} }}</style>")


def kept() -> dict[str, str]:
    """What a link adds to an address, so that the other page speaks the chosen language, too."""
    return {PARAMETER: st.session_state[KEPT]} if KEPT in st.session_state else {}


def dialog(title: str, icon: str, draw: Callable[_Given, None]) -> Callable[_Given, None]:
    """A dialog in the language that is spoken now, each time that it is drawn."""
    return st.dialog(title, icon=icon)(keeping_language(draw))


def keeping_language(draw: Callable[_Given, None]) -> Callable[_Given, None]:
    """Speaks the language that is spoken now whenever something is drawn.

    Streamlit draws a dialog again without the page around it, in a thread that speaks English.
    """
    language = current()

    @functools.wraps(draw)
    def drawn(*given: _Given.args, **named: _Given.kwargs) -> None:
        speak(language)
        draw(*given, **named)

    return drawn


def choose_language() -> None:
    """Draws the choice of the language."""
    st.session_state[CHOSEN] = current()
    st.selectbox(
        _label(),
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key=CHOSEN,
        label_visibility="collapsed",
        width=140,
        on_change=_keep,
    )


@functools.cache
def _label() -> str:
    """The word "language" in all of them, so that everybody finds it, and the same in all.

    Under another label Streamlit makes another widget, and drops what was chosen in the one before meanwhile.
    """
    words = []
    for code in LANGUAGES:
        with spoken(code):
            words.append(_("Language"))
    return " / ".join(words)


def _keep() -> None:
    st.session_state[KEPT] = st.session_state[CHOSEN]
    st.query_params[PARAMETER] = st.session_state[CHOSEN]
