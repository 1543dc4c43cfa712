"""The dialog that chooses a part of the photo: a garment found in it, or what handles enclose."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from dashboards import asking, crop, languages
from dashboards.asking import Upload
from dashboards.page_parts import draw_note, plain
from lookalike import Shop
from lookalike.garments import Garments
from lookalike.language import translated as _
from lookalike.rendering import render
from storage import images
from storage.errors import LookalikeError, UnreadableImageError

HANDLES = "#2f5d4e"
"""Colour of the handles: the theme's own."""

FOUND = "garments"  # session key: the id of the photo's file that was last cropped, and its `parts_of`


def choose_part(shop: Shop, photo: Upload) -> None:
    """Shows the photo in a dialog; the part that is chosen there is searched for."""
    languages.dialog(_("Choose a part of your photo"), ":material/crop:", _draw)(shop, photo)


def _draw(shop: Shop, photo: Upload) -> None:
    try:
        part = _draw_ways(crop.framed(photo.data), photo, _parts(shop, photo))
        if part is not None:
            asking.crop_photo(part)
    except UnreadableImageError as error:
        draw_note(_("{name} cannot be cropped: it is {reason}.", name=photo.name, reason=error))
        return
    if part is not None:
        st.rerun()


def parts_of(garments: Garments) -> dict[crop.Box, str]:
    """The parts of a photo that show a garment each, and what they are called; large ones first."""
    found = {}
    for garment in garments:
        x, y, across, down = garment.box
        left, right = x / garments.width, (x + across) / garments.width
        top, bottom = y / garments.height, (y + down) / garments.height
        seen = garment.article_type.value if garment.article_type else garment.kind.capitalize()
        found[crop.Box(left, top, right, bottom)] = seen
    return found


def _parts(shop: Shop, photo: Upload) -> dict[crop.Box, str]:
    """`parts_of` the photo; empty where the encoder finds no garments."""
    known, found = st.session_state.get(FOUND, ("", {}))
    if known != photo.file_id:
        try:
            found = parts_of(shop.garments(photo.data))
        except LookalikeError:
            found = {}
        st.session_state[FOUND] = photo.file_id, found
    return found


def _draw_ways(whole: Image.Image, photo: Upload, parts: dict[crop.Box, str]) -> crop.Box | None:
    """Draws the ways to choose a part, and returns the part that was chosen."""
    if parts:
        ways = [_("A garment"), _("Any part")]
        way = st.segmented_control(
            _("What to look for"), ways, default=ways[0], required=True, label_visibility="collapsed"
        )
        if way == ways[0]:
            return _draw_parts(whole, parts)
    return _draw_handles(whole, photo)


def _draw_parts(whole: Image.Image, parts: dict[crop.Box, str]) -> crop.Box | None:
    """Draws the photo with a button over each garment."""
    chosen = None
    st.caption(_("Tap what you look for."))
    # The largest first, so that smaller ones lie over it.
    rules = [
        f".st-key-la-garment-{place} {{ left: {100 * box.left:.2f}%; top: {100 * box.top:.2f}%; "
        f"width: {100 * (box.right - box.left):.2f}%; height: {100 * (box.bottom - box.top):.2f}%; }}"
        for place, box in enumerate(parts)
    ]
    with st.container(key="la-garments", width=whole.width, gap=None):
        st.html(f"<style>{' '.join(rules)}</style>")
        st.html(render("photo", jpeg=images.thumbnail(whole, max(whole.size)), description=_("Your photo")))
        for place, (box, name) in enumerate(parts.items()):
            if st.button(plain(name), key=f"la-garment-{place}"):
                chosen = box
    return chosen


def _draw_handles(whole: Image.Image, photo: Upload) -> crop.Box | None:
    """Draws the photo with a frame that has handles."""
    from streamlit_cropper import st_cropper  # here alone, since few visitors crop

    st.caption(_("Tap the frame to get its handles, then drag them around what you look for."))
    frame = st.container()
    with st.expander(_("By keyboard")):
        across, down = (
            st.slider(label, 0, 100, crop.SUGGESTED, format="%d %%", key=key)
            for key, label in (
                ("crop-across", _("From left to right")),
                ("crop-down", _("From top to bottom")),
            )
        )
    with frame:
        enclosed = st_cropper(
            whole,
            default_coords=crop.coordinates(across, down, whole.size),
            box_color=HANDLES,
            return_type="box",
            should_resize_image=False,
            key=f"cropper-{photo.file_id}-{across}-{down}",  # other edges, another frame
        )
    if st.button(_("Search for this part"), key="crop-search", width="stretch"):
        left, top, width, height = (enclosed[name] for name in ("left", "top", "width", "height"))
        return crop.box_of(left, top, width, height, whole.size)
    return None
