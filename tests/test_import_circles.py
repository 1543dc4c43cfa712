"""No file imports itself through others, not even for a type or inside a function."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOMS = ("storage", "scrapers", "embedding", "flows", "lookalike", "dashboards")


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """For each module, the modules that it imports anywhere in its file."""
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=False, cache_dir=None)
    # A module that runs as a script imports itself under its own name.
    return {module: graph.find_modules_directly_imported_by(module) - {module} for module in graph.modules}


def circle(imports: dict[str, set[str]]) -> list[str] | None:
    """A circle of imports, from a module back to it; None if there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


@pytest.mark.parametrize("room", ROOMS)
def test_no_circle_among_the_files_of_a_room(imports: dict[str, set[str]], room: str) -> None:
    own = {module: set(targets) for module, targets in imports.items() if module.split(".")[0] == room}
    found = circle(own)
    assert found is None, " imports ".join(reversed(found))


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) is None
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) or ()) == {"a", "b", "c"}
