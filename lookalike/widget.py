"""The notebook's widget: a photo to crop, and what looks like the part that is enclosed."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from PIL import Image

from lookalike.matches import Matches
from lookalike.rendering import escaped, render
from lookalike.templates import NOTEBOOK_STYLE
from storage import images
from storage.errors import InputError, LookalikeError

WHOLE = [0.0, 0.0, 1.0, 1.0]
PICTURE_PX = 640


class SearchWidget(anywidget.AnyWidget):
    """Shows a photo, and what looks like the part of it that a frame encloses; `Shop.widget` makes it.

    :ivar box: edges of the frame as shares of the photo: left, top, right, bottom. Setting it searches.
    :ivar matches: what looks like that part.
    """

    _esm = Path(__file__).with_name("widget.js")
    _css = Path(__file__).with_name("widget.css")

    picture = traitlets.Unicode(read_only=True).tag(sync=True)
    box = traitlets.List(traitlets.Float(), WHOLE, minlen=4, maxlen=4).tag(sync=True)
    answer = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(self, photo: Image.Image, search: Callable[[Image.Image], Matches]) -> None:
        """
        :param photo: RGB.
        :param search: finds what looks like a part of it; raises a `LookalikeError` where it cannot.
        """
        found = search(photo)  # before the notebook gets to know the widget: it may raise
        super().__init__()
        self._photo, self._look_for, self.matches = photo, search, found
        jpeg = base64.b64encode(images.thumbnail(photo, PICTURE_PX)).decode("ascii")
        self.set_trait("picture", f"data:image/jpeg;base64,{jpeg}")
        self._show()

    @traitlets.validate("box")
    def _check(self, proposal: Mapping[str, Any]) -> list[float]:
        left, top, right, bottom = proposal["value"]
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise InputError("The box encloses nothing. Give left, top, right, bottom, each from 0 to 1.")
        return [left, top, right, bottom]

    @traitlets.observe("box")
    def _search(self, _change: object) -> None:
        try:
            self.matches = self._look_for(self.part)
        except LookalikeError as error:
            self.set_trait("answer", f'<p role="alert">{escaped(str(error))}</p>')
        else:
            self._show()

    @property
    def part(self) -> Image.Image:
        """What the frame encloses, RGB."""
        width, height = self._photo.size
        left, top, right, bottom = self.box
        x, y = int(left * width), int(top * height)
        return self._photo.crop((x, y, max(x + 1, round(right * width)), max(y + 1, round(bottom * height))))

    def _show(self) -> None:
        self.set_trait("answer", render("notebook", matches=self.matches, style=NOTEBOOK_STYLE))
