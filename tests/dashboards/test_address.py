"""The page's state in its address: no choice loses another, and each is one step for the browser's Back."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import address


def _page() -> None:
    """Widgets that write to the address, and show what it says."""
    import streamlit as st

    from dashboards import address

    address.note()
    st.session_state["in_stock"] = "in_stock" in st.query_params
    st.toggle("In stock", key="in_stock", on_change=address.write, args=("in_stock",))
    st.session_state["store"] = list(address.several("store"))
    st.multiselect("Store", ["a", "b"], key="store", on_change=address.write, args=("store",))
    st.button("More of a:1", key="more", on_click=address.add_example, args=(address.MORE_OF, "a:1"))
    st.button("Less of b:2", key="less", on_click=address.add_example, args=(address.LESS_OF, "b:2"))
    st.button("Show more", key="show", on_click=address.show_more)
    st.button("Search from c:3", key="search", on_click=address.search_from, args=("c:3",))


Choose = Callable[[AppTest], AppTest]
CHOICES: list[tuple[Choose, dict[str, list[str]]]] = [
    (lambda app: app.toggle(key="in_stock").set_value(True).run(), {"in_stock": ["yes"]}),
    (lambda app: app.multiselect(key="store").set_value(["a", "b"]).run(), {"store": ["a", "b"]}),
    (lambda app: app.button(key="more").click().run(), {"more": ["a:1"]}),
    (lambda app: app.button(key="less").click().run(), {"less": ["b:2"]}),
]


def _address(app: AppTest) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in app.query_params.items()}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(CHOICES, 2)))
def test_a_choice_keeps_the_one_that_the_browser_has_not_heard_of_yet(
    first: tuple[Choose, dict[str, list[str]]], second: tuple[Choose, dict[str, list[str]]]
) -> None:
    app = AppTest.from_function(_page).run()
    first[0](app)
    assert _address(app) == first[1]
    app.query_params.clear()  # the browser chose again before it got the new address
    second[0](app)
    assert _address(app) == first[1] | second[1]
    assert not app.exception


def test_what_was_taken_back_stays_so_with_the_next_choice() -> None:
    app = AppTest.from_function(_page).run()
    app.toggle(key="in_stock").set_value(True).run()
    app.toggle(key="in_stock").set_value(False).run()
    assert _address(app) == {}
    app.query_params["in_stock"] = "yes"  # the browser chose again before it got the new address
    app.button(key="more").click().run()
    assert _address(app) == {"more": ["a:1"]}


def test_a_visit_to_an_earlier_address_is_where_the_next_choice_begins() -> None:
    app = AppTest.from_function(_page).run()
    app.toggle(key="in_stock").set_value(True).run()
    app.query_params.clear()
    app.run()  # the browser's Back
    assert app.toggle(key="in_stock").value is False
    app.button(key="more").click().run()
    assert _address(app) == {"more": ["a:1"]}


def test_a_search_from_a_product_keeps_the_filters_alone() -> None:
    app = AppTest.from_function(_page).run()
    for key in ("more", "less", "show"):
        app.button(key=key).click().run()
    app.multiselect(key="store").set_value(["b"]).run()
    assert set(_address(app)) == {"more", "less", "store"}
    app.button(key="search").click().run()
    assert _address(app) == {"store": ["b"], address.LIKE: ["c:3"]}


def test_more_examples_than_may_be_drop_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "MOST_EXAMPLES", 1)
    app = AppTest.from_function(_page)
    app.query_params["more"] = ["x:1"]
    app.run()
    app.button(key="more").click().run()
    assert _address(app) == {"more": ["a:1"]}
