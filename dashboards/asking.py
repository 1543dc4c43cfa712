"""What a visitor searches for: a photo (uploaded, pasted, taken, at an address), words, a product."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboards import address, crop, languages
from dashboards.facets import FLAGS, LABELS, PRICES
from lookalike import FilterArguments, Match, Matches, Shop
from lookalike.language import translated as _
from lookalike.photo_reader import decode_photo
from lookalike.vocabulary import meaning, vocabulary, words_of
from storage import images
from storage.errors import UnreadableImageError

MAX_UPLOAD_MB = 20
MOST_CHARACTERS = 2000
PHOTO_TYPES = ["jpg", "jpeg", "png", "webp", "avif", "gif"]
PREVIEW_SIDE = 720
"""Pixels of the longer side of the uploaded photo as shown; the search gets the photo as it came."""

PHOTO = "photo"  # session key: the uploader
CURRENT = "current"  # session key: the photo searched for, an `Upload`
RECEIVED = "received"  # session key: ids of the photos that arrived
UPLOADERS = "uploaders"  # session key: number of restarts, each with an empty uploader

_ADDRESS = re.compile(r"\S+://\S+")
_BUT = re.compile(r"(?:(?:like\s+)?(?:this|it|the same)\b[\s,]*)?but\s+(?:in\s+)?(?=\S)", re.IGNORECASE)
"""How a change of the present search begins: "this, but green", "but in green"."""


@dataclass(frozen=True)
class Upload:
    """An uploaded photo.

    :ivar file_id: Streamlit's, another for each transfer.
    :ivar part: the part of it that is searched for, as a photo; None for all of it.
    """

    file_id: str
    name: str
    data: bytes
    part: bytes | None = None


@dataclass(frozen=True)
class Query:
    """What is searched for.

    :ivar subject: a photo, the address of one or of a page, or a product; None where only words or examples
        say what is wanted.
    :ivar key: equal for equal subjects; stands for the photo's bytes.
    :ivar headline: what the answers are, in words; may hold a scraped title, so it is escaped when shown.
    :ivar caption: what the picture beside the answers is.
    :ivar preview: a JPEG to show there; None where there is none, or the search gives it.
    :ivar words: what it is to be, such as "red linen dress", or what is to be different: "green".
    :ivar more_of: products that the answers are to be more like.
    :ivar less_of: products that the answers are to be less like.
    :ivar completes: whether products that go with it are wanted, instead of similar ones.
    """

    subject: bytes | str | Match | None
    key: str
    headline: str
    caption: str = ""
    preview: bytes | None = None
    words: str = ""
    more_of: tuple[Match, ...] = ()
    less_of: tuple[Match, ...] = ()
    completes: bool = False

    @property
    def is_compared(self) -> bool:
        """Whether answers are judged by their likeness alone, so that they have bands."""
        return not self.completes and not self.words

    def search(self, shop: Shop, most: int, filters: FilterArguments) -> Matches:
        """Asks the shop.

        :raises LookalikeError: the photo cannot be read, or no product fits; the sentence says which.
        """
        if self.completes and self.subject is not None:
            return shop.complete(self.subject, most, **filters)
        if self.subject is None and not self.more_of and not self.less_of:
            return shop.search(self.words, most, **filters)
        return shop.similar(
            self.subject, most, like=self.more_of, unlike=self.less_of, words=self.words, **filters
        )

    def identity(self) -> tuple[object, ...]:
        """Equal for queries with equal answers."""
        examples = (tuple(match.id for match in some) for some in (self.more_of, self.less_of))
        return (self.key, self.words.casefold(), *examples, self.completes)


def current_query(shop: Shop, typed: str) -> Query | None:
    """The visitor's present query, None before the first.

    :param typed: what stands in the text field.
    :raises LookalikeError: the photo cannot be read, or a product has left the shop.
    """
    location, words = read_typed(typed)
    query = _of_product(shop) or _of_address(location) or _of_photo()
    more_of = tuple(shop.product(name) for name in address.examples(address.MORE_OF))
    less_of = tuple(shop.product(name) for name in address.examples(address.LESS_OF))
    if query is None:
        if not words and not more_of:
            return None
        query = Query(
            None, "", _("Found for “{words}”", words=words) if words else _("More like what you chose")
        )
    elif query.completes:
        return query
    elif words:
        query = replace(query, headline=_("{headline}, but “{words}”", headline=query.headline, words=words))
    return replace(query, words=words, more_of=more_of, less_of=less_of)


def read_typed(text: str) -> tuple[str | None, str]:
    """What was typed, as the address of a photo or page, if there is one, and the other words."""
    found = _ADDRESS.search(text)
    if found is None:
        return None, " ".join(text.split())
    return found[0], " ".join((text[: found.start()] + " " + text[found.end() :]).split())


def _of_product(shop: Shop) -> Query | None:
    for parameter in (address.LIKE, address.GOES_WITH):
        if (name := st.query_params.get(parameter)) is not None:
            product = shop.product(name)
            completes = parameter == address.GOES_WITH
            title = product.title or _("this product")
            return Query(
                product,
                product.id,
                _("Goes with {title}", title=title) if completes else _("More like {title}", title=title),
                _("Goes with this") if completes else _("More like this"),
                product.thumbnail(),
                completes=completes,
            )
    return None


def _of_address(location: str | None) -> Query | None:
    if location is None:
        return None
    try:
        host = urlsplit(location).hostname
    except ValueError:  # an unclosed bracket in the host, for one; the search says so
        host = None
    return Query(
        location, location, _("Looks like the photo at {host}", host=host or location), _("The photo there")
    )


def _of_photo() -> Query | None:
    photo: Upload | None = st.session_state.get(CURRENT)
    if photo is None:
        return None
    data = photo.part or photo.data
    try:
        preview = images.thumbnail(decode_photo(data, fit=PREVIEW_SIDE), side=PREVIEW_SIDE)
    except UnreadableImageError as error:
        raise UnreadableImageError(
            _("{name} could not be opened: it is {reason}.", name=photo.name, reason=error)
        ) from None
    return Query(
        data,
        f"{photo.file_id} {hash(photo.part)}",
        _("Looks like your photo") if photo.part is None else _("Looks like this part of your photo"),
        _("Your photo"),
        preview,
    )


def draw_uploader() -> UploadedFile | None:
    """Draws the uploader, which takes dropped and pasted photos, too.

    What the browser itself refuses, a file too large or of another kind, it says under the uploader; the
    style sheet shows that sentence.
    """
    with st.container(key="la-uploader"):
        return st.file_uploader(
            _("Upload a photo"),
            type=PHOTO_TYPES,
            max_upload_size=MAX_UPLOAD_MB,
            key=f"{PHOTO}-{st.session_state.get(UPLOADERS, 0)}",
            label_visibility="collapsed",
        )


def draw_text_field(searched: bool) -> str:
    """Draws the field for words and addresses; returns what was typed.

    :param searched: whether a photo or a product is searched for, so that words say what should differ.
    """
    st.session_state[address.WORDS] = st.query_params.get(address.WORDS, "")[:MOST_CHARACTERS]
    typed = st.text_input(
        _("What should differ") if searched else _("Describe it, or paste a link"),
        key=address.WORDS,
        placeholder=_("…but green") if searched else _("Or describe it: red linen dress. Or paste a link"),
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=_search_for_typed,
    )
    return (typed or "")[:MOST_CHARACTERS]


def take_photo() -> None:
    """Shows what the camera sees in a dialog; the photo that is taken is searched for."""
    languages.dialog(_("Take a photo"), ":material/photo_camera:", _draw_camera)()


def _draw_camera() -> None:
    if (photo := st.camera_input(_("Take a photo"), label_visibility="collapsed", key="taken")) is not None:
        receive_photo(photo)
        st.rerun()


def receive_photo(upload: UploadedFile | None) -> None:
    """Makes a newly uploaded photo the query, instead of what was searched for.

    While the next one travels the uploader holds none: the photo before is then still the one searched for.
    """
    received: set[str] = st.session_state.setdefault(RECEIVED, set())
    if upload is not None and upload.file_id not in received:
        received.add(upload.file_id)
        search_for_photo(upload.file_id, upload.name, upload.getvalue())


def search_for_photo(file_id: str, name: str, data: bytes) -> None:
    """Makes a photo the query, instead of what was searched for.

    :param file_id: another for each photo.
    """
    st.session_state[CURRENT] = Upload(file_id, name, data)
    address.leave_search()


def start_over() -> None:
    """Forgets the photo and all searches from it, and shows an empty uploader."""
    address.leave_search()
    st.session_state.pop(CURRENT, None)
    st.session_state[UPLOADERS] = st.session_state.get(UPLOADERS, 0) + 1


def crop_photo(box: crop.Box) -> None:
    """Searches for a part of the photo."""
    photo: Upload = st.session_state[CURRENT]
    part = None if box == crop.WHOLE else crop.cut(photo.data, box)
    st.session_state[CURRENT] = replace(photo, part=part)
    address.forget(address.SHOWN, address.UNLIKE_TOO)


def changed(before: str, typed: str) -> str:
    """What is searched for once something was typed: a change keeps what was typed before.

    "red dress", then "this, but green", is "green dress": a colour takes the place of those before.
    """
    found = _BUT.match(typed.strip())
    if found is None:
        return typed
    location, words = read_typed(before)
    change = typed.strip()[found.end() :]
    if any(map(_is_colour, change.split())):
        parts = [location, change, *(word for word in words.split() if not _is_colour(word))]
    else:
        parts = [location, words, change]
    return " ".join(filter(None, parts))


def _is_colour(word: str) -> bool:
    return any(meaning(one) in vocabulary().colours for one in words_of(word))


def came_by_link_from_photo() -> bool:
    """Whether the address holds filters, but nothing to search for, and this visitor gave no photo yet."""
    chosen = (*LABELS, *FLAGS, *PRICES, address.SORT, address.UNLIKE_TOO)
    untouched = not st.session_state.get(RECEIVED) and not st.session_state.get(UPLOADERS)
    return untouched and any(name in st.query_params for name in chosen)


def _search_for_typed() -> None:
    st.session_state[address.WORDS] = changed(
        st.query_params.get(address.WORDS, ""), st.session_state[address.WORDS]
    )
    address.write(address.WORDS)
    if read_typed(st.session_state[address.WORDS])[0] is not None:
        address.forget(address.LIKE, address.GOES_WITH, address.MORE_OF, address.LESS_OF)
