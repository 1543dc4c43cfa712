"""Reads the code blocks of the documentation's Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

REPO = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (REPO / "docs").glob("*.md")))

_MARK = re.compile(r"<!-- (?P<kind>not run|run first): (?P<said>.+) -->$")
_FENCE = re.compile(r"```(?P<language>\w*)$")


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    :ivar section: the heading above it.
    :ivar line: of its first fence, counted from 1.
    :ivar not_run: why nothing runs it: `<!-- not run: why -->` in the line above it.
    :ivar run_first: a command that sets its scene: `<!-- run first: command -->` in the line above it.
    """

    page: str
    section: str
    line: int
    language: str
    text: str
    not_run: str | None = None
    run_first: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read_blocks(page: str) -> list[Block]:
    """The code blocks of a page of the repository, in their order."""
    blocks: list[Block] = []
    section = ""
    marks: dict[str, str] = {}
    lines = iter(enumerate((REPO / page).read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        if fence := _FENCE.match(line):
            text = []
            for _, inner in lines:
                if inner == "```":
                    break
                text.append(inner)
            blocks.append(Block(page, section, number, fence["language"], "\n".join(text), **marks))
        elif line.startswith("#"):
            section = line.lstrip("# ")
        mark = _MARK.match(line)
        marks = {mark["kind"].replace(" ", "_"): mark["said"]} if mark else {}
    return blocks
