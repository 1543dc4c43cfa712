"""The page's state in its address, so that reloading, going back and a link to somebody else show the same.

An uploaded photo is the one thing that no address holds: it stays in the visitor's session.
"""

from __future__ import annotations

import re

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

ANSWERS = 24
MOST_ANSWERS = 240
MOST_EXAMPLES = 8
"""Most products that a search is steered by, in each direction."""


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
    forget(SHOWN, UNLIKE_TOO, *([] if texts else [parameter]))
    if texts:
        st.query_params[parameter] = texts


def shown() -> int:
    """The number of answers by the address, or `ANSWERS` where that is no valid number."""
    number = st.query_params.get(SHOWN, "")
    return min(max(int(number), ANSWERS), MOST_ANSWERS) if re.fullmatch("[0-9]{1,3}", number) else ANSWERS


def show_more() -> None:
    """Shows more answers of the same search."""
    st.query_params[SHOWN] = str(min(shown() + ANSWERS, MOST_ANSWERS))


def show_unlike_too() -> None:
    """Shows the nearest products although they are not similar enough."""
    st.query_params[UNLIKE_TOO] = YES


def examples(parameter: str) -> tuple[str, ...]:
    """The products of `MORE_OF` or `LESS_OF`."""
    return several(parameter)[:MOST_EXAMPLES]


def add_example(parameter: str, product: str) -> None:
    """Steers the search by one more product; what was said of it before no longer counts."""
    drop_example(product)
    st.query_params[parameter] = [*examples(parameter)[: MOST_EXAMPLES - 1], product]
    forget(SHOWN)


def drop_example(product: str) -> None:
    """No longer steers the search by a product."""
    for parameter in (MORE_OF, LESS_OF):
        left = [name for name in examples(parameter) if name != product]
        if left:
            st.query_params[parameter] = left
        else:
            forget(parameter)


def search_from(product: str, completes: bool = False) -> None:
    """Searches for products similar to a product, or that go with it, instead of what was searched for."""
    leave_search()
    st.query_params[GOES_WITH if completes else LIKE] = product


def leave_search() -> None:
    """Forgets the product searched from, the words, and how the search was steered; filters stay."""
    forget(LIKE, GOES_WITH, WORDS, MORE_OF, LESS_OF, SHOWN, UNLIKE_TOO)


def forget(*parameters: str) -> None:
    """Removes parameters from the address."""
    for parameter in parameters:
        st.query_params.pop(parameter, None)
