"""Reads a table's transaction log line by line, even if a part of it is damaged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from storage.regular import open_regular

FOLDER = "_delta_log"
_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\.parquet")
_MAX_BYTES = 2**30


@dataclass
class TableLog:
    """The content of a transaction log.

    :ivar active: sizes in bytes of the table's present data files, by path below its folder.
    :ivar mentioned: every data file that was ever added or removed, as far as the log is readable.
    :ivar damaged: what is wrong with each damaged file of the log, in a few words.
    :ivar gaps: for each unreadable commit the times of the commits before and after it, in ms since 1970; 0
        and None if there is none.
    """

    active: dict[str, int] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    damaged: dict[str, str] = field(default_factory=dict)
    gaps: list[tuple[int, int | None]] = field(default_factory=list)


def files(table: Path) -> list[Path]:
    """The commits and checkpoints of a table's log."""
    found = sorted((table / FOLDER).glob("*"))
    return [file for file in found if _COMMIT.fullmatch(file.name) or _CHECKPOINT.fullmatch(file.name)]


def read(table: Path, changed: set[str] | frozenset[str] = frozenset()) -> TableLog:
    """Reads a table's log.

    :param changed: names of its files that are known to have changed.
    """
    log = TableLog()
    commits = {int(match[1]): file for file in files(table) if (match := _COMMIT.fullmatch(file.name))}
    start = _start(table, log, changed)
    # A known commit that is missing was deleted: only the oldest commits are ever cleaned up.
    known = (int(match[1]) for name in changed if (match := _COMMIT.fullmatch(name)))
    last = max([start, *commits, *known])
    before, waiting = 0, False
    for version in range(start + 1, last + 1):
        name = f"{version:020}.json"
        actions, reason = _actions(table / FOLDER / name)
        if reason or name in changed:
            log.damaged[name] = reason or "its bytes changed"
        when = next((act["commitInfo"].get("timestamp") for act in actions if "commitInfo" in act), None)
        if waiting and name not in log.damaged:
            log.gaps[-1] = (log.gaps[-1][0], when)
            waiting = False
        if name in log.damaged:
            log.gaps.append((before, None))
            waiting = True
            # Readable lines of a changed file may be wrong.
            actions = [] if name in changed else actions
        else:
            before = when or before
        for action in actions:
            _apply(log, action)
    for version, file in commits.items():
        if version <= start and (
            reason := _actions(file)[1] or ("its bytes changed" * (file.name in changed))
        ):
            log.damaged[file.name] = reason
    return log


def _start(table: Path, log: TableLog, changed: set[str] | frozenset[str]) -> int:
    """Applies the newest readable checkpoint, and returns its version; -1 if there is none."""
    found = -1
    for file in reversed(files(table)):
        if not (match := _CHECKPOINT.fullmatch(file.name)):
            continue
        try:
            rows = pq.read_table(file, columns=["add", "remove"]).to_pylist()
        except (OSError, pa.ArrowException, KeyError) as error:
            log.damaged[file.name] = _short(error)
            continue
        if file.name in changed:
            log.damaged[file.name] = "its bytes changed"
        elif found < 0:
            found = int(match[1])
            for row in rows:
                _apply(log, {name: action for name, action in row.items() if action and action.get("path")})
    return found


def _actions(file: Path) -> tuple[list[dict[str, Any]], str]:
    """The readable actions of a commit, and what is wrong with it; empty if nothing is."""
    try:
        with open_regular(file) as stream:
            lines = stream.read(_MAX_BYTES).splitlines()
    except FileNotFoundError:
        return [], "it is missing"
    except OSError as error:
        return [], f"it cannot be read: {error.strerror}"
    actions, reason = [], "" if lines else "it is empty"
    for line in lines:
        try:
            action = json.loads(line)
            if not isinstance(action, dict):
                raise ValueError
            actions.append(action)
        except ValueError:
            reason = "a line of it is no JSON"
    if not reason and not any("commitInfo" in action for action in actions):
        reason = "it is cut short"
    return actions, reason


def _apply(log: TableLog, action: dict[str, Any]) -> None:
    for kind in ("remove", "add"):
        if not (facts := action.get(kind)):
            continue
        path = unquote(str(facts.get("path")))
        log.mentioned.add(path)
        if kind == "add":
            log.active[path] = int(facts.get("size") or 0)
        else:
            log.active.pop(path, None)


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
