"""The page's state in its address, so that reloading, going back and a link to somebody else show the same.

An uploaded photo is the one thing that no address holds: it stays in the visitor's session.

The browser sends its address with each choice, and one that follows another within moments comes with an
address that lacks the first. So every change begins with what the change before it left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import streamlit as st

LIKE = "like"
"""The product to find similar ones to, "store:product_id"."""

GOES_WITH = "goes_with"
"""The product to complete an outfit for."""

WORDS = "q"
"""What was typed: words, the address of a photo or page, or both."""

MORE_OF = "more"
"""Products that the answers are to be more like; repeated."""

LESS_OF = "less"
"""Products that the answers are to be less like; repeated."""

SHOWN = "shown"
"""Number of answers, if more than `ANSWERS`."""

UNLIKE_TOO = "all"
"""Whether answers are shown that are not similar enough."""

SORT = "sort"

YES = "yes"
"""How the address says that something is switched on."""

_NO_SEARCH: dict[str, Sequence[str]] = dict.fromkeys(
    (LIKE, GOES_WITH, WORDS, MORE_OF, LESS_OF, SHOWN, UNLIKE_TOO), ()
)

NOTED = "address"
"""Session key: the address as the server last saw or left it."""

ANSWERS = 24
MOST_ANSWERS = 240
MOST_EXAMPLES = 8
"""Most products that a search is steered by, in each direction."""


def note() -> None:
    """Notes the address that the page is drawn for; the next change begins with it."""
    st.session_state[NOTED] = _seen()


def change(parameters: Mapping[str, Sequence[str]]) -> None:
    """Changes parameters in one step, which the browser's Back takes back; without values one is removed."""
    changed = {name: values for name, values in {**_noted(), **parameters}.items() if values}
    if changed != _seen():
        st.query_params.from_dict(changed)
    note()


def _noted() -> dict[str, Sequence[str]]:
    noted: dict[str, Sequence[str]] = st.session_state[NOTED] if NOTED in st.session_state else _seen()
    return noted


def _seen() -> dict[str, Sequence[str]]:
    """The address as the browser sent it, or as it was changed since."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def several(parameter: str) -> tuple[str, ...]:
    """All values of a parameter, each once."""
    return tuple(dict.fromkeys(st.query_params.get_all(parameter)))


def write(parameter: str) -> None:
    """Writes the value of the widget with this key into the address.

    Streamlit's own binding would write the labels of options, which hold counts, and no step back.
    """
    value = st.session_state[parameter]
    texts = [
        str(one) for one in (value if isinstance(value, list) else [value]) if one not in (None, "", False)
    ]
    if value is True:
        texts = [YES]
    change({SHOWN: (), UNLIKE_TOO: (), parameter: texts})


def shown() -> int:
    """The number of answers by the address, or `ANSWERS` where that is no valid number."""
    number = st.query_params.get(SHOWN, "")
    return min(max(int(number), ANSWERS), MOST_ANSWERS) if re.fullmatch("[0-9]{1,3}", number) else ANSWERS


def show_more() -> None:
    """Shows more answers of the same search."""
    change({SHOWN: [str(min(shown() + ANSWERS, MOST_ANSWERS))]})


def show_unlike_too() -> None:
    """Shows the nearest products although they are not similar enough."""
    change({UNLIKE_TOO: [YES]})


def examples(parameter: str) -> tuple[str, ...]:
    """The products of `MORE_OF` or `LESS_OF`."""
    return several(parameter)[:MOST_EXAMPLES]


def add_example(parameter: str, product: str) -> None:
    """Steers the search by one more product; what was said of it before no longer counts."""
    left = _examples_without(product)
    change(left | {parameter: [*left[parameter][: MOST_EXAMPLES - 1], product], SHOWN: []})


def drop_example(product: str) -> None:
    """No longer steers the search by a product."""
    change(_examples_without(product))


def search_from(product: str, completes: bool = False) -> None:
    """Searches for products similar to a product, or that go with it, instead of what was searched for."""
    change({**_NO_SEARCH, GOES_WITH if completes else LIKE: [product]})


def leave_search() -> None:
    """Forgets the product searched from, the words, and how the search was steered; filters stay."""
    change(_NO_SEARCH)


def forget(*parameters: str) -> None:
    """Removes parameters from the address."""
    change(dict.fromkeys(parameters, ()))


def _examples_without(product: str) -> dict[str, list[str]]:
    noted = _noted()
    return {
        parameter: [name for name in dict.fromkeys(noted.get(parameter, ())) if name != product]
        for parameter in (MORE_OF, LESS_OF)
    }
