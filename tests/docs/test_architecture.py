"""docs/architecture.md names modules and files that exist."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import REPO

PAGE = (REPO / "docs/architecture.md").read_text(encoding="utf-8")
ROOMS = ("storage", "scrapers", "embedding", "flows", "lookalike", "dashboards")


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_rooms_section_exists(room: str) -> None:
    section = re.search(rf"^### `{room}/`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"docs/architecture.md does not describe {room}/"
    there = {path.stem for path in (REPO / room).rglob("*.py")}
    named = re.findall(r"`([a-z_]+)`", section[1])
    assert [name for name in named if name not in there] == []


def test_every_path_exists() -> None:
    paths = re.findall(r"`((?:[a-z_]+/)+[a-z_]*(?:\.py)?)`", PAGE)
    rooms = [path for path in paths if path.split("/")[0] in (*ROOMS, "tests", "benchmarks")]
    assert [path for path in rooms if not (REPO / path).exists()] == []
    packages = re.findall(r"^\| `((?:[a-z_]+/)+)`", PAGE, re.MULTILINE)
    known = {f"{path.relative_to(REPO / room)}/" for room in ROOMS for path in (REPO / room).rglob("*")}
    assert [path for path in packages if path not in known and not (REPO / path).is_dir()] == []
