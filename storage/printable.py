"""Makes text safe to print: what stores, files and servers wrote must steer neither terminal nor reader."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, which begin a terminal's commands, and line breaks."""

_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\ue000-\uf8ff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
"""What Unicode calls default ignorable: bidi controls, which let text read differently from what it is, tag
characters and the like, which hide text; private use and halves of characters, too. The two joiners and the
emoji selector stay, which Persian, Hindi and emoji need."""


def printable(text: str, *, lines: bool = False) -> str:
    """A text without characters that are invisible or control what shows it.

    :param lines: whether line breaks stay; else they become spaces, so that a text is one line.
    """
    if text.isascii() and text.isprintable():
        return text
    parts = text.splitlines() if lines else [text]
    return "\n".join(_INVISIBLE.sub("", _CONTROLS.sub(" ", part)) for part in parts)
