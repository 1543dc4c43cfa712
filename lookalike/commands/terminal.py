"""What the command line prints: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[str, int, int | None], None]
"""`advance(what, done, total)`: moves the bar of that name; the total is None while it is not known."""


def out() -> Console:
    """The console of results. Outside a terminal it never wraps a line, so that every line can be grepped."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, soft_wrap=True, width=10_000)
    return console


def err() -> Console:
    """The console of logs and progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """Prints one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say(sentence: str) -> None:
    """A line to whoever is watching; never part of the result."""
    sys.stderr.write(sentence + "\n")


def log_to_stderr(level: int = logging.INFO) -> None:
    """Shows the rooms' own log lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
    for room in ("storage", "scrapers", "embedding", "flows", "lookalike"):
        logger = logging.getLogger(room)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


@contextmanager
def progress() -> Iterator[Advance]:
    """Bars on stderr, one for each name advanced; nothing where stderr is no terminal."""
    console = err()
    if not console.is_terminal:
        yield lambda what, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield advance


def print_lines(lines: Iterable[str]) -> None:
    """Prints results, one a line."""
    for line in lines:
        sys.stdout.write(line + "\n")


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table in a terminal; elsewhere one line a row, its cells separated by tabs.

    Cells are printed as they are: text from a store is never read as markup, and control characters are gone.
    """
    console = out()
    safe = [[_printable(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        print_lines("\t".join(cell.replace("\n", " ") for cell in row) for row in safe)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in head:
        # A link cut short is no link: it wraps, and everything else gives way first.
        table.add_column(name, overflow="fold", min_width=20 if name in ("link", "url") else None)
    for row in safe:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def _printable(text: str) -> str:
    """Without the control characters by which a store's text could steer the terminal."""
    return "".join(char if char == "\n" or char.isprintable() else " " for char in text)
