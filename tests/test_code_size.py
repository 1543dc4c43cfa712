"""Files, functions and the room `scrapers/` stay small enough to be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
ROOMS = ("storage", "scrapers", "embedding", "flows", "lookalike", "dashboards", "benchmarks", "tests")

MAX_LINES = 400
MAX_PARAMETERS = 10
MAX_LOOSE_MODULES = 6

COMMANDS = "lookalike/commands/"
"""The parameters of a command are its options, which docs/commands.md documents."""

DOCUMENTED = {("lookalike/query.py", "similar")}
"""Public functions whose parameters are documented, by file."""


def files() -> Iterator[tuple[str, str]]:
    """Name and text of every Python file."""
    for room in ROOMS:
        for file in sorted((REPOSITORY / room).rglob("*.py")):
            yield file.relative_to(REPOSITORY).as_posix(), file.read_text(encoding="utf-8")


def test_no_file_is_too_long() -> None:
    long = {name: text.count("\n") for name, text in files() if text.count("\n") > MAX_LINES}
    assert long == {}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many parameters a function has, without `self` and `cls`."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_function_has_too_many_parameters() -> None:
    many = {
        (name, node.name): parameters(node)
        for name, text in files()
        if not name.startswith(COMMANDS)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameters(node) > MAX_PARAMETERS
    }
    assert {place: count for place, count in many.items() if place not in DOCUMENTED} == {}


def test_the_room_scrapers_has_few_loose_modules() -> None:
    loose = sorted(file.name for file in (REPOSITORY / "scrapers").glob("*.py") if file.stem != "__init__")
    assert len(loose) <= MAX_LOOSE_MODULES, loose
