"""A file of the user's that hides a package of Lookalike's is named, where the package is needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
GOLDEN = REPOSITORY / "tests" / "golden" / "generation-v2"

NOTEBOOK = """
import sys
import {name}
import lookalike
shop = lookalike.open(sys.argv[1])
[first] = shop.products().to_arrow().slice(0, 1).to_pylist()
name = first["store"] + ":" + first["product_id"]
print(len(shop.search(first["title"], k=1)), len(shop.similar(name, k=1)))
try:
    shop.similar("https://shop.example/x.jpg")
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}")
print({name}.MINE)
"""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a folder, which it looks in first, as a notebook does."""
    environment = {"PYTHONPATH": f"{folder}:{REPOSITORY}", "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def hide(folder: Path, name: str) -> Path:
    file = folder / f"{name}.py"
    file.write_text("MINE = 1\n")
    return file


@pytest.mark.parametrize("name", ["storage", "embedding"])
def test_a_file_that_hides_what_every_search_needs_is_named(tmp_path: Path, name: str) -> None:
    file = hide(tmp_path, name)
    for command in (("-c", "import lookalike"), ("-c", f"import {name}, lookalike"), ("-m", "lookalike.cli")):
        ended = run(tmp_path, *command)
        assert ended.returncode
        assert ended.stderr.splitlines()[-1] == (
            f"ImportError: Lookalike cannot be used here: {file} has the name of its package '{name}'. "
            "Rename that file and restart Python."
        )


@pytest.mark.parametrize("name", ["flows", "scrapers", "dashboards"])
def test_a_file_that_hides_what_a_search_does_not_need_is_in_nobodys_way(tmp_path: Path, name: str) -> None:
    file = hide(tmp_path, name)
    golden = tmp_path / "data"  # opening a root may migrate it
    shutil.copytree(GOLDEN, golden)
    ended = run(tmp_path, "-c", NOTEBOOK.format(name=name), str(golden))
    assert ended.returncode == 0, ended.stderr
    found, problem, mine = ended.stdout.splitlines()
    assert (found, mine) == ("1 1", "1")
    expected = f"ImportError: Lookalike cannot be used here: {file} has the name of its package 'scrapers'"
    assert problem.startswith(expected) == (name == "scrapers")
    command = run(tmp_path, "-m", "lookalike.cli", "status")
    assert f"{file} has the name of its package '{name}'" in command.stderr


def test_a_folder_of_notes_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir()
    assert run(tmp_path, "-c", "import lookalike; lookalike.InputError").returncode == 0
