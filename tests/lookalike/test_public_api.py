"""The names that `lookalike` exports: loaded when they are first used, and enough to query with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import lookalike
from embedding.index.filter_arguments import parse_filters
from embedding.index.filter_types import FilterArguments
from lookalike.commands.options import FILTER_OPTIONS, filter_arguments
from storage.errors import InputError, LookalikeError

HEAVY = ("keras", "numpy", "openvino", "pandas", "pyarrow", "scrapy", "tensorflow")


def imported(code: str) -> list[str]:
    """Which of the heavy packages a fresh interpreter has imported after some code."""
    shown = (
        f"{code}; import sys, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    return json.loads(subprocess.run([sys.executable, "-c", shown], capture_output=True, check=True).stdout)


@pytest.mark.parametrize("name", lookalike.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(lookalike, name)
    assert name in dir(lookalike)


def test_errors_are_of_one_family() -> None:
    errors = [getattr(lookalike, name) for name in lookalike.__all__ if name.endswith("Error")]
    assert len(errors) > 5
    assert all(issubclass(error, LookalikeError) for error in errors)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Shops'"):
        _ = lookalike.Shops


def test_importing_it_imports_nothing_else() -> None:
    assert imported("import lookalike; lookalike.InputError; lookalike.FilterArguments") == []


def test_what_only_queries_imports_neither_tensorflow_nor_scrapy() -> None:
    found = imported("import lookalike; [getattr(lookalike, name) for name in lookalike.__all__]")
    assert not {"keras", "tensorflow", "scrapy"} & set(found)


def test_each_filter_has_an_option() -> None:
    assert FILTER_OPTIONS.keys() == FilterArguments.__annotations__.keys()


def test_options_that_are_not_given_are_no_filters() -> None:
    assert filter_arguments(dict.fromkeys(FILTER_OPTIONS) | {"in_stock": False, "store": []}) == {}
    assert filter_arguments({"rates": ["USD=0.92"], "store": ["a"]}) == {
        "rates": {"USD": "0.92"},
        "store": ["a"],
    }


@pytest.mark.parametrize(
    ("name", "hint"), [("color", "Did you mean colour?"), ("xyz", "The filters are store, category, colour")]
)
def test_an_unknown_filter_is_said(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=rf"There is no filter '{name}'. {hint}"):
        parse_filters(**{name: 1})
