"""No circle among the modules of `lookalike`, not even of imports for types alone."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import lookalike

FOLDER = Path(lookalike.__file__).parent


def modules() -> dict[str, Path]:
    named = {}
    for file in FOLDER.rglob("*.py"):
        parts = file.relative_to(FOLDER.parent).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return named


def imports_of(file: Path, known: set[str]) -> set[str]:
    """The modules among `known` that a file imports anywhere: at the top, in a function or for types."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names} & known
            found |= names or {node.module}
    return found & known


def test_no_modules_import_each_other() -> None:
    named = modules()
    graph = {name: imports_of(file, set(named)) for name, file in named.items()}
    assert graph["lookalike.query"] >= {"lookalike.generation", "lookalike.complete"}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
