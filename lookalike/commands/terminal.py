"""Terminal output: results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lookalike.commands.log_lines import JsonFormatter, TextFormatter
from storage.errors import LookalikeError
from storage.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

LINKS = ("link", "url")
"""Names of columns that hold addresses."""

LINE_EVERY_S = 30.0
"""Between two lines about one piece of work, outside a terminal."""

Advance = Callable[[str, int, int | None], None]
"""`advance(what, done, total)` moves the bar of that name; the total is None while it is not known.

What follows a comma in the name is shown with it, and may change.
"""


OLD = timedelta(days=2)
"""What was last seen so long ago is shown with its age: a store is crawled every night."""


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
    """Prints one JSON document on stdout; characters that are not safe to print are escaped."""
    lines = json.dumps(document, ensure_ascii=False, indent=2).split("\n")
    escaped = (line if printable(line) == line else _escaped(line) for line in lines)
    sys.stdout.write("\n".join(escaped) + "\n")


def _escaped(line: str) -> str:
    return "".join(char if printable(char) == char else json.dumps(char)[1:-1] for char in line)


def say(sentence: str) -> None:
    """Prints a message to stderr."""
    sys.stderr.write(printable(sentence) + "\n")


def log_to_stderr(level: int = logging.INFO, *, as_json: bool = False) -> None:
    """Shows the rooms' own log lines on stderr.

    :param as_json: whether each line is a JSON object.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    for room in ("storage", "scrapers", "embedding", "flows", "lookalike"):
        logger = logging.getLogger(room)
        logger.handlers = [handler]
        # Scrapy's own log is a page a crawl; what matters of it is in the crawl's outcome.
        logger.setLevel(max(level, logging.WARNING) if room == "scrapers" else level)
        logger.propagate = False


def fail(sentences: Sequence[str]) -> None:
    """Prints failures; if there are any, the command ends with exit code 1."""
    for sentence in sentences[:-1]:
        say(f"lookalike: {sentence}")
    if sentences:
        raise LookalikeError(sentences[-1])


@contextmanager
def progress() -> Iterator[Advance]:
    """Bars on stderr, one for each name advanced; a line now and then where stderr is no terminal."""
    console = err()
    if not console.is_terminal:
        yield _lines_now_and_then()
        return
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int | None) -> None:
            name, _, _ = what.partition(",")
            if name not in tasks:
                tasks[name] = bars.add_task("", total=total)
            bars.update(tasks[name], description=escape(printable(what)), completed=done, total=total)

        yield advance


def _lines_now_and_then() -> Advance:
    began = time.monotonic()
    said: dict[str, float] = {}

    def advance(what: str, done: int, total: int | None) -> None:
        name, _, _ = what.partition(",")
        if time.monotonic() - said.get(name, began) >= LINE_EVERY_S:
            said[name] = time.monotonic()
            say(f"{what}: {done} of {total}" if total else f"{what}: {done}")

    return advance


def print_lines(lines: Iterable[str]) -> None:
    """Prints results, one a line."""
    for line in lines:
        sys.stdout.write(printable(line) + "\n")


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]], *, titled: bool = False) -> None:
    """A table in a terminal; elsewhere one line a row, its cells separated by tabs.

    :param titled: whether the columns' names are printed outside a terminal, too, before the rows.

    Text from a store is never read as markup, and is made safe to print.
    """
    console = out()
    if not console.is_terminal:
        for row in [head, *rows] if titled else rows:
            sys.stdout.write("\t".join(map(_cell, row)) + "\n")
        return
    safe = [[_cell(cell, lines=True) for cell in row] for row in rows]
    table = _table(head, safe)
    unbounded = console.options.update(max_width=10_000)
    if head[-1] not in LINKS or console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    # A link folded into a cell can neither be clicked nor copied: it gets a line of its own.
    console.print(_table(head[:-1], [row[:-1] for row in safe]))
    for row in safe:
        console.print(f"{row[0]}  {row[-1]}", soft_wrap=True, markup=False)


def age(span: timedelta) -> str:
    """How long ago something was, in words."""
    hours = span.total_seconds() / 3600
    if hours < 1:
        return f"{span.total_seconds() / 60:.0f} min ago"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def with_ages(
    head: Sequence[str], rows: Sequence[Sequence[str]], seen: Sequence[datetime | None]
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """A table with a column "seen" before its last one, if any row is old; those that are not have none.

    :param seen: when what a row shows was last seen, of each row.
    """
    now = datetime.now(UTC)
    ages = [age(now - moment) if moment and now - moment >= OLD else "" for moment in seen]
    if not any(ages):
        return head, rows
    dated = [(*row[:-1], told, row[-1]) for row, told in zip(rows, ages, strict=True)]
    return (*head[:-1], "seen", head[-1]), dated


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _cell(text: str, *, lines: bool = False) -> str:
    """A cell's text; prices have no-break spaces, which no other program takes for spaces."""
    return printable(text, lines=lines).replace("\N{NO-BREAK SPACE}", " ")
