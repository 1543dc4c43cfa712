"""SECURITY.md's threats name guards and tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import REPO

PAGE = (REPO / "SECURITY.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## Threats")[2].partition("\n## ")[0].splitlines()
    if line.startswith("|")
][2:]


def test_there_are_threats() -> None:
    assert len(ROWS) >= 20
    assert all(len(row) == 4 and all(row) for row in ROWS)
    assert len({what for _, what, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[f"{who} {what}" for who, what, _, _ in ROWS])
def test_a_threat_names_its_guard_and_a_test_that_exist(row: list[str]) -> None:
    _, _, guards, tests = row
    for file in re.findall(r"`([^`]+)`", guards):
        assert (REPO / file).is_file(), file
    named = re.findall(r"`([^`:]+)::(\w+)`", tests)
    assert named
    for file, function in named:
        assert f"def {function}(" in (REPO / file).read_text(encoding="utf-8"), (file, function)
