"""Hypothesis as the tests use it: the same examples in every run, and few enough to be quick."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

examined = settings(
    derandomize=True,
    deadline=None,  # seconds depend on the machine
    database=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\ud800",
    "\u202e",
    "1e999999",
    "-1",
    "NaN",
    "http://[bad",
    "//",
    "<b>",
    "&amp;#8211;",
)
"""Texts that parsers stumble over."""

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(ODD_TEXTS),
)


def json_values(keys: st.SearchStrategy[str]) -> st.SearchStrategy[object]:
    """Any JSON document, whose objects have these keys."""
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
        max_leaves=25,
    )
