"""Runs the commands of a transcript and compares what they print with what the page shows."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.pages import REPO, Block

TIMEOUT_S = 600

DIFFERS = (
    (r"127\.0\.0\.1:\d+", "HOST:PORT"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{12}", "GENERATION"),
    (r"\b(0\.\d{3}|1\.000)\b", "SCORE"),  # bf16 and float32 differ in the third digit
    (r"\d+\.\d (s|MB)\b", r"N \1"),  # times; sizes that contain ports and dates
    (r"\d{4}-\d{2}-\d{2}", "DATE"),
    (r"\S*lookalike\.toml", "SETTINGS"),
    (r"(?m)^[\d:.]+ \| INFO +\| \w+ run '[^']+' - ", ""),  # Prefect's log
    (r"(?m)^\d\d:\d\d:\d\d \S+: .*\n", ""),  # our log
    (r"\n{2,}", "\n"),  # a progress bar leaves an empty line
    (r"──+", "──"),  # a table is as wide as its cells
    (r" {2,}", "  "),
)
"""What differs from machine to machine or run to run, and what stands for it; applied in this order."""


def read_commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a transcript and the output below it; first the one that sets its scene."""
    if block.run_first:
        yield block.run_first, ""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output.strip("\n")


def run_transcript(block: Block, folder: Path, stores: Mapping[str, str]) -> None:
    """Runs a block's commands in a folder and fails where one prints something else.

    A command whose output the page does not show has to succeed, as has every one that shows no error.

    :param stores: the address under which each of the page's stores is open, by its host.
    """
    for command, shown in read_commands(block):
        printed, code = _run(_localised(command, stores), folder)
        for host, url in stores.items():
            printed = printed.replace(url, f"https://{host}")
        if shown:
            assert _pattern(shown).fullmatch(_normalised(printed) + "\n"), (
                f"{block}: `{command}` printed\n{printed}\nbut the page shows\n{shown}"
            )
        assert code == 0 or "lookalike: " in shown, f"{block}: `{command}` exited with {code}:\n{printed}"


def run_python(block: Block, folder: Path) -> None:
    """Runs a block of Python in a folder; it must not raise."""
    run = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert run.returncode == 0, f"{block}:\n{run.stderr}"


def _localised(command: str, stores: Mapping[str, str]) -> str:
    """The command for stores that are open on this machine."""
    for host, url in stores.items():
        added = f"stores add https://{host}"
        command = command.replace(added, f"{added} --name {host} --allow-private")
        command = command.replace(f"https://{host}", url)
    if command.startswith("scrapy crawl"):
        command += " -a allow_private=1 -a throttle=0"
    command = command.replace("make demo", "lookalike demo")
    return command.replace("lookalike nightly", "lookalike nightly --no-prefect")


def _run(command: str, folder: Path) -> tuple[str, int]:
    """Runs a command in a terminal.

    :return: what it printed, and its exit code.
    """
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", command],
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    )
    os.close(inside)
    printed = bytearray()
    try:
        _read_all(terminal, printed, deadline := time.monotonic() + TIMEOUT_S)
        code = process.wait(max(0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        pytest.fail(f"`{command}` did not end within {TIMEOUT_S} s. It printed\n{_text(printed)}")
    finally:
        os.close(terminal)
    return _text(printed), code


def _read_all(terminal: int, printed: bytearray, deadline: float) -> None:
    """Reads a terminal until the last process has closed it.

    :raises TimeoutError: none has by the deadline.
    """
    while select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0]:
        try:
            part = os.read(terminal, 65_536)
        except OSError:  # Linux's way to say that the last process has closed the terminal
            return
        if not part:
            return
        printed += part
    raise TimeoutError


def _text(printed: bytes | bytearray) -> str:
    return printed.decode(errors="replace").replace("\r\n", "\n").strip("\n")


def _environment() -> dict[str, str]:
    """The environment of a user with a terminal of 88 columns, and without settings of their own."""
    own = ("LOOKALIKE_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPO),
        "SCRAPY_SETTINGS_MODULE": "scrapers.settings",
        "TERM": "dumb",
        "COLUMNS": "88",
        "LINES": "40",
    }


def _normalised(text: str) -> str:
    for pattern, stands_for in DIFFERS:
        text = re.sub(pattern, stands_for, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _pattern(shown: str) -> re.Pattern[str]:
    """What a page shows, as a pattern: `…` alone in a line is any lines, within a line anything."""
    lines = []
    for line in _normalised(shown).splitlines():
        lines.append("(?:.*\n)*" if line == "…" else re.escape(line).replace("…", ".*") + "\n")
    return re.compile("".join(lines))
